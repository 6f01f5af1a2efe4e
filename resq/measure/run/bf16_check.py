"""Whether a network may be measured in bfloat16: the same maps in both precisions come first. No torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from resq.measure.analysis.stats import t_half_width
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec

CHECKED = 5  # maps of each rate
EDGE = 1e-9  # of a ratio, lost in dividing: one image of 1,000 apart is allowed


def choose_precision(
    spec: SweepSpec,
    measure: Callable[[Cell], dict[str, Any]],
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[SweepSpec, str]:
    """The spec as it may be measured, and a sentence that says why and how long it takes.

    Its first CHECKED maps are measured in both precisions. Where at some rate the means differ by more than
    the half-width of the 95 % interval over these maps, and by more than one image, the spec is one of fp32.
    Time alone never decides: the same spec is the same cells on every machine.

    Args:
        measure: ``sweep.Measurer().row``.
        clock: seconds.
    """
    few = replace(spec, maps=min(spec.maps, CHECKED), eps=())
    seen: dict[str, dict[float, list[float]]] = {}
    took: dict[str, float] = {}
    for name in ("fp32", spec.precision):
        rates, began = seen.setdefault(name, {}), clock()
        for row in map(measure, replace(few, precision=name).cells()):
            rates.setdefault(row["ber"], []).append(row["correct"] / row["n"])
        took[name] = clock() - began
    worst = max((excess(seen["fp32"][ber], seen[spec.precision][ber], spec.n), ber) for ber in seen["fp32"])
    sentence = f"{spec.precision} against fp32 on {few.maps} maps: at BER {worst[1]:g} the difference is "
    if worst[0] > 1 + EDGE:
        return replace(spec, precision="fp32"), f"{sentence}{worst[0]:.1f} times what is allowed; fp32 it is"
    cost = took[spec.precision] / took["fp32"]
    slow = f"; --precision fp32 is faster on this machine, {cost:.1f} times" if cost > 1 else ""
    return spec, f"{sentence}{worst[0]:.2f} of what is allowed, and smaller at all other rates{slow}"


def excess(exact: Sequence[float], other: Sequence[float], n: int) -> float:
    """How far the means of accuracies on the same maps lie apart, in units of what is allowed.

    >>> round(excess([0.5, 0.6, 0.7], [0.51, 0.61, 0.71], 100), 2)
    0.04
    """
    half_width = t_half_width(np.asarray(exact))
    allowed = max(1 / n, 0.0 if np.isnan(half_width) else half_width)
    return abs(float(np.mean(other) - np.mean(exact))) / allowed
