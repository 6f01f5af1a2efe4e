"""RADAR: a two-bit signature for every group of weights; a group whose signature differs is read as zero.

Source: Li et al., DATE 2021, arXiv:2101.08254: the weights of a layer are dealt to groups so that
neighbours lie in different ones; M is the sum of a group's weights, each with the sign that a key of 16
bits gives it, and the signature is floor(M / 256) mod 2 and floor(M / 128) mod 2: a flipped top bit of int8
moves M by 128. The paper keeps the signatures where no fault reaches them; here they are stored with the
weights and can flip.
"""

from __future__ import annotations

import numpy as np

from resq.core import Encoding

KEY = 0b1011_0010_0110_1001  # as many signs of one kind as of the other; whoever protects chooses another


class Radar:
    """Groups as spread as can be: word i belongs to group i modulo their number."""

    spread = True

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words (n,) as they are."""
        return words

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words (m, k) and the signature of each group (m, 1)."""
        return blocks, _signature(blocks, encoding)[:, None]

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """The groups (m, k) whose signatures fit; the others are zero."""
        wrong = _signature(words, encoding) != checks[:, 0]
        return np.where(wrong[:, None], zero, words)


def _signature(blocks: np.ndarray, encoding: Encoding) -> np.ndarray:
    """uint8 (m,), the bit of 256 above that of 128."""
    signs = 1 - 2 * (KEY >> np.arange(blocks.shape[1]) % 16 & 1)
    values = blocks.view(np.int8) if encoding.code == "symmetric" else blocks
    total = values.astype(np.int64) @ signs
    return (total >> 7 & 3).astype(np.uint8)
