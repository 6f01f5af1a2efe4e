"""What guards stored words, one file each: what is stored for it, and what struck words are read as.

A guard works on blocks, the words of a layer that share what is stored for them. ``fit`` gives the nearest
words that it can keep, ``store`` what lies in memory for them, and ``read`` what that is read as: without a
fault ``read(*store(fit(words)))`` is ``fit(words)``. Add one: a file with a class of these three, a line in
READERS, and its facts in ``core.guards``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from resq.core import Encoding, registries
from resq.core.guards import GUARDS
from resq.memory.guards.cep import Cep
from resq.memory.guards.hamming import Rows
from resq.memory.guards.inplace import InPlace
from resq.memory.guards.limits import Limits
from resq.memory.guards.mset import Mset
from resq.memory.guards.radar import Radar


class Reader(Protocol):
    """How words are stored and read under a guard.

    Attributes:
        spread: whether the words of a block lie as far apart as can be, not side by side.
    """

    spread: bool

    def fit(self, words: np.ndarray, encoding: Encoding) -> np.ndarray:
        """The words (n,) of a layer as they are read without faults."""
        ...

    def store(
        self, blocks: np.ndarray, real: np.ndarray, encoding: Encoding, layer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Blocks (m, k) of words as read -> the stored words (m, k) and what guards them (m, c) or (1, c).

        Args:
            real: which of the words there are, bool (m, k): the last block may be filled up with zeros.
            layer: all words of the layer as read.
        """
        ...

    def read(
        self, words: np.ndarray, checks: np.ndarray, real: np.ndarray, zero: np.ndarray, encoding: Encoding
    ) -> np.ndarray:
        """What is read of struck words and of what guards them, (m, k); ``zero`` words stand for weight 0."""
        ...


READERS: dict[str, Reader] = {
    "secded": Rows(),
    "secded0": Rows(zeroing=True),
    "spw": Rows(zeroing=True),
    "inplace": InPlace(),
    "mset": Mset(),
    "cep": Cep(),
    **{name: Radar() for name in GUARDS if name.startswith("radar")},
    "limits": Limits(),
}
registries.note("guard", READERS)
