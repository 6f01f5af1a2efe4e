"""What a measurement costs before it runs: rows, and forward passes of an image. No streamlit."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Protocol

from dashboard.model.remaining import Remaining
from resq import checkpoints
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.run.embedding.spec import EmbeddingSpec
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec

START = 5.0  # s that a job of its own takes before its first row: torch, weights, images
STEP = 3.0  # forward passes that one attack step costs an image: a pass and its way back
# An image that is wrong is attacked no further: of an unhardened ResNet20 (signs) 20 steps of PGD at 4/255
# cost 1.1 passes an image and step, at 8/255 0.5.
FALLS = 2.0  # 1/255, the budget at which half of an unhardened network's images fall
CURVED = 12.0  # passes that the estimate of a heatmap takes: gradients, and curvature along random signs


class Counted(Protocol):
    """Work whose rows are counted beforehand."""

    @property
    def total(self) -> int:
        """How many rows there will be."""


def passes(spec: SweepSpec) -> list[float]:
    """Forward passes of an image that each row of a sweep costs, in the order in which rows are measured.

    Transferred examples are made once for a budget and serve all fault maps; adaptive ones are made for each.

    >>> passes(SweepSpec("a/b/c", bers=(0.0, 1e-2), maps=1, eps=(8.0,), steps=10, n=100))
    [100.0, 100.0, 700.0]
    """
    falls = FALLS if spec.eps and not _withstands(spec.checkpoint) else math.inf
    return list(_passes(spec, falls))


@lru_cache(256)
def _passes(spec: SweepSpec, falls: float) -> tuple[float, ...]:
    """As ``passes``; ``falls``: the budget, in 1/255, at which half of the network's images fall."""
    made, costs = set[float](), []
    for cell in spec.cells():
        cost = float(cell.n)
        if cell.eps > 0 and not (cell.mode == "transfer" and cell.eps in made):
            cost += STEP / (1 + cell.eps / falls) * cell.n * max(1, cell.steps) * max(1, cell.restarts)
            made.add(cell.eps)
        costs.append(cost)
    return tuple(costs)


def _withstands(checkpoint: str) -> bool:
    """Whether it was trained on attacked images: most of its images are then attacked to the last step."""
    try:
        stages = checkpoints.card(checkpoint).get("stages") or ()
    except (ResqError, OSError):
        return False
    return any(stage.get("name") == "adversarial" for stage in stages)


def heated(spec: LayerSpec) -> list[float]:
    """Forward passes of an image that each row of a heatmap costs, in order.

    What lies before a layer is computed once. The estimate comes first and whole; then layer by layer, the
    share of the network that lies behind it.
    """
    layers = len(checkpoints.card(spec.checkpoint)["weights"])
    bits = Encoding.parse(spec.encoding).word_bits
    behind = [spec.n * (layers - at) / layers for at in range(layers) for _ in range(bits * spec.maps)]
    if spec.metric == "pvf":
        return behind
    return [CURVED * spec.n / (layers * bits)] * (layers * bits) + behind


def network(work: object) -> str:
    """The network that a measurement computes with; empty where its rows are not priced here."""
    if isinstance(work, Remaining):
        work = work.spec
    if not isinstance(work, SweepSpec | LayerSpec | EmbeddingSpec) or work.encoding == AS_STORED:
        return ""
    return work.checkpoint


def seconds(work: object, each: float) -> float:
    """How long a measurement takes.

    Args:
        each: seconds of one forward pass of one image.
    """
    return START + each * sum(weights(work, 0))


def weights(work: object, total: int) -> list[float]:
    """What the rows of a measurement cost beside each other; alike where nothing is known of them."""
    if isinstance(work, Remaining):
        each = passes(work.part)
        return [each[number] for number in work.left]
    if isinstance(work, SweepSpec) and not work.inputs:
        return passes(work)
    if isinstance(work, LayerSpec):
        return heated(work)
    if isinstance(work, EmbeddingSpec):
        return passes(work.sweep())
    return [1.0] * total
