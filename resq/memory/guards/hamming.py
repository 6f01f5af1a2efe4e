"""SEC-DED: extended Hamming codes over a row of memory or over one word. One flip is undone, two are found.

Source: Hamming, BSTJ 1950. The places of a code word are numbered from 1; the powers of two hold check
bits, each the parity of the data whose place has that bit; one more bit is the parity of all. The xor of
the places that are wrong, the syndrome, names a single one. Where an even number is wrong it is found and
left, or all words of the row are read as zero: the weight is masked, as in SPW (arXiv:2508.12347).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from resq.core import Encoding
from resq.core.guards import GUARDS, ROW, hamming_checks

FINE, CORRECTED, FOUND = 0, 1, 2
ONE = np.uint64(1)


@dataclass(frozen=True)
class Hamming:
    """An extended Hamming code over ``data`` bits, at most 64; its check bits follow from them.

    >>> code = Hamming(8)
    >>> word = np.array([0b1010_0110], np.uint64)
    >>> struck = word ^ np.uint64(0b0100_0000)
    >>> code.decode(struck, code.encode(word))
    (array([166], dtype=uint64), array([1], dtype=uint8))
    """

    data: int

    @property
    def checks(self) -> int:
        """Check bits: those of Hamming's code, then the parity of all."""
        return hamming_checks(self.data)

    @property
    def places(self) -> list[int]:
        """The place of each data bit: the numbers from 1 on that are no powers of two."""
        every = range(1, self.data + self.checks + 1)
        return [place for place in every if place & (place - 1)][: self.data]

    def encode(self, data: np.ndarray) -> np.ndarray:
        """Data uint64 (n,) -> check bits uint64 (n,), the parity of all uppermost."""
        hamming = np.zeros_like(data)
        for j, mask in enumerate(_masks(self)):
            hamming |= _parity(data & mask) << np.uint64(j)
        return hamming | (_parity(data) ^ _parity(hamming)) << np.uint64(self.checks - 1)

    def decode(self, data: np.ndarray, checks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Struck data and check bits -> data as read uint64 (n,), and FINE, CORRECTED or FOUND uint8 (n,)."""
        known = np.uint64((1 << self.checks - 1) - 1)
        syndrome = ((self.encode(data) ^ checks) & known).astype(np.int64)
        odd = (_parity(data) ^ _parity(checks)).astype(bool)
        mask = _correction(self)[syndrome]
        # Odd, and the syndrome is the place of a data bit, of a check bit, or 0, the parity of all.
        able = odd & (syndrome <= self.places[-1])
        state = np.where(able, CORRECTED, np.where(odd | (syndrome > 0), FOUND, FINE))
        return data ^ np.where(able, mask, np.uint64(0)), state.astype(np.uint8)


def _parity(values: np.ndarray) -> np.ndarray:
    return np.bitwise_count(values).astype(np.uint64) & ONE


@cache
def _masks(code: Hamming) -> list[np.uint64]:
    """For each check bit of Hamming's code the data bits that it is the parity of."""
    return [
        np.uint64(sum(1 << i for i, place in enumerate(code.places) if place >> j & 1))
        for j in range(code.checks - 1)
    ]


@cache
def _correction(code: Hamming) -> np.ndarray:
    """For each syndrome the data bit at that place, uint64; 0 where it holds none."""
    table = np.zeros(1 << code.checks - 1, np.uint64)
    for i, place in enumerate(code.places):
        table[place] = np.uint64(1 << i)
    return table


@dataclass(frozen=True)
class Rows:
    """SEC-DED over the words of a row; ``zeroing`` reads them as zero where it cannot undo what is wrong."""

    zeroing: bool = False
    spread = False

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words (n,) as they are."""
        return words

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words and one word of check bits for each row."""
        return blocks, _code(encoding).encode(pack(blocks, encoding.word_bits))[:, None]

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """The rows (m, k) decoded."""
        width = encoding.word_bits
        data, state = _code(encoding).decode(pack(words, width), checks[:, 0].astype(np.uint64))
        decoded = unpack(data, width, words)
        return np.where((state == FOUND)[:, None], zero, decoded) if self.zeroing else decoded


def _code(encoding: Encoding) -> Hamming:
    return Hamming(ROW if GUARDS[encoding.guard].group == 0 else encoding.word_bits)


def pack(blocks: np.ndarray, width: int) -> np.ndarray:
    """Words (m, k) of ``width`` bits side by side, the first lowest: uint64 (m,)."""
    shifts = (np.arange(blocks.shape[1]) * width).astype(np.uint64)
    return np.bitwise_or.reduce(blocks.astype(np.uint64) << shifts, axis=1)


def unpack(data: np.ndarray, width: int, like: np.ndarray) -> np.ndarray:
    """The other way: uint64 (m,) -> words in the shape and type of ``like`` (m, k)."""
    shifts = (np.arange(like.shape[1]) * width).astype(np.uint64)
    return ((data[:, None] >> shifts) & np.uint64((1 << width) - 1)).astype(like.dtype)
