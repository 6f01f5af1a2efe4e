"""Limits of the weights of a layer: what lies beyond its largest weight is read as that, no number as zero.

Source: after arXiv:2411.19027 (weights of single precision saturated when they are read); there, smooth
functions such as tanh saturate them, here the plain clip, which changes no weight without a fault. The
limit is a word of memory and is stored 15 times, bit by bit read by majority.
"""

from __future__ import annotations

import numpy as np

from resq.core import Encoding
from resq.core.guards import LIMIT_COPIES


class Limits:
    """A block is one word, and all words of a layer share its limit."""

    spread = False

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words (n,) as they are."""
        return words

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words, and the copies of the limit (1, 15): magnitudes of floats are ordered as words are."""
        limit = (layer & _magnitude(encoding, layer.dtype)).max()
        return blocks, np.full((1, LIMIT_COPIES), limit, blocks.dtype)

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """The words (m, 1) within the limit; beyond it the limit with their sign, and 0 for no number."""
        whole = _magnitude(encoding, words.dtype)
        limit = _majority(checks.reshape(-1))
        size = words & whole
        cut = np.where(size > limit, words & ~whole | limit, words)
        return np.where(size > _infinity(encoding, words.dtype), zero, cut)


def _magnitude(encoding: Encoding, dtype: np.dtype) -> np.unsignedinteger:
    return dtype.type((1 << encoding.word_bits - 1) - 1)


def _infinity(encoding: Encoding, dtype: np.dtype) -> np.unsignedinteger:
    """The word of infinity: larger magnitudes are no numbers."""
    return dtype.type({"fp32": 0x7F800000, "fp16": 0x7C00, "bf16": 0x7F80}[encoding.code])


def _majority(copies: np.ndarray) -> np.unsignedinteger:
    majority = 0
    for bit in range(copies.dtype.itemsize * 8):
        majority |= (
            int((copies >> copies.dtype.type(bit) & copies.dtype.type(1)).sum() * 2 > len(copies)) << bit
        )
    return copies.dtype.type(majority)
