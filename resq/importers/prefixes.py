"""What wrappers put before a network's names, found by how much of the network stands behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from resq.importers.formats.tensors import RefusedError
from resq.importers.names import COUNTER, Shapes, stripped

EXTRA = "n_averaged"  # how many weights an AveragedModel has seen
DEEP, MOST = 12, 8  # points of a name that are looked behind; prefixes that are tried


@dataclass(frozen=True)
class Behind:
    """The tensors of one network among those of a file.

    Attributes:
        found: name without the prefix -> name in the file.
        gone: the prefix.
        left: names outside it that belong to no network, left out.
    """

    names: Mapping[str, str]
    gone: str = ""
    left: tuple[str, ...] = ()


def behind(tensors: Mapping[str, Any], wanted: Shapes, state: str = "", states: Iterable[str] = ()) -> Behind:
    """The network's tensors, whatever stands before their names.

    Args:
        state: the prefix to take, without its point, where the file holds the network more than once.
        states: what else the file's state dicts are called, for a sentence on one that is not there.

    Raises:
        RefusedError: several prefixes hold the whole network, with other numbers, or none is the one asked
            for; the sentence names them.
    """
    whole = _whole(tensors, wanted)
    if state:
        there = [*states, *(_called(p) for p in whole)]
        whole = {p: inside for p, inside in whole.items() if state in (p.rstrip("."), p.split(".")[0])}
        if not whole:
            raise RefusedError(f"holds no state dict called {state[:60]!r}; it has {', '.join(there[:8])}")
    distinct = _distinct(whole, tensors)
    if len(distinct) > 1:
        key = next(p for p in reversed(distinct) if p).rstrip(".")
        raise RefusedError(
            f"holds this network {len(distinct)} times, under {', '.join(map(_called, distinct[:6]))}; "
            f"expected to be told which: --state {key[:80]}"
        )
    if not distinct:
        return Behind(*stripped(tensors, wanted))
    prefix = distinct[0]
    outside = [n for n in tensors if not n.startswith(prefix) and n != EXTRA and not n.endswith(COUNTER)]
    return Behind(_under(tensors, prefix), prefix, tuple(outside))


def left_out(there: Behind) -> list[str]:
    """Which tensors were left out, in words for a card."""
    if not there.left:
        return []
    more = f" and {len(there.left) - 3} more" if len(there.left) > 3 else ""
    return [f"left out, outside {there.gone!r}: {', '.join(n[:60] for n in there.left[:3])}{more}"]


def _called(prefix: str) -> str:
    return prefix.rstrip(".")[:80] or "(the top)"


def _under(tensors: Mapping[str, Any], prefix: str) -> dict[str, str]:
    return {n.removeprefix(prefix): n for n in tensors if n.startswith(prefix) and n != EXTRA}


def _whole(tensors: Mapping[str, Any], wanted: Shapes) -> dict[str, dict[str, str]]:
    """Prefixes behind which all weights of the network can be, the likeliest first, with what stands there.

    All weights: as many tensors of each shape of two axes or more. What stands behind a longer such prefix
    does not count for a shorter one.
    """
    need = Counter(shape for shape in wanted.values() if len(shape) > 1)
    cover, whole, taken = _cover(tensors, wanted), {}, set[str]()
    for prefix in sorted(cover, key=len, reverse=True):
        inside = {own: name for own, name in _under(tensors, prefix).items() if name not in taken}
        if need <= Counter(tuple(tensors[name].shape) for name in inside.values()):
            whole[prefix] = inside
            taken |= set(inside.values())
    return {prefix: whole[prefix] for prefix in cover if prefix in whole}


def _cover(tensors: Mapping[str, Any], wanted: Shapes) -> list[str]:
    """Prefixes behind which names of the network stand, those with most of them first."""
    held: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        for k in range(min(len(parts), DEEP)):
            if ".".join(parts[k:]) in wanted:
                held[".".join(parts[:k]) + "." * bool(k)] += 1
    return [prefix for prefix, _ in held.most_common(MOST)]


def _distinct(whole: Mapping[str, Mapping[str, str]], tensors: Mapping[str, Any]) -> list[str]:
    """Prefixes that lead to other numbers than those before them: two names of one tensor are one place."""
    distinct: list[str] = []
    for prefix, inside in whole.items():
        places = {own: tensors[name] for own, name in inside.items()}
        same = any(places == {own: tensors[n] for own, n in whole[other].items()} for other in distinct)
        distinct += [] if same else [prefix]
    return distinct
