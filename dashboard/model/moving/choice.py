"""What the page measures of a network: rates that suit the words its weights are stored in."""

from __future__ import annotations

from resq.core import FLOATS, Encoding
from resq.measure.run.embedding.spec import EmbeddingSpec

# One exponent bit may make a weight 2^128 times larger, so words of floats break ten thousand times earlier.
OF_FLOATS = (1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 1e-4)


def spec(net: str, enc: str) -> EmbeddingSpec:
    """The pictures, rates and budgets of a network in an encoding.

    >>> spec("signs/resnet20/base", "fp32").bers[:2], spec("signs/resnet20/base", "int8").bers[:2]
    ((1e-07, 3e-07), (0.0003, 0.001))
    """
    floats = Encoding.parse(enc).code in FLOATS
    return EmbeddingSpec(net, enc, bers=OF_FLOATS if floats else EmbeddingSpec.bers)
