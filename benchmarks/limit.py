"""A fault campaign beside the forward passes that it cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from statistics import median
from typing import Any

from benchmarks.subjects import BER, NAME, bench, images
from benchmarks.timing import Figure, figure, seconds
from resq import checkpoints, data
from resq.core import BitFlips, Layout, seeds
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import score
from resq.measure.run.sweep import Measurer
from resq.measure.specs.sweep_spec import SweepSpec
from resq.memory import faults

WEIGHTS = 11_173_962  # of ResNet18 for ten classes


def draws(quick: bool) -> dict[str, Figure]:
    """Milliseconds to draw one fault map over the bits of 11 M int8 weights."""
    region = faults.region(Layout(("weights",), (WEIGHTS,), 8))
    found = {}
    for rate, most in ((1e-4, 3), (1e-3, 60), (1e-2, 60), (5e-2, 300)):
        chances = [seeds.rng(0, i) for i in range(5 if quick else 20)]
        taken = median(seconds(partial(faults.random, region, rate, rng=rng)) for rng in chances)
        found[f"draw at BER {rate:g}"] = figure(1e3 * taken, most, "ms")
    return found


def drawn(number: int, rate: float = BER) -> BitFlips:
    """The fault map of this number, as a sweep draws it."""
    return faults.random(faults.region(bench().model), rate, rng=seeds.rng(0, "map", number)).at_rate(rate)


def campaign(quick: bool) -> dict[str, Figure]:
    """Wall time of a campaign's rows, 1,000 images at BER 1e-3, over that of its forward passes, in turn."""
    n, maps = (100, 3) if quick else (1000, 20)
    work = row if NAME in checkpoints.names() and data.present("cifar10") else one_map
    x, y = images(n)
    score(bench().network, x, y)  # warm
    work(0, n)
    pure, faulty = [], []
    for number in range(maps):
        pure.append(seconds(partial(score, bench().network, x, y)))
        faulty.append(seconds(partial(work, number, n)))
    ratio = median(f / p for f, p in zip(faulty, pure, strict=True))
    note = (
        f"{n} images, {maps} maps, median of the ratios of neighbouring passes; "
        f"{sum(faulty):.1f} s against {sum(pure):.1f} s in all"
    )
    return {"campaign over forward passes": figure(ratio, 1.05, "x", note=note)}


@cache
def _measurer() -> Measurer:
    return Measurer()


def row(number: int, n: int) -> dict[str, Any]:
    """The row of one map, as sweeps and campaigns make it."""
    spec = SweepSpec(NAME, bers=(BER,), maps=number + 1, n=n)
    return _measurer().row(list(spec.cells())[number])


def one_map(number: int, n: int, on: Callable[[], FaultyNetwork] = bench) -> int:
    """Correct answers under one fault map: draw, flip, n forward passes, undo."""
    x, y = images(n)
    with on().flipped(drawn(number)) as network:
        return score(network, x, y)[0]
