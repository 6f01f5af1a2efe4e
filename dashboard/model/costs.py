"""What a sweep costs before it runs: rows, and forward passes of an image. No streamlit."""

from __future__ import annotations

from collections.abc import Iterable

from resq.measure.specs.sweep_spec import SweepSpec

START = 5.0  # s that a job of its own takes before its first row: torch, weights, images
STEP = 3.0  # forward passes that one attack step costs: a pass and its way back


def passes(spec: SweepSpec) -> list[float]:
    """Forward passes of an image that each row of a sweep costs, in the order in which rows are measured.

    Transferred examples are made once for a budget and serve all fault maps; adaptive ones are made for each.

    >>> passes(SweepSpec("a/b/c", bers=(0.0, 1e-2), maps=1, eps=(8.0,), steps=10, n=100))
    [100.0, 100.0, 3100.0]
    """
    made, costs = set[float](), []
    for cell in spec.cells():
        cost = float(cell.n)
        if cell.eps > 0 and not (cell.mode == "transfer" and cell.eps in made):
            cost += STEP * cell.n * max(1, cell.steps) * max(1, cell.restarts)
            made.add(cell.eps)
        costs.append(cost)
    return costs


def seconds(specs: Iterable[SweepSpec], each: float) -> float:
    """How long these sweeps take one after the other.

    Args:
        each: seconds of one forward pass of one image.
    """
    return sum(START + each * sum(passes(spec)) for spec in specs)


def weights(spec: object, total: int) -> list[float]:
    """What the rows of a measurement cost beside each other; alike where nothing is known of them."""
    return passes(spec) if isinstance(spec, SweepSpec) and not spec.inputs else [1.0] * total
