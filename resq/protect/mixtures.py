"""Mixtures: the first so many layers of an order stored in another way, the others as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resq.core import FLOATS, Encoding
from resq.core.encoding import IMPORTED
from resq.core.errors import ResqError

COPIES = ("x3", "x5", "x9")
# Ways to protect words of one byte that keep their length, so that layers can differ.
OTHERS = ("secded", "secded0", "spw", *COPIES)
# Bits and tripled top bits of plain words: half a byte, three quarters of one, and one.
PLAIN = ((4, 0), (6, 0), (4, 1), (8, 0), (6, 1), (4, 2))
# Words of a byte with a guard that no other layer can lie beside, or that the decoder does not read.
ALIKE = {
    "int8": ("int8-symmetric-inplace", "int8-cep", "int8-radar8", "int8-radar32", "int8-tmr1", "int8-tmr2"),
    "int8-symmetric": (
        "int8-symmetric-inplace", "int8-magnitude-cep", "int8-symmetric-radar8", "int8-symmetric-radar32",
        "int8-symmetric-tmr1", "int8-symmetric-tmr2",
    ),
}  # fmt: skip


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


def alike(encoding: Encoding, sizes: Sequence[int]) -> Mixture:
    """All layers stored in this encoding."""
    return Mixture(encoding, encoding, (), tuple(sizes))


def bases(own: Encoding) -> list[list[Encoding]]:
    """Plain words that layers can be stored as, those of one length together, shortest first.

    Raises:
        ValueError: words that nothing here mixes.

    >>> [[str(base) for base in some] for some in bases(Encoding.parse("int8"))]
    [['int4'], ['int6', 'int4-tmr1'], ['int8', 'int6-tmr1', 'int4-tmr2']]
    """
    check(own)
    if own.code == IMPORTED:
        return [[own]]
    every = [replace(own, bits=bits, tmr=tmr) for bits, tmr in PLAIN]
    every = every if own in every else [*every, own]
    return [[e for e in every if e.word_bits == n] for n in sorted({e.word_bits for e in every})]


def check(base: Encoding) -> None:
    """Refuses words that no layer beside them can be stored in another way of.

    Raises:
        ValueError: floats, or words that are protected already.
    """
    if (
        base.code in FLOATS
        or base.word_bits > 8
        or base.other
        or base.copies > 1
        or base.guard
        or base.ranger
    ):
        raise ResqError(
            f"layers are mixed in plain words of at most one byte, such as int8 or int4-tmr2, got {base}: "
            "give such an --encoding"
        )


def others(base: Encoding, beside: Sequence[Encoding] = ()) -> list[Encoding]:
    """What some layers of a network can be stored as where the others are stored as ``base``.

    Args:
        beside: other plain words of the same length.

    Raises:
        ValueError: words that nothing here mixes.

    >>> [str(other) for other in others(Encoding.parse("int6"))]
    ['int6-x3', 'int6-x5', 'int6-x9']
    """
    check(base)
    ways = OTHERS if base.word_bits == 8 else COPIES
    return [*(e for e in beside if e != base), *(protected(base, way) for way in ways)]


def protected(base: Encoding, way: str) -> Encoding:
    """The base stored so many times, or under a guard."""
    if way in COPIES:
        return replace(base, copies=int(way[1:]))
    return replace(base, guard=way)


def uniform(own: Encoding, only: bool = False) -> list[Encoding]:
    """Every way to store all layers alike that a mixture is compared with.

    Args:
        only: with these plain words alone.
    """
    plain = [own] if only else [base for some in bases(own) for base in some]
    encodings = [e for base in plain for e in (base, *others(base))]
    return encodings if only else [*encodings, *map(Encoding.parse, ALIKE.get(str(own.bare), ()))]


def prefixes(
    base: Encoding, other: Encoding, order: Sequence[int], sizes: Sequence[int], budget: float
) -> list[Mixture]:
    """The mixtures with the first 0, 1, ... layers of the order stored as ``other``, within the budget.

    Args:
        order: layer numbers, the most vulnerable first.
        budget: bits a weight.
    """
    mixed = [Mixture(base, other, tuple(sorted(order[:k])), tuple(sizes)) for k in range(len(order) + 1)]
    return [m for m in mixed if m.bits <= budget + 1e-9]


def grid(lengths: Sequence[Sequence[Encoding]], sizes: Sequence[int], budget: float) -> int:
    """How many mixtures there are within the budget: of every base, every other way and every prefix."""
    count, order = 0, range(len(sizes))
    for bases in lengths:
        for base in bases:
            count += base.memory(sizes) <= budget + 1e-9
            count += sum(len(prefixes(base, o, order, sizes, budget)[1:]) for o in others(base, bases))
    return count
