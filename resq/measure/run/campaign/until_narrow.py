"""A sweep that stops where its intervals are as narrow as was asked for; a pilot that plans it. No torch."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from resq.core import seeds
from resq.measure.analysis import stopping_rule, variance
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec

Row = dict[str, Any]
Measure = Callable[[Cell], Row]
PILOT, FEW = 100, 4  # images of a pilot's maps, and of those that tell what a map costs without images


def run(spec: SweepSpec, half: float, measure: Measure) -> Iterator[Row]:
    """The rows of a sweep, map after map, each rate until ``stopping_rule.enough`` or ``spec.maps`` of them.

    Args:
        half: half-width of the 95 % interval over maps, in 0..1.
        measure: ``sweep.Measurer().row``, or whoever else knows a cell's row.
    """
    seen: dict[Cell, list[float]] = defaultdict(list)
    done: set[Cell] = set()
    for cell in spec.cells():
        series = replace(cell, map=0)
        if series in done:
            continue
        row = measure(cell)
        yield row
        seen[series].append(row["correct"] / row["n"])
        if stopping_rule.enough(seen[series], half, spec.maps):
            done.add(series)


def batches(
    cells: Sequence[Cell], half: float, accuracy: Callable[[Sequence[Cell]], list[float]]
) -> Iterator[list[Cell]]:
    """Yields cells, one batch per check of the stopping rule, until every series' interval is narrow enough.

    Args:
        accuracy: of measured cells, in their order; asked of a wave once the next one is wanted.
    """
    open_: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in cells:
        open_[replace(cell, map=0)].append(cell)
    seen = 0
    for count in stopping_rule.looks(max(map(len, open_.values()), default=0)):
        now = {cell for series in open_.values() for cell in series[seen:count]}
        if now:
            yield [cell for cell in cells if cell in now]  # neighbours share what they can
        open_ = {
            one: series
            for one, series in open_.items()
            if len(series) > count and not stopping_rule.enough(accuracy(series[:count]), half, len(series))
        }
        seen = count


def designed(
    spec: SweepSpec,
    half: float,
    measure: Measure,
    images: int,
    clock: Callable[[], float] = time.perf_counter,
) -> SweepSpec:
    """The spec with the n that reaches the half-width soonest, every map on random images of its own.

    A pilot, on maps of another seed, tells the components at the rate where maps differ most and what maps
    and images cost here. Its rows are not used again. ``maps`` is twice what the plan expects: the rule
    stops before.

    Args:
        images: how many test images there are.
    """
    other = int(seeds.rng(spec.seed, "pilot").integers(2**62))
    bers = tuple(ber for ber in spec.bers if ber)
    pilot = replace(
        spec,
        bers=bers,
        eps=(),
        modes=(),
        maps=stopping_rule.START,
        n=min(PILOT, images),
        seed=other,
        sample="random",
    )
    few = replace(pilot, n=min(FEW, images), bers=bers[-1:])
    next(map(measure, few.cells()))  # what is loaded once is no cost of a map
    per_map = _seconds(few, measure, clock)[1]
    right, whole = _seconds(pilot, measure, clock)
    per_image = max(1e-9, whole - per_map) / pilot.n
    components = [variance.nested(np.stack(right[ber])) for ber in bers]
    hardest = max(components, key=lambda c: c.map)
    maps, n = stopping_rule.best(hardest, per_map, per_image, half, images)
    return replace(spec, sample="random", n=n, maps=max(stopping_rule.MOST, 2 * maps))


def _seconds(
    spec: SweepSpec, measure: Measure, clock: Callable[[], float]
) -> tuple[dict[float, list], float]:
    """Answers per image by rate, and the median seconds of a row."""
    right: dict[float, list[np.ndarray]] = defaultdict(list)
    taken = []
    for cell in spec.cells():
        began = clock()
        row = measure(cell)
        taken.append(clock() - began)
        right[cell.ber].append(variance.unpack(row["right"], cell.n))
    return right, float(np.median(taken))
