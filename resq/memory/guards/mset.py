"""MSET: the top exponent bit of a float is copied into the two lowest bits of its word and read by majority.

Source: Ahmadilivani et al., arXiv:2605.07417 (2026), "Most Significant Exponent bit Triplication": the
second highest bit of a word, copied to the two lowest. The two low bits of the fraction are given up: the
number is rounded to those that are left.
"""

from __future__ import annotations

import numpy as np

from resq.core import Encoding
from resq.memory.guards.rounding import rounded

COPIES = 2  # low bits of the word


class Mset:
    """Words of their own: a block is one word."""

    spread = False

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words rounded to numbers whose two low bits are 0."""
        return rounded(words, encoding.word_bits - 1, COPIES)

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words (m, 1) with the copies in them; nothing beside them."""
        one = blocks.dtype.type
        top = blocks >> one(encoding.word_bits - 2) & one(1)
        return blocks | top | top << one(1), np.zeros((len(blocks), 0), blocks.dtype)

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """The majority of the three bits, and 0 in place of the copies."""
        one, place = words.dtype.type, encoding.word_bits - 2
        votes = (words >> one(place) & one(1)) + (words & one(1)) + (words >> one(1) & one(1))
        cleared = words & ~one(1 << place | 3)
        return cleared | (votes >= 2).astype(words.dtype) << one(place)
