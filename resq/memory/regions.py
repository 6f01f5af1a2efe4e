"""Where bits may flip: all of a memory, or chosen layers and bit planes of it, and what is stored there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Protocol

import numpy as np

from resq.core import Layout, QuantizedModel
from resq.errors import ResqError


class Stored(Protocol):
    """Something that lies in memory as words."""

    @property
    def words(self) -> np.ndarray:
        """Unsigned integers."""


@dataclass(frozen=True, eq=False)
class Region:
    """The bits that may flip: all of a layout, or chosen layers and bit planes of it.

    Attributes:
        layers: indices into ``layout.layers``.
        planes: bit positions within a stored word.
        words: what is stored, for the fault models that depend on it; None where only the layout is known.
    """

    layout: Layout
    layers: tuple[int, ...]
    planes: tuple[int, ...]
    words: Mapping[str, Stored] | None = None

    @cached_property
    def starts(self) -> np.ndarray:
        """Number of eligible bits before each chosen layer, and in all, int64 (layers + 1,)."""
        words = [self.layout.words[i] * len(self.planes) for i in self.layers]
        return np.concatenate([[0], np.cumsum(words, dtype=np.int64)])

    @property
    def n_bits(self) -> int:
        """Eligible bits."""
        return int(self.starts[-1])

    def addresses(self, positions: np.ndarray) -> np.ndarray:
        """Positions among the eligible bits, sorted, as addresses of the layout."""
        if self.n_bits == self.layout.n_bits:
            return positions
        layer = np.searchsorted(self.starts, positions, side="right") - 1
        word, plane = np.divmod(positions - self.starts[layer], len(self.planes))
        first = self.layout.starts[np.asarray(self.layers)][layer]
        return first + word * self.layout.stored + np.asarray(self.planes)[plane]

    def eligible(self, addresses: np.ndarray) -> np.ndarray:
        """Which addresses lie in the region, bool."""
        layer = np.searchsorted(self.layout.starts, addresses, side="right") - 1
        return np.isin(layer, self.layers) & np.isin(addresses % self.layout.stored, self.planes)

    def stored(self, addresses: np.ndarray) -> np.ndarray:
        """The stored bits at sorted addresses, bool.

        Raises:
            ValueError: the region was made without the words.
        """
        cuts = np.searchsorted(addresses, self.layout.starts)
        parts = [np.zeros(0, bool)]
        for i, words in enumerate(self._words()):
            local = addresses[cuts[i] : cuts[i + 1]] - self.layout.starts[i]
            word, bit = np.divmod(local, self.layout.stored)
            word %= len(words)  # copies of a layer lie one after the other
            parts.append((words[word] >> bit.astype(words.dtype) & 1).astype(bool))
        return np.concatenate(parts)

    @cached_property
    def ones(self) -> int:
        """How many of the eligible bits store a 1.

        Raises:
            ValueError: the region was made without the words.
        """
        mask, words = sum(1 << plane for plane in self.planes), self._words()
        once = {i: int(np.bitwise_count(words[i] & words[i].dtype.type(mask)).sum()) for i in self.layers}
        return sum(ones * (self.layout.words[i] // len(words[i])) for i, ones in once.items())

    def _words(self) -> list[np.ndarray]:
        if self.words is None:
            raise ResqError("this fault model depends on the stored words: region(model), not its layout")
        return [q.words.reshape(-1) for q in self.words.values()]


def region(
    memory: Layout | QuantizedModel,
    layers: Sequence[str] = (),
    planes: Sequence[int] = (),
    stored: Mapping[str, Stored] | None = None,
) -> Region:
    """The chosen layers (names or patterns such as ``layer1.*``) and bit planes; none chosen means all.

    Args:
        memory: the model; its layout is enough for fault models that do not look at the words.
        stored: what lies in a layout, for those that do.
    Raises:
        ValueError: a pattern that fits no layer, or a plane outside the stored word.
    """
    layout = memory if isinstance(memory, Layout) else memory.layout
    chosen: set[int] = set()
    for pattern in layers:
        found = {i for i, name in enumerate(layout.layers) if fnmatchcase(name, pattern)}
        if not found:
            raise ResqError(f"no layer fits {pattern!r}; known: {', '.join(layout.layers)}")
        chosen |= found
    outside = [p for p in planes if not 0 <= p < layout.stored]
    if outside:
        raise ResqError(f"bit planes must lie in 0..{layout.stored - 1}, got {outside[0]}")
    everywhere = tuple(range(len(layout.layers)))
    return Region(
        layout,
        tuple(sorted(chosen)) if layers else everywhere,
        tuple(sorted(set(planes))) or tuple(range(layout.stored)),
        stored if isinstance(memory, Layout) else memory.weights,
    )


def check_rate(rate: float) -> float:
    """The rate, if it is a probability.

    Raises:
        ValueError: outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ResqError(f"rates must lie in [0, 1], got {rate:g} ({rate:g} % is written {rate / 100:g})")
    return rate
