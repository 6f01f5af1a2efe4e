"""A guarded layer: which words share a block, what is stored for them, and what flips make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from resq.core import Encoding, QuantizedModel, QuantizedTensor
from resq.core.guards import GUARDS, ROW
from resq.core.types import CHECKS
from resq.memory import bits
from resq.memory.guards import READERS


@dataclass(frozen=True, eq=False)
class Layer:
    """The words of one layer as they are read without faults, (n,), and their guard."""

    words: np.ndarray
    encoding: Encoding

    @property
    def size(self) -> int:
        """Words of a block."""
        group = GUARDS[self.encoding.guard].group
        return max(1, group or ROW // self.encoding.word_bits)

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-len(self.words) // self.size)

    @property
    def shared(self) -> bool:
        """Whether all words share what is stored for them."""
        return GUARDS[self.encoding.guard].group < 0

    def block(self, word: np.ndarray) -> np.ndarray:
        """The block of each word."""
        return word % self.blocks if READERS[self.encoding.guard].spread else word // self.size

    def members(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The words of these blocks, int64 (m, k), and which of them there are, bool (m, k)."""
        step = np.arange(self.size)
        spread = READERS[self.encoding.guard].spread
        index = block[:, None] + step * self.blocks if spread else block[:, None] * self.size + step
        real = index < len(self.words)
        return np.where(real, index, 0), real

    def in_memory(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What lies in memory for these blocks: words (m, k) and what guards them, (m, c) or (1, c)."""
        index, real = self.members(block)
        words = np.where(real, self.words[index], self.words.dtype.type(0))
        return READERS[self.encoding.guard].store(words, real, self.encoding, self.words)

    def read(
        self, struck: tuple[np.ndarray, np.ndarray], checks: tuple[np.ndarray, np.ndarray], zero: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words that are read as others under flips: distinct indices ascending, xor masks.

        Args:
            words, checks: index and mask of the struck words, and of the struck words that guard them.
            zero: the word of this layer that stands for weight 0, of each word (n,) or (1,).
        """
        touched = np.union1d(self.block(struck[0]), self._touched(checks[0]))
        held, beside = self.in_memory(touched)
        index, real = self.members(touched)
        held, beside = held.copy(), beside.copy()
        row = np.searchsorted(touched, self.block(struck[0]))
        column = struck[0] // self.blocks if READERS[self.encoding.guard].spread else struck[0] % self.size
        held[row, column] ^= struck[1]
        self._strike(beside, touched, *checks)
        nothing = zero[index] if len(zero) > 1 else zero[0]
        decoded = READERS[self.encoding.guard].read(held, beside, real, nothing, self.encoding)
        change = (decoded ^ self.words[index])[real]
        at = index[real][change != 0]
        order = np.argsort(at, kind="stable")
        return at[order], change[change != 0][order]

    def _touched(self, check: np.ndarray) -> np.ndarray:
        """The blocks whose guard is struck."""
        if self.shared and len(check):
            return np.arange(self.blocks)
        return check

    def _strike(self, beside: np.ndarray, touched: np.ndarray, at: np.ndarray, mask: np.ndarray) -> None:
        if self.shared:
            beside[0, at] ^= mask.astype(beside.dtype)
        elif len(at):
            beside[np.searchsorted(touched, at), 0] ^= mask.astype(beside.dtype)


@dataclass(frozen=True, eq=False)
class Held:
    """Stored words, flat unsigned integers."""

    words: np.ndarray


class Stored(Mapping[str, Held]):
    """What every entry of a guarded model's layout stores, written out when it is first asked for."""

    def __init__(self, model: QuantizedModel) -> None:
        self._model = model

    def __getitem__(self, name: str) -> Held:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._model.layout.layers)

    def __len__(self) -> int:
        return len(self._model.layout.layers)

    @cached_property
    def _all(self) -> dict[str, Held]:
        parts, beside = {}, {}
        for name, q in self._model.weights.items():
            words, checks = written(q)
            parts[name] = Held(words)
            if q.encoding.checks(q.words.size)[0]:
                beside[name + CHECKS] = Held(checks)
        return parts | beside


def written(q: QuantizedTensor) -> tuple[np.ndarray, np.ndarray]:
    """What lies in memory for a layer: its words (n,), and the words that guard them (c,)."""
    flat = q.words.reshape(-1)
    if not q.encoding.guard:
        return flat, np.zeros(0, np.uint8)
    layer = Layer(flat, q.encoding)
    every = np.arange(layer.blocks)
    words, checks = layer.in_memory(every)
    index, real = layer.members(every)
    flat_words = np.empty_like(flat)
    flat_words[index[real]] = words[real]
    return flat_words, checks.reshape(-1)


def misread(q: QuantizedTensor, zero: np.ndarray, flips: np.ndarray, checks: np.ndarray) -> np.ndarray:
    """The bits of a guarded layer that are read wrong, sorted addresses relative to its first bit.

    Args:
        zero: the words that stand for weight 0, see ``Layer.read``.
        flips, checks: sorted distinct addresses of the flipped bits of its words, and of what guards them.
    """
    layer, width = Layer(q.words.reshape(-1), q.encoding), q.encoding.word_bits
    _, length = q.encoding.checks(q.words.size)
    struck = bits.masks(flips, width, q.words.dtype)
    kind = np.dtype("u1" if length <= 8 else "u2" if length <= 16 else "u4")
    beside = bits.masks(checks, length, kind) if len(checks) else (checks, np.zeros(0, kind))
    at, change = layer.read(struck, beside, zero)
    raw = change.view(np.uint8).reshape(len(change), change.itemsize)
    each = np.unpackbits(raw, axis=1, bitorder="little")
    word, bit = np.nonzero(each)
    return at[word] * width + bit
