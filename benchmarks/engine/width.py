"""Time to a 95 % half-width of 0.5 pp in the collapse region: many maps on few images, or few on all."""

from __future__ import annotations

from functools import partial
from statistics import median

import numpy as np
import torch

from benchmarks.limit import drawn
from benchmarks.subjects import bench, images
from benchmarks.timing import Figure, figure, seconds
from resq.core import seeds
from resq.measure.analysis import stopping_rule, variance
from resq.measure.analysis.stats import t_half_width
from resq.measure.engine.predictions import evaluate

BER, HALF, ALL = 0.05, 0.005, 10_000
SHOWN = 0.02  # the half-width that is reached by running it, which takes a sixteenth of the maps


def two_stage(quick: bool) -> dict[str, Figure]:
    """Seconds to the half-width by maps on the full test set, over those by the planned maps x images.

    From measured components and measured costs; the planned design is then run to a wider half-width.
    """
    pool = 2000 if quick else ALL
    maps, n = (4, 50) if quick else (stopping_rule.START, 100)
    right, per_map, per_image = _look(maps, n, pool, first=0)
    found = variance.nested(right)
    design = stopping_rule.best(found, per_map, per_image, HALF)
    whole = int(stopping_rule.needed(np.array(max(0.0, found.map) + found.within / ALL), HALF))
    ours = design[0] * (per_map + design[1] * per_image)
    full = whole * (per_map + ALL * per_image)
    shown, spent = _shown(found, per_map, per_image, pool, quick)
    note = (
        f"BER {BER:g}: s.d. between maps {100 * np.sqrt(max(0, found.map)):.1f} pp; a map costs "
        f"{1e3 * per_map:.0f} ms, an image {1e3 * per_image:.2f} ms; "
        f"planned {design[0]} maps x {design[1]} images, "
        f"{ours:.0f} s, against {whole} maps x {ALL} images, {full:.0f} s; run for {100 * SHOWN:g} pp: "
        f"{100 * shown:.2f} pp in {spent:.0f} s"
    )
    return {
        "time to 0.5 pp, times shorter than full-test-set maps": figure(
            full / ours, 10, "x", more=True, note=note
        )
    }


def _look(maps: int, n: int, pool: int, first: int) -> tuple[np.ndarray, float, float]:
    """Answers (maps, n), each map on random images of its own; median seconds per map and per image."""
    x, y = images(pool)
    right, injected, passed = [], [], []
    for number in range(first, first + maps):
        chosen = torch.from_numpy(seeds.rng(0, "images", number).choice(pool, n, replace=False))
        part, labels = x[chosen].contiguous(memory_format=torch.channels_last), y[chosen]
        injected.append(seconds(partial(_flip_and_undo, number)))
        with bench().flipped(drawn(number, BER)) as network:
            passed.append(seconds(lambda: right.append(evaluate(network, part, labels)[0])))  # noqa: B023
    return np.stack(right), median(injected), median(passed) / n


def _flip_and_undo(number: int) -> None:
    with bench().flipped(drawn(number, BER)):
        pass


def _shown(
    found: variance.Components, per_map: float, per_image: float, pool: int, quick: bool
) -> tuple[float, float]:
    """The half-width reached and the seconds taken by the design planned for SHOWN, really run."""
    maps, n = (4, 50) if quick else stopping_rule.best(found, per_map, per_image, SHOWN)
    seen: list[np.ndarray] = []
    taken = seconds(lambda: seen.append(_look(maps, n, pool, first=1000)[0]))
    return t_half_width(seen[0].mean(axis=1)), taken
