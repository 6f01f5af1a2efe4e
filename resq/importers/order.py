"""Whether a file's order may tell tensors of equal shape apart: what is known of it must agree with it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from resq.importers.names import Shapes


def same_order(shapes: Shapes, wanted: Shapes) -> bool:
    """Whether the tensors that both call by the same name come in the same order, each kind for itself.

    >>> a, b, c = {"x.weight": (1,), "y.weight": (1,)}, {"y.weight": (1,), "x.weight": (1,)}, {}
    >>> same_order(a, a), same_order(b, a), same_order(c, a)
    (True, False, True)
    """
    place = {name: at for at, name in enumerate(wanted)}
    kinds: dict[tuple[str, int], list[int]] = {}
    for name, shape in shapes.items():
        if name in place:
            kinds.setdefault((name.rpartition(".")[2], len(shape)), []).append(place[name])
    return all(one < other for places in kinds.values() for one, other in pairwise(places))


def coherent(pairs: Mapping[str, str]) -> bool:
    """Whether no module of the file is torn apart between two of the network.

    >>> both = {"a.weight": "x.weight", "a.bias": "x.bias"}
    >>> coherent(both), coherent({"a.weight": "x.weight", "b.bias": "x.bias"})
    (True, False)
    """
    modules = {(ours.rpartition(".")[0], theirs.rpartition(".")[0]) for ours, theirs in pairs.items()}
    return len(modules) == len({theirs for _, theirs in modules})


def matched(pairs: Mapping[str, str], renamed: int) -> tuple[dict[str, str], int]:
    """The pairs, or where those found by order take modules apart, only the ones of equal names."""
    if not renamed or coherent(pairs):
        return dict(pairs), renamed
    return {ours: theirs for ours, theirs in pairs.items() if ours == theirs}, 0
