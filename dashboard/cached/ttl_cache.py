"""A TTL cache of half a second for what is read from disk."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from cachetools import TTLCache, cached

P = ParamSpec("P")
T = TypeVar("T")
FRESH, MOST = 0.5, 256  # s; answers
_all: list[TTLCache[Any, Any]] = []


def ttl_cached(ask: Callable[P, T]) -> Callable[P, T]:
    """``ask``, whose answers to the same arguments hold for half a second; shared, so never written.

    One page asks a dozen times for the same card and the same list of files. Each look at the disk takes
    little time, but lets another thread in, which gives the interpreter back only when it is done.
    """
    answers: TTLCache[Any, T] = TTLCache(MOST, FRESH)
    _all.append(answers)
    return cached(answers, lock=Lock())(ask)


def forget() -> None:
    """Every answer is asked for anew."""
    for answers in _all:
        answers.clear()
