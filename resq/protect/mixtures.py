"""Mixtures: the first so many layers of an order stored in another way, the others as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resq.core import FLOATS, Encoding
from resq.core.errors import ResqError

# Ways to protect words of one byte that keep their length, so that layers can differ.
OTHERS = ("secded", "secded0", "spw", "x3", "x5")


@dataclass(frozen=True)
class Mixture:
    """Some layers stored in another encoding.

    Attributes:
        base, other: of the layers.
        layers: numbers of those stored as ``other``, ascending.
        sizes: weights of every layer.
    """

    base: Encoding
    other: Encoding
    layers: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def encoding(self) -> Encoding:
        """The whole as one encoding."""
        if not self.layers:
            return self.base
        if len(self.layers) == len(self.sizes):
            return self.other
        return replace(self.base, apart=self.layers, other=self.other)

    @property
    def bits(self) -> float:
        """Stored bits a weight, copies and checks included."""
        return self.encoding.memory(self.sizes)

    @property
    def uniform(self) -> bool:
        """Whether all layers are stored alike."""
        return len(self.layers) in (0, len(self.sizes))


def others(base: Encoding) -> list[Encoding]:
    """What the layers of a network in this encoding can be stored as instead.

    Raises:
        ValueError: words that are not one byte each, which nothing here mixes.

    >>> [str(other) for other in others(Encoding.parse("int8"))]
    ['int4-tmr2', 'int8-secded', 'int8-secded0', 'int8-spw', 'int8-x3', 'int8-x5', 'int4-tmr2-secded0']
    """
    if base.code in FLOATS or base.word_bits != 8 or base.other is not None or base.copies > 1 or base.guard:
        raise ResqError(
            f"layers are mixed in plain words of one byte, such as int8 or int4-tmr2, got {base}: give such "
            "an --encoding"
        )
    own = [Encoding.parse(f"{base.bare}-{name}") for name in OTHERS]
    if str(base.bare) == "int8":
        return [Encoding.parse("int4-tmr2"), *own, Encoding.parse("int4-tmr2-secded0")]
    return own


def prefixes(
    base: Encoding, other: Encoding, order: Sequence[int], sizes: Sequence[int], budget: float
) -> list[Mixture]:
    """The mixtures with the first 0, 1, ... layers of the order stored as ``other``, within the budget.

    Args:
        order: layer numbers, the most vulnerable first.
        budget: bits a weight.
    """
    mixtures = [Mixture(base, other, tuple(sorted(order[:k])), tuple(sizes)) for k in range(len(order) + 1)]
    return [m for m in mixtures if m.bits <= budget + 1e-9]
