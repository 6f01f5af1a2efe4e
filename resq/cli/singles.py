"""Which share of each layer's and bit's flips changes an answer alone, by as few flips as that takes."""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from resq import checkpoints
from resq.cli import options
from resq.core import Dataset, Encoding
from resq.core.errors import ResqError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.protect.singles import critical_bits
from resq.protect.singles.single_faults import Share


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("checkpoint", help="data/network/variant or the path of a checkpoint")
    parser.add_argument("--encoding", default="", help="how it is stored (default: its own)")
    parser.add_argument(
        "--error",
        type=float,
        default=0.1,
        help="half-width of each cell's interval, at most (default 0.1)",
    )
    parser.add_argument("--n", type=int, default=32, help="the first N test images (default 32)")
    parser.add_argument(
        "--plain", action="store_true", help="as many flips in each cell as where nothing is known"
    )
    parser.add_argument(
        "--every", default="", metavar="LAYERS",
        help="try every flip of these layers, with commas between them, and print which are critical as JSON",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="decides which bits are tried (default 0)")


def run(arguments: argparse.Namespace) -> None:
    """Tries flips cell by cell and prints the shares."""
    if not 0 < arguments.error < 0.5:
        raise ResqError(f"the half-width of an interval lies between 0 and 0.5, got {arguments.error:g}")
    checkpoint = checkpoints.load(arguments.checkpoint)
    encoding = arguments.encoding or checkpoints.default_encoding(arguments.checkpoint)
    bench = FaultyNetwork(checkpoint, Encoding.parse(encoding))
    images = sweep.test_images(SweepSpec(arguments.checkpoint, n=arguments.n), checkpoint)
    if arguments.every:
        print(options.dump(_every(bench, images, arguments, encoding)))
        return
    cells = critical_bits.shares(
        bench, sweep.pixels(images), torch.from_numpy(images.y),
        error=arguments.error, aware=not arguments.plain, seed=arguments.seed,
    )  # fmt: skip
    total = critical_bits.count(bench)
    frame = dict(tqdm(cells, total=total, desc=arguments.checkpoint, unit="cell", leave=False, delay=1))
    lines = critical_bits.summary(frame, arguments.error)
    if arguments.json:
        rows = [{"layer": layer, "bit": bit, "bits": s.bits, "share": s.value, "low": s.low, "high": s.high,
                 "injections": s.injections} for (layer, bit), s in frame.items()]  # fmt: skip
        print(
            options.dump(
                {**lines, "encoding": encoding, "error": arguments.error, "n": arguments.n, "cells": rows}
            )
        )
        return
    options.print_table(table(frame))
    print(text(lines, arguments))
    print(
        f"{arguments.checkpoint} as {encoding}; of each cell the share itself, or where no flip tried was "
        "critical the upper end of its interval; each cell's 95 % interval (Wilson for a finite number of "
        f"bits, over flips) has a half-width of at most {arguments.error:g}, and may lie to one side of the "
        f"share; weights {checkpoint.hash[:16]}"
    )


def _every(
    bench: FaultyNetwork, images: Dataset, arguments: argparse.Namespace, encoding: str
) -> dict[str, Any]:
    """Which flips of the chosen layers are critical, packed as ``np.packbits`` does, in hex."""
    guess = critical_bits.guesses(bench)
    tried = critical_bits.every(bench, sweep.pixels(images), arguments.every.split(","))
    cells = [{"layer": layer, "bit": bit, "words": len(critical), "guess": guess[layer, bit],
              "critical": np.packbits(critical).tobytes().hex()}
             for (layer, bit), critical in tried]  # fmt: skip
    return {"checkpoint": arguments.checkpoint, "weights": bench.checkpoint.hash, "encoding": encoding,
            "n": arguments.n, "images": images.hash, "cells": cells}  # fmt: skip


def table(frame: dict[tuple[str, int], Share]) -> list[dict[str, str]]:
    """One line per layer, and one for check words that guard it, one column per bit, in percent."""
    bits = sorted({bit for _, bit in frame}, reverse=True)
    layers = dict.fromkeys(layer for layer, _ in frame)
    return [{"layer": layer, **{f"bit {b}": _share(frame.get((layer, b))) for b in bits}} for layer in layers]


def _share(share: Share | None) -> str:
    """The share of one cell in percent; nothing where the layer's words, or check words, are shorter."""
    if share is None:
        return ""
    bounded = share.value == 0 < share.high  # none of those tried, which is not none at all
    return f"<= {100 * share.high:.1f} %" if bounded else f"{100 * share.value:.1f} %"


def text(lines: dict[str, Any], arguments: argparse.Namespace) -> str:
    """The whole memory for people."""
    return (
        f"\n{_critical(lines)}. A flip is critical where it changes an answer to one of the first "
        f"{arguments.n} test images; {lines['injections']:,} flips were tried, where plain sampling to the "
        f"same half-width of {arguments.error:g} in every cell tries {lines['plain']:,}; "
        f"seed {arguments.seed}"
    )


def _critical(lines: dict[str, Any]) -> str:
    """Which share of the stored bits is critical, as far as the flips that were tried tell it."""
    low, value, high = (f"{100 * lines[key]:.3g} %" for key in ("critical_low", "critical", "critical_high"))
    every = "all bits that the weights are stored in, copies and check bits included,"
    if not lines["critical_high"]:
        return f"Of {every} none is critical alone: all were tried"
    least = f"{math.floor(lines['flips_to_first_least']):,}"
    if not lines["critical"]:
        return (
            f"None of the flips tried was critical alone: of {every} at most {high} are, and of random "
            f"flips, each alone, the first critical one comes after at least {least} on average, where every "
            "cell's share lies in its interval"
        )
    return (
        f"{value} of {every} are critical alone, and of random flips, each alone, the first critical one "
        f"comes after {lines['flips_to_first']:,.0f} on average; {low} to {high}, and after at least "
        f"{least}, where every cell's share lies in its interval"
    )
