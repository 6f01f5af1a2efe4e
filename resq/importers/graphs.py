"""Layers as both a file's graph and a network's have them, and which of one is which of the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """What computes with weights: a convolution, a linear layer or a norm of its own.

    Attributes:
        kind: "conv", "linear" or "norm".
        shape: of the weight, as torch has it.
        before: numbers of the layers whose output reaches this one with no layer in between.
        name: of the module, or of the file's node.
        how: strides and groups of a convolution.
        norm: the module of the batch norm right after it, if there is one.
        last: whether its output reaches the network's.
    """

    kind: str
    shape: Shape
    before: frozenset[int]
    name: str
    how: tuple[int, ...] = ()
    norm: str = ""
    last: bool = False

    def normed(self, norm: str) -> Layer:
        """With this batch norm right after it."""
        return replace(self, norm=norm)

    def ending(self, last: bool) -> Layer:
        """Whether it is one of the last."""
        return replace(self, last=last)


def matched(ours: Sequence[Layer], theirs: Sequence[Layer]) -> list[int] | None:
    """For each of our layers the number of theirs that stands in the same place, or None if they differ.

    A place is the layer's kind and shape, those of all layers around it, those around these, and so on.
    Source: colour refinement, Weisfeiler and Leman 1968. Layers whose places are alike are taken in order.

    >>> a = Layer("linear", (4, 4), frozenset(), "a")
    >>> b = Layer("linear", (4, 4), frozenset({0}), "b", last=True)
    >>> matched([a, b], [replace(b, before=frozenset({1})), a])
    [1, 0]
    """
    colours = [
        [hash((x.kind, x.shape, x.how, x.last, not x.before)) for x in side] for side in (ours, theirs)
    ]
    around = [_around(side) for side in (ours, theirs)]
    for _ in range(len(ours)):
        before = len(set(colours[0]))
        colours = [
            [_refined(i, own, *near) for i in range(len(own))]
            for own, near in zip(colours, around, strict=True)
        ]
        if Counter(colours[0]) != Counter(colours[1]):
            return None
        if len(set(colours[0])) == before:
            break
    places: dict[int, list[int]] = defaultdict(list)
    for i, colour in enumerate(colours[1]):
        places[colour].append(i)
    if Counter(colours[0]) != Counter(colours[1]):
        return None
    return [places[colour].pop(0) for colour in colours[0]]


def _around(side: Sequence[Layer]) -> tuple[list[list[int]], list[list[int]]]:
    """The layers before and after each."""
    after: list[list[int]] = [[] for _ in side]
    for i, layer in enumerate(side):
        for j in layer.before:
            after[j].append(i)
    return [sorted(layer.before) for layer in side], after


def _refined(i: int, colours: list[int], before: list[list[int]], after: list[list[int]]) -> int:
    near = (tuple(sorted(colours[j] for j in side[i])) for side in (before, after))
    return hash((colours[i], *near))
