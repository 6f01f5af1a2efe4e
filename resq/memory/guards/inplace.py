"""In-place zero-space ECC: SEC-DED of eight int8 weights in bits that seven of them do not need.

Source: Guan et al., NeurIPS 2019, arXiv:1910.14479: a weight of -64..63 has its sign in bits 7 and 6 alike,
so bit 6 is free; the first seven of every eight weights are kept in that range, and their free bits hold
the seven check bits of a (64, 57) code over what is left. There, training moves the large weights to every
eighth place; here, without it, weights beyond the range are cut to it. The last weights of a layer whose
number is no multiple of eight have no code.
"""

from __future__ import annotations

import numpy as np

from resq.core import Encoding
from resq.memory.guards.hamming import Hamming

CODE = Hamming(57)
LOW, SIGN, FREE = 0x3F, 0x80, 0x40


class InPlace:
    """Blocks of eight words of two's complement."""

    spread = False

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words (n,), the first seven of every eight cut to -64..63."""
        whole = len(words) // 8 * 8
        held = words[:whole].reshape(-1, 8).view(np.int8).copy()
        held[:, :7] = np.clip(held[:, :7], -64, 63)
        return np.concatenate([held.reshape(-1).view(np.uint8), words[whole:]])

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words with the check bits in bit 6 of the first seven; nothing beside them."""
        checks = CODE.encode(_data(blocks))
        bits = (checks[:, None] >> np.arange(7, dtype=np.uint64) & np.uint64(1)).astype(np.uint8)
        held = blocks.copy()
        held[:, :7] = held[:, :7] & ~np.uint8(FREE) | bits << np.uint8(6)
        return np.where(real.all(axis=1, keepdims=True), held, blocks), np.zeros((len(blocks), 0), np.uint8)

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """The blocks decoded, and bit 6 of the first seven made the sign again."""
        bits = (words[:, :7] >> np.uint8(6) & np.uint8(1)).astype(np.uint64)
        checkbits = np.bitwise_or.reduce(bits << np.arange(7, dtype=np.uint64), axis=1)
        data, _ = CODE.decode(_data(words), checkbits)
        return np.where(real.all(axis=1, keepdims=True), _words(data), words)


def _data(blocks: np.ndarray) -> np.ndarray:
    """The 57 bits that are coded: seven of each of the first seven words, all of the eighth."""
    seven = (blocks[:, :7] & np.uint8(LOW)) | (blocks[:, :7] & np.uint8(SIGN)) >> np.uint8(1)
    shifts = (np.arange(8) * 7).astype(np.uint64)
    every = np.concatenate([seven, blocks[:, 7:]], axis=1).astype(np.uint64)
    return np.bitwise_or.reduce(every << shifts, axis=1)


def _words(data: np.ndarray) -> np.ndarray:
    """The words that 57 bits stand for."""
    shifts = (np.arange(8) * 7).astype(np.uint64)
    every = (data[:, None] >> shifts & np.uint64(0xFF)).astype(np.uint8)
    sign = every[:, :7] & np.uint8(FREE)
    every[:, :7] = every[:, :7] & np.uint8(LOW) | sign | sign << np.uint8(1)
    return every
