"""Which of the dicts in a torch file is the state dict: the only one, the usual one, or the one asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from resq.importers.formats.subclasses import Parts
from resq.importers.formats.tensors import RefusedError, View

NESTS = ("state_dict", "model_state_dict", "model", "net", "ema")
AVERAGED = ("ema", "swa", "average", "averaged", "shadow")
DEEP, MOST = 4, 200  # keys on the way; dicts looked at: one that holds itself would never end


@dataclass(frozen=True)
class State:
    """A dict of tensors in a file.

    Attributes:
        nest: the keys below which it lay.
        ordered: whether it comes in another order than that of its names, so in its network's.
        beside: sentences on what else is there.
        told: whether the name that was asked for is that of this dict.
        names: of all state dicts in the file.
    """

    tensors: Mapping[str, Any]
    nest: tuple[str, ...] = ()
    ordered: bool = True
    beside: tuple[str, ...] = ()
    by_key: bool = False
    names: tuple[str, ...] = ()


def chosen(value: Any, key: str = "") -> State:
    """The state dict in what a file describes.

    Args:
        key: its key, or keys with / between them, where the file holds several.

    Raises:
        RefusedError: there is none; or several fit and none was asked for; the sentence names them.
    """
    there = {nest: tensors for nest, tensors in islice(_dicts(value, ()), MOST) if _is_state(tensors)}
    nest = _named_nest(there, key) if key else None
    by_key = nest is not None
    nest = _usual(value, there) if nest is None else nest
    tensors = _at(value, nest)
    rivals = [n for n in there if n != nest and _alike(there[n], tensors)]
    if rivals and not by_key:
        names = [n for n in there if n == nest or n in rivals]
        raise RefusedError(
            f"holds {len(names)} state dicts of the same shapes: {', '.join(_called(n) for n in names)}; "
            f"expected to be told which: --state {_called(_best(names)) or 'KEY'}"
        )
    _checked(tensors)
    others = [n for n in there if n != nest and len(there[n]) > 1 and n[: len(nest)] != nest]
    beside = tuple(f"left beside it: {_called(n)}, {len(there[n])} tensors" for n in others[:3])
    ordered = list(tensors) != sorted(tensors)
    return State(tensors, nest, ordered, beside, by_key, tuple(map(_called, there)))


def _dicts(value: Any, nest: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every dict inside a value, by the keys on the way to it."""
    if not isinstance(value, dict):
        return
    yield nest, value
    for key, item in value.items() if len(nest) < DEEP else ():
        if isinstance(key, str) and isinstance(item, dict):
            yield from _dicts(item, (*nest, key))


def _is_state(tensors: dict[str, Any]) -> bool:
    held = sum(isinstance(v, View | Parts) for v in tensors.values())
    return held > 0 and 2 * held >= len(tensors)


def _usual(value: Any, there: Mapping[tuple[str, ...], Any]) -> tuple[str, ...]:
    """Where a state dict lies by the usual keys; else the only place that has tensors."""
    nest: tuple[str, ...] = ()
    while isinstance(inner := _at(value, nest), dict) and len(nest) < 3:
        key = next((k for k in NESTS if isinstance(inner.get(k), dict)), None)
        if key is None:
            break
        nest = (*nest, key)
    if nest not in there and len(there) == 1:
        return next(iter(there))
    return nest


def _at(value: Any, nest: tuple[str, ...]) -> Any:
    for key in nest:
        value = value[key]
    return value


def _named_nest(there: Mapping[tuple[str, ...], Any], key: str) -> tuple[str, ...] | None:
    """The nest of that name, by all its keys, else by one of them; None: there is none."""
    whole = [n for n in there if "/".join(n) == key] or [n for n in there if key in n]
    if len(whole) > 1:
        raise RefusedError(
            f"holds {len(whole)} state dicts called {key[:60]!r}: {', '.join(map(_called, whole))}"
        )
    return whole[0] if whole else None


def _alike(one: Mapping[str, Any], other: Any) -> bool:
    """Whether two dicts hold tensors of the same shapes, and not the very same ones."""
    if not isinstance(other, dict):
        return False
    mine, theirs = _shapes(one), _shapes(other)
    return bool(mine) and mine == theirs and list(one.values()) != list(other.values())


def _shapes(tensors: Mapping[str, Any]) -> Counter[tuple[int, ...]]:
    """How often each shape occurs; counters and other single numbers do not count."""
    return Counter(v.shape for v in tensors.values() if isinstance(v, View) and v.shape)


def _called(nest: tuple[str, ...]) -> str:
    return "/".join(nest)[:80] or "(the top)"


def _best(names: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The one to give as an example: an average of the weights, if one is called so."""
    return next((n for n in names if any(word in AVERAGED for k in n for word in k.split("_"))), names[-1])


def _checked(tensors: Any) -> None:
    if not isinstance(tensors, dict) or not tensors:
        raise RefusedError(
            f"holds {_kind(tensors)}; expected a dict of tensors, or one under {', '.join(NESTS)}"
        )
    for name, item in tensors.items():
        packed = isinstance(name, str) and "_packed_params." in name
        if not isinstance(name, str) or not (packed or isinstance(item, View | Parts)):
            raise RefusedError(
                f"holds {_kind(item)} under {str(name)[:80]!r}; expected a dict of tensors alone"
            )


def _kind(value: Any) -> str:
    return "an empty dict" if value == {} else f"a {type(value).__name__.lower()}"
