"""Where bits may flip: all of a memory, or chosen layers and bit planes of it, and what is stored there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Protocol

import numpy as np

from resq.core import Layout, QuantizedModel
from resq.core.errors import ResqError
from resq.core.types import CHECKS
from resq.memory.guards.layers import Stored


class Words(Protocol):
    """What a layer stores: ``words``, unsigned integers of any shape, bit by bit as its addresses say."""

    @property
    def words(self) -> np.ndarray:
        """The stored words."""
        ...


@dataclass(frozen=True, eq=False)
class Region:
    """The bits that may flip: all of a layout, or chosen layers and bit planes of it.

    Attributes:
        layers: indices into ``layout.layers``.
        planes: bit positions within a stored word; a layer of shorter words has those that it has.
        words: what is stored, for the fault models that depend on it; None where only the layout is known.
    """

    layout: Layout
    layers: tuple[int, ...]
    planes: tuple[int, ...]
    words: Mapping[str, Words] | None = None

    @cached_property
    def each(self) -> tuple[tuple[int, ...], ...]:
        """The eligible bit positions within a word of each chosen layer."""
        lengths = self.layout.lengths
        return tuple(tuple(p for p in self.planes if p < lengths[i]) for i in self.layers)

    @cached_property
    def starts(self) -> np.ndarray:
        """Number of eligible bits before each chosen layer, and in all, int64 (layers + 1,)."""
        eligible = [self.layout.words[i] * len(own) for i, own in zip(self.layers, self.each, strict=True)]
        return np.concatenate([[0], np.cumsum(eligible, dtype=np.int64)])

    @property
    def n_bits(self) -> int:
        """Eligible bits."""
        return int(self.starts[-1])

    def uniform(self) -> list[Region]:
        """The region as parts, in each of which the words have one length; itself where they all have."""
        lengths = self.layout.lengths
        kinds = sorted({int(lengths[i]) for i in self.layers})
        if len(kinds) < 2:
            return [self]
        parts = [tuple(i for i in self.layers if lengths[i] == length) for length in kinds]
        return [replace(self, layers=part) for part in parts]

    def addresses(self, positions: np.ndarray) -> np.ndarray:
        """Positions among the eligible bits, sorted, as addresses of the layout."""
        if self.n_bits == self.layout.n_bits:
            return positions
        layer = np.searchsorted(self.starts, positions, side="right") - 1
        count = np.asarray([len(own) for own in self.each])[layer]
        word, plane = np.divmod(positions - self.starts[layer], count)
        chosen = np.asarray(self.layers)[layer]
        place = self._places[layer, plane]
        return self.layout.starts[chosen] + word * self.layout.lengths[chosen] + place

    @cached_property
    def _places(self) -> np.ndarray:
        """The eligible bit positions of each chosen layer, filled up with zeros, int64 (layers, planes)."""
        table = np.zeros((len(self.layers), len(self.planes)), dtype=np.int64)
        for row, own in zip(table, self.each, strict=True):
            row[: len(own)] = own
        return table

    def eligible(self, addresses: np.ndarray) -> np.ndarray:
        """Which addresses lie in the region, bool."""
        layer = np.searchsorted(self.layout.starts, addresses, side="right") - 1
        near = np.clip(layer, 0, len(self.layout.layers) - 1)  # a run of bits may reach over the edges
        bit = (addresses - self.layout.starts[near]) % self.layout.lengths[near]
        return np.isin(layer, self.layers) & np.isin(bit, self.planes)

    def bit_values(self, addresses: np.ndarray) -> np.ndarray:
        """The stored bits at sorted addresses, bool.

        Raises:
            ValueError: the region was made without the words.
        """
        cuts = np.searchsorted(addresses, self.layout.starts)
        parts = [np.zeros(0, bool)]
        for i, words in enumerate(self._words()):
            local = addresses[cuts[i] : cuts[i + 1]] - self.layout.starts[i]
            word, bit = np.divmod(local, self.layout.lengths[i])
            word %= len(words)  # copies of a layer lie one after the other
            parts.append((words[word] >> bit.astype(words.dtype) & 1).astype(bool))
        return np.concatenate(parts)

    @cached_property
    def ones(self) -> int:
        """How many of the eligible bits store a 1.

        Raises:
            ValueError: the region was made without the words.
        """
        count, words = 0, self._words()
        for i, own in zip(self.layers, self.each, strict=True):
            mask = words[i].dtype.type(sum(1 << plane for plane in own))
            once = int(np.bitwise_count(words[i] & mask).sum())
            count += once * (self.layout.words[i] // len(words[i]))
        return count

    def _words(self) -> list[np.ndarray]:
        if self.words is None:
            raise ResqError("this fault model depends on the stored words: region(model), not its layout")
        return [q.words.reshape(-1) for q in self.words.values()]


class Memory(Protocol):
    """Something that stores words: a ``QuantizedModel``, a deployed network."""

    @property
    def layout(self) -> Layout:
        """Where every stored bit lies."""
        ...

    @property
    def weights(self) -> Mapping[str, Words]:
        """What each layer of the layout stores, in its order."""
        ...


def region(
    memory: Layout | QuantizedModel | Memory,
    layers: Sequence[str] = (),
    planes: Sequence[int] = (),
    words: Mapping[str, Words] | None = None,
) -> Region:
    """The chosen layers (names or patterns such as ``layer1.*``) and bit planes; none chosen means all.

    Args:
        memory: the model; its layout is enough for fault models that do not look at the words.
        words: what lies in a layout, for those that do.

    Raises:
        ValueError: a pattern that fits no layer, a plane outside the stored words of all chosen layers
            (check words have none of their own), or a memory without a bit.
    """
    layout = memory if isinstance(memory, Layout) else memory.layout
    own = [name.removesuffix(CHECKS) for name in layout.layers]  # what guards a layer's words belongs to it
    chosen: set[int] = set()
    for pattern in layers:
        matches = {i for i, name in enumerate(own) if fnmatchcase(name, pattern)}
        if not matches:
            raise ResqError(f"no layer fits {pattern!r}; known: {', '.join(dict.fromkeys(own))}")
        chosen |= matches
    everywhere = chosen if layers else set(range(len(layout.layers)))
    if planes:  # planes are those of the weights' words
        everywhere = {i for i in everywhere if not layout.layers[i].endswith(CHECKS)}
        _check_planes(planes, max((int(layout.lengths[i]) for i in everywhere), default=0), layers)
    where = Region(
        layout,
        tuple(sorted(everywhere)),
        tuple(sorted(set(planes))) or tuple(range(layout.word_bits)),
        words if isinstance(memory, Layout) else _words_in_memory(memory),
    )
    if not where.n_bits:  # accuracies under no flips would look like those of faults that do no harm
        raise ResqError("bits flip where some are stored: expected words of a layer, got a memory of none")
    return where


def _check_planes(planes: Sequence[int], length: int, layers: Sequence[str]) -> None:
    """Refuses bit planes that no word of the chosen layers has; ``length``: bits of the longest of them."""
    outside = [p for p in planes if not 0 <= p < length]
    if outside:
        whose = f" for {', '.join(layers)}" if layers else ""
        raise ResqError(f"bit planes must lie in 0..{length - 1}, got {outside[0]}{whose}")


def _words_in_memory(memory: QuantizedModel | Memory) -> Mapping[str, Words]:
    """What each entry of the layout stores: not the words as read, where a guard keeps something in them."""
    if isinstance(memory, QuantizedModel) and memory.guarded:
        return Stored(memory)
    return memory.weights


def check_rate(rate: float) -> float:
    """The rate, if it is a probability.

    Raises:
        ValueError: outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ResqError(f"rates must lie in [0, 1], got {rate:g} ({rate:g} % is written {rate / 100:g})")
    return rate


def drawn_at(top: float, rate: float) -> float:
    """The rate that a map is drawn at whose flips are wanted at ``rate``; a ``top`` of 0 is that rate itself.

    Raises:
        ValueError: outside [0, 1], or ``top`` below ``rate``: flips that were never drawn would be missing.

    >>> drawn_at(0.0, 1e-3), drawn_at(1e-2, 1e-3)
    (0.001, 0.01)
    """
    for one in (top, rate):
        check_rate(one)
    if 0 < top < rate:
        raise ResqError(f"top must be 0 or reach the rates, up to {rate:g}, got {top:g}")
    return top or rate
