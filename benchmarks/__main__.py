"""``python -m benchmarks``: the engine against the limit of pure forward passes.

Absolute times depend on the machine and on what else it does; a fault campaign and its forward passes are
therefore measured in turn, pass by pass, and compared as a ratio. The last line is JSON:
name -> value, target, met.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import torch

from resq import checkpoints, data, networks, seeds
from resq.core import Encoding, Layout
from resq.measure import joint, sweep
from resq.measure.bench import Bench
from resq.measure.spec import SweepSpec
from resq.memory import faults

WEIGHTS = 11_173_962  # of ResNet18 for ten classes


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def draw(rate: float, repeats: int = 30) -> float:
    """Median milliseconds to draw one fault map over the bits of 11 M int8 weights."""
    region = faults.region(Layout(("weights",), (WEIGHTS,), 8))
    chances = [seeds.rng(0, i) for i in range(repeats)]
    return 1e3 * median(seconds(partial(faults.random, region, rate, rng=chance)) for chance in chances)


def subject() -> checkpoints.Checkpoint:
    """ResNet18 for CIFAR-10, trained; or with random weights, which costs the same."""
    if "cifar10/resnet18/base" in checkpoints.names():
        return checkpoints.load("cifar10/resnet18/base")
    source = data.source("cifar10")
    body = networks.build("resnet18", 10, mean=source.mean, std=source.std).body
    state = {k: v.numpy() for k, v in body.state_dict().items()}
    names = networks.weight_names(body)
    return checkpoints.Checkpoint(
        "cifar10/resnet18/random", "resnet18", "cifar10", state, names, {}, "0" * 16
    )


def overhead(bers: tuple[float, ...], maps: int, n: int) -> float:
    """Wall time of a fault sweep over that of its pure forward passes, both measured in turn."""
    checkpoint = subject()
    bench = Bench(checkpoint, Encoding.parse("int8"))
    spec = SweepSpec(checkpoint.name, bers=bers, maps=maps, n=n)
    x = torch.from_numpy(seeds.rng(0, "images").random((n, 3, 32, 32), dtype=np.float32))
    x, y = x.contiguous(memory_format=torch.channels_last), torch.zeros(n, dtype=torch.long)
    sweep.score(bench.network, x, y)  # warm
    pure = faulty = 0.0
    measurer = sweep.Measurer()
    for cell in spec.cells():
        pure += seconds(lambda: sweep.score(bench.network, x, y))
        faulty += seconds(lambda: joint.transfer(bench, measurer.flips(cell, bench), x, y))  # noqa: B023
    return faulty / pure


def figure(value: float, target: float, unit: str) -> dict[str, float | str | bool]:
    """A measured value beside the largest that was hoped for."""
    return {"value": round(value, 4), "target": target, "unit": unit, "met": value <= target}


def main() -> None:
    """Prints one line per figure, then all of them as JSON."""
    torch.set_grad_enabled(False)
    work: dict[str, Callable[[], dict[str, float | str | bool]]] = {
        "draw at BER 1e-4": lambda: figure(draw(1e-4), 3, "ms"),
        "draw at BER 1e-3": lambda: figure(draw(1e-3), 60, "ms"),
        "draw at BER 1e-2": lambda: figure(draw(1e-2), 60, "ms"),
        "sweep over forward passes": lambda: figure(overhead((0.0, 1e-4, 1e-3, 1e-2), 5, 1000), 1.15, "x"),
        "sweep over forward passes, all at 1e-2": lambda: figure(overhead((1e-2,), 5, 1000), 1.15, "x"),
    }
    found = {}
    for name, measure in work.items():
        found[name] = measure()
        print(
            f"{name}: {found[name]['value']} {found[name]['unit']} (target {found[name]['target']})",
            flush=True,
        )
    print(json.dumps(found))


main()
