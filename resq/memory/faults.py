"""Which bits flip. Add a fault model: a function ``(region, rate, *, rng) -> BitFlips`` and a line in FAULTS.

A fault model returns addresses and nothing else: applying, undoing, counting, storing and drawing them is
then the same for all. The rate is the probability per stored bit of the region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np

from resq.core import BitFlips, Layout
from resq.memory import bits


@dataclass(frozen=True)
class Region:
    """The bits that may flip: all of a layout, or chosen layers and bit planes of it.

    Attributes:
        layers: indices into ``layout.layers``.
        planes: bit positions within a stored word.
    """

    layout: Layout
    layers: tuple[int, ...]
    planes: tuple[int, ...]

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


FaultModel = Callable[..., BitFlips]


def region(layout: Layout, layers: Sequence[str] = (), planes: Sequence[int] = ()) -> Region:
    """The chosen layers (names or patterns such as ``layer1.*``) and bit planes; none chosen means all.

    Raises:
        ValueError: a pattern that fits no layer, or a plane outside the stored word.
    """
    chosen: set[int] = set()
    for pattern in layers:
        found = {i for i, name in enumerate(layout.layers) if fnmatchcase(name, pattern)}
        if not found:
            raise ValueError(f"no layer fits {pattern!r}; known: {', '.join(layout.layers)}")
        chosen |= found
    outside = [p for p in planes if not 0 <= p < layout.stored]
    if outside:
        raise ValueError(f"bit planes must lie in 0..{layout.stored - 1}, got {outside[0]}")
    everywhere = tuple(range(len(layout.layers)))
    return Region(
        layout,
        tuple(sorted(chosen)) if layers else everywhere,
        tuple(sorted(set(planes))) or tuple(range(layout.stored)),
    )


def check_rate(rate: float) -> float:
    """The rate, if it is a probability.

    Raises:
        ValueError: outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rates must lie in [0, 1], got {rate:g} ({rate:g} % is written {rate / 100:g})")
    return rate


def random(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Every bit flips independently with probability ``rate``; the count is binomial."""
    at = bits.sparse(region.n_bits, check_rate(rate), rng)
    return BitFlips(region.addresses(at), rng.random(len(at)) * rate)


def count(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Exactly round(rate x bits) distinct bits, every set of them equally likely."""
    n = round(check_rate(rate) * region.n_bits)
    at = rng.choice(region.n_bits, n, replace=False, shuffle=False).astype(np.int64)
    # The i-th of n bits, in random order, turns at i / n of the rate: exact counts at smaller rates too.
    onsets = (rng.permutation(n) + 0.5) / region.n_bits
    order = np.argsort(at)
    return BitFlips(region.addresses(at[order]), onsets[order])


def layer_uniform(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """rate x bits draws that pick a layer uniformly, then a weight, then a bit; an even number undoes itself.

    Small layers are hit far more often than their share: ``effective_rates`` says how much more. The number
    of draws that reach one bit of layer l is Poisson with mean m = rate x bits / (layers x bits of l), so
    the bit ends up flipped with probability (1 - exp(-2 m)) / 2.
    """
    check_rate(rate)
    positions, onsets = [], []
    for i, p in enumerate(effective_rates(region, rate)):
        size = int(region.starts[i + 1] - region.starts[i])
        at = bits.sparse(size, p, rng)
        turned = rng.random(len(at)) * p
        mean_per_rate = region.n_bits / (len(region.layers) * size)
        positions.append(region.starts[i] + at)
        onsets.append(-np.log1p(-2 * turned) / 2 / mean_per_rate)
    return BitFlips(region.addresses(np.concatenate(positions)), np.concatenate(onsets))


def effective_rates(region: Region, rate: float) -> np.ndarray:
    """Probability that one bit of each layer flips under ``layer_uniform``, float64 (layers,)."""
    mean = rate * region.n_bits / (len(region.layers) * np.diff(region.starts))
    return -np.expm1(-2 * mean) / 2


def one_bit(layout: Layout, layer: str, word: int, bit: int) -> BitFlips:
    """One chosen bit.

    Raises:
        ValueError: no such layer, word or bit.
    """
    return BitFlips(np.array([layout.address(layer, word, bit)]), np.zeros(1))


FAULTS: dict[str, FaultModel] = {"random": random, "count": count, "layer-uniform": layer_uniform}
