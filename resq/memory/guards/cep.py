"""CEP: every three bits of a word have a parity bit among its low bits; threes that do not fit are 000.

Source: Ahmadilivani et al., arXiv:2605.07417 (2026), "Chunked Embedded Parity", three data bits for each
parity bit: a word of 16 bits has four threes, one of 32 bits eight, the topmost three with the topmost
parity bit. Written here for 8 bits too, two threes and two parity bits. The paper's words keep their parity
bits as the low bits of the fraction; here they are read as 0, and the number is rounded to those that are
left.
"""

from __future__ import annotations

import numpy as np

from resq.core import Encoding
from resq.memory.guards.rounding import rounded

THREE = 3


class Cep:
    """Words of their own: a block is one word."""

    spread = False

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words rounded to those whose low bits are free for parity."""
        unsigned = encoding.code == "affine"
        return rounded(words, encoding.word_bits - (not unsigned), encoding.word_bits // 4)

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words with their parity bits; nothing beside them."""
        return blocks | _parities(blocks, encoding.word_bits // 4), np.zeros((len(blocks), 0), blocks.dtype)

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """Threes whose parity does not fit are 000, and so are the parity bits."""
        count, one = encoding.word_bits // 4, words.dtype.type
        wrong = (words ^ _parities(words, count)) & one((1 << count) - 1)
        cleared = words & ~one((1 << count) - 1)
        for i in range(count):
            chunk = one(7 << count + THREE * i)
            cleared = np.where(wrong >> one(i) & one(1), cleared & ~chunk, cleared)
        return cleared


def _parities(words: np.ndarray, count: int) -> np.ndarray:
    """The parity bits that the threes ask for, the lowest three's lowest."""
    one, parity = words.dtype.type, np.zeros_like(words)
    for i in range(count):
        odd = np.bitwise_count(words >> one(count + THREE * i) & one(7)) & np.uint8(1)
        parity |= odd.astype(words.dtype) << one(i)
    return parity
