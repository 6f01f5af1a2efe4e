"""Which share of each layer's and bit's flips changes an answer alone, by as few flips as that takes."""

from __future__ import annotations

import argparse
from typing import Any

import torch
from tqdm import tqdm

from resq import checkpoints
from resq.cli import options
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.protect import critical_bits


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("checkpoint", help="data/network/variant or the path of a checkpoint")
    parser.add_argument("--encoding", default="", help="how it is stored (default: its own)")
    parser.add_argument(
        "--error", type=float, default=0.1, help="half-width of each cell's interval (default 0.1)"
    )
    parser.add_argument("--n", type=int, default=32, help="the first N test images (default 32)")
    parser.add_argument(
        "--plain", action="store_true", help="as many flips in each cell as where nothing is known"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides which bits are tried (default 0)")


def run(arguments: argparse.Namespace) -> None:
    """Tries flips cell by cell and prints the shares."""
    if not 0 < arguments.error < 0.5:
        raise ResqError(f"the half-width of an interval lies between 0 and 0.5, got {arguments.error:g}")
    checkpoint = checkpoints.load(arguments.checkpoint)
    encoding = arguments.encoding or checkpoints.default_encoding(arguments.checkpoint)
    bench = FaultyNetwork(checkpoint, Encoding.parse(encoding))
    images = sweep.test_images(SweepSpec(arguments.checkpoint, n=arguments.n), checkpoint)
    cells = critical_bits.shares(
        bench, sweep.pixels(images), torch.from_numpy(images.y),
        error=arguments.error, aware=not arguments.plain, seed=arguments.seed,
    )  # fmt: skip
    total = len(bench.model.weights) * bench.model.read.word_bits
    shares = dict(tqdm(cells, total=total, desc=arguments.checkpoint, unit="cell", leave=False, delay=1))
    sizes = {name: q.words.size for name, q in bench.model.weights.items()}
    totals = critical_bits.summary(shares, sizes, arguments.error)
    if arguments.json:
        rows = [{"layer": layer, "bit": bit, "share": s.value, "low": s.low, "high": s.high,
                 "injections": s.injections} for (layer, bit), s in shares.items()]  # fmt: skip
        print(
            options.dump(
                {**totals, "encoding": encoding, "error": arguments.error, "n": arguments.n, "cells": rows}
            )
        )
        return
    options.print_table(table(shares))
    print(text(totals, arguments))


def table(shares: dict[tuple[str, int], Any]) -> list[dict[str, str]]:
    """One line per layer, one column per bit, in percent."""
    bits = sorted({bit for _, bit in shares}, reverse=True)
    layers = dict.fromkeys(layer for layer, _ in shares)
    return [
        {"layer": layer, **{f"bit {b}": f"{100 * shares[layer, b].value:.1f} %" for b in bits}}
        for layer in layers
    ]


def text(totals: dict[str, Any], arguments: argparse.Namespace) -> str:
    """The whole memory for people."""
    share, first = f"{100 * totals['critical']:.2f} %", f"{totals['flips_to_first']:.0f}"
    return (
        f"\n{share} of all bits are critical alone: they change an answer to one of the first {arguments.n} "
        f"test images; of random flips, each alone, the first critical one comes after {first} on average. "
        f"{totals['injections']:,} flips were tried, where plain sampling to the same half-width of "
        f"{arguments.error:g} in every cell tries {totals['plain']:,}; seed {arguments.seed}"
    )
