"""What flips of a curve can hit, and what they spare, in words. No streamlit."""

from __future__ import annotations

import pandas as pd

from dashboard.format.filewords import KINDS
from resq.measure.specs.cells import ACTIVATIONS

# What is struck (``SweepSpec.targets``) -> what flips, and what stays as it was.
SPARED = {
    "weights": "only the words of the weights flip here: scales, zero points, norms and biases are spared",
    "floats": "only scales, zero points, norms and biases flip here: the words of the weights are spared",
    "all": "all that is stored flips here, scales, zero points, norms and biases as the words of the weights",
}
VALUES = "only bits of the 8-bit activations flip here, anew for each image: all that is stored is spared"


def struck(curves: pd.DataFrame) -> str:
    """What flips in the dots of these curves, without its stop; "" where nothing flips.

    Args:
        curves: of ``stats.curve``, with ``targets``, ``fault`` and, above 0 where bits flip, ``x``.

    >>> struck(pd.DataFrame({"targets": ["biases"], "fault": ["random"], "x": [1e-3]}))
    'only the biases flip here: all else that is stored, the weights too, is spared'
    """
    flipped = curves[(curves["x"] > 0) & (curves["fault"] != "none")]
    pairs = zip(flipped["targets"], flipped["fault"], strict=True)
    each = (VALUES if fault == ACTIVATIONS else _spared(str(name)) for name, fault in pairs)
    phrases = list(dict.fromkeys(each))
    return f"{'by curve, ' * (len(phrases) > 1)}{'; or '.join(phrases)}"


def _spared(targets: str) -> str:
    """Of one kind of a deployed file, or several with commas between them, or all."""
    if targets in SPARED:
        return SPARED[targets]
    named = " and ".join(KINDS.get(kind, kind) for kind in targets.split(","))
    weights = "" if "weights" in targets.split(",") else ", the weights too,"
    return f"only the {named} flip here: all else that is stored{weights} is spared"
