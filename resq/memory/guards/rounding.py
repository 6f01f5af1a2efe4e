"""Words rounded to those whose lowest bits are 0, which then are free."""

from __future__ import annotations

import numpy as np


def rounded(words: np.ndarray, magnitude: int, free: int) -> np.ndarray:
    """The nearest words whose ``free`` low bits are 0; ties go up, none leaves the ``magnitude`` low bits.

    Args:
        magnitude: bits of a word that grow with its distance from 0; a sign lies above them.

    >>> [hex(word) for word in rounded(np.array([0x0007, 0x8009, 0x7FFF], np.uint16), 15, 4)]
    ['0x0', '0x8010', '0x7ff0']
    """
    one = words.dtype.type
    whole = one((1 << magnitude) - 1)
    size = words & whole
    up = np.minimum(size.astype(np.uint64) + np.uint64(1 << free - 1), np.uint64(whole)).astype(words.dtype)
    return words & ~whole | up & ~one((1 << free) - 1)
