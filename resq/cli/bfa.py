"""Progressive bit search: which few stored bits an attacker who knows the network would flip."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from resq.cli import files, options
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.analysis import stats


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    options.add_network(parser, seed="which images the attacker has")
    options.add_file(parser)
    options.add_result(parser, 128, "the attacker's images")
    options.add_device(parser)
    parser.add_argument("--flips", type=int, default=20, help="bits to flip, one by one (default 20)")
    parser.add_argument("--test", type=int, default=1000, help="other images that tell the accuracy (1000)")


def run(arguments: argparse.Namespace) -> None:
    """Searches and prints the flips as they are found."""
    if min(arguments.flips, arguments.n, arguments.test) < 1:
        raise ResqError(
            f"flips, n and test must be at least 1, got {arguments.flips}, {arguments.n} and {arguments.test}"
        )
    of_file = deployed.is_file(arguments.checkpoint)
    found, steps = files.bit_search(arguments) if of_file else prepared(arguments), []
    if not arguments.json and not of_file:
        options.first(arguments)
    for step in found.pop("steps"):
        steps.append(step)
        if not arguments.json:
            print(_line(step, found["test"]), flush=True)
    found["steps"] = steps
    if not options.write_result(arguments, found):
        print(
            f"\n{options.stored(found)}, {found['n']} images of the attacker, accuracy "
            f"on {found['test']} others of {found['data']}, seed {found['seed']}; weights "
            f"{found['weights']}, code {found['code']}"
        )


def prepared(arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``--json`` prints, its steps still an iterator."""
    import torch

    from resq import checkpoints, data
    from resq.core import seeds
    from resq.measure.engine.faulty_network import FaultyNetwork
    from resq.measure.run import sweep
    from resq.platform import devices

    checkpoint = checkpoints.load(arguments.checkpoint)
    whole = data.load(checkpoint.data, "test").first(arguments.n + arguments.test)
    order = seeds.rng(arguments.seed, "bfa").permutation(len(whole))
    own, others = whole.take(order[: arguments.n]), whole.take(order[arguments.n :])
    where = devices.chosen(arguments.device)
    bench = FaultyNetwork(checkpoint, Encoding.parse(arguments.encoding), device=where)
    pairs = [(sweep.pixels(part), torch.from_numpy(part.y)) for part in (own, others)]
    known, unseen = ((x.to(where), y.to(where)) for x, y in pairs)
    return {
        "checkpoint": arguments.checkpoint,
        "data": whole.name,
        "encoding": arguments.encoding,
        "bits": bench.model.n_bits,
        "n": arguments.n,
        "test": arguments.test,
        "seed": arguments.seed,
        "weights": checkpoint.hash,
        "images": whole.hash,
        "code": sweep.code_hash(),
        "steps": _measured(bench, known, unseen, arguments.flips),
    }


def _measured(
    bench: Any, own: tuple[Any, Any], others: tuple[Any, Any], flips: int
) -> Iterator[dict[str, Any]]:
    """The fault-free network, then one object per flip with the accuracy after it."""
    from resq.attacks import bit_search
    from resq.measure.engine.predictions import score

    clean = {"address": -1, "layer": "", "word": -1, "bit": -1, "before": 0.0, "after": 0.0, "tried": 0}
    yield {
        "flips": 0,
        **clean,
        "loss": bit_search.loss(bench, *own),
        "correct": score(bench.network, *others)[0],
    }
    done: list[int] = []
    for step in bit_search.search(bench, *own, flips):
        done.append(step.address)
        with bench.flipped(bit_search.flips_of(done)) as network:
            yield {"flips": len(done), **asdict(step), "correct": score(network, *others)[0]}


def _line(step: dict[str, Any], n: int) -> str:
    accuracy = step["correct"] / n
    said = f"{step['flips']:>3} flips  loss {step['loss']:8.3f}  accuracy {options.percent(accuracy):>8}"
    said += f" ({options.span(*stats.wilson(accuracy, n))})"
    if not step["flips"]:
        return said
    return (
        f"{said}  {step['layer']} weight {step['word']} bit {step['bit']}: "
        f"{step['before']:.4f} -> {step['after']:.4f}"
    )
