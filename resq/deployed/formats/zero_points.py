"""Whether a file's quantizers are symmetric, told by the zero points of what it computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from resq.deployed.words import middle

CODES = ("uint8", "int8", "uint16", "int16")
FIXED = 1 / 256  # the scale of a softmax or a sigmoid of 8 bits, whose quantizer is the operator's own


@dataclass(frozen=True)
class Computed:
    """The quantizer of a value that is computed: the type of its codes, its scale and its zero point."""

    codes: str
    scale: float
    zero: int


def symmetric(codes: str, seen: Iterable[Computed]) -> bool | None:
    """Whether each value of the width of these codes has the middle code as its zero point; None: no value.

    Affine quantizers give what is behind a ReLU the least code, so that one value tells them; the ends of a
    softmax and of a sigmoid say nothing.
    """
    width = np.dtype(codes).itemsize
    centred = [
        one.zero == middle(one.codes) for one in seen
        if one.codes in CODES and one.scale != FIXED and np.dtype(one.codes).itemsize == width
    ]  # fmt: skip
    return all(centred) if centred else None
