"""A TTL cache of half a second for what is read from disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
FRESH, MOST = 0.5, 256  # s; answers
_all: list[dict[object, Any]] = []


def ttl_cached(ask: Callable[P, T]) -> Callable[P, T]:
    """``ask``, whose answers to the same arguments hold for half a second; shared, so never written.

    One page asks a dozen times for the same card and the same list of files. Each look at the disk takes
    little time, but lets another thread in, which gives the interpreter back only when it is done.
    """
    known: dict[object, tuple[float, T]] = {}

    @wraps(ask)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        key, now = (args, *sorted(kwargs.items())), time.monotonic()
        found = known.get(key)
        if found is None or now - found[0] > FRESH:
            found = now, ask(*args, **kwargs)
            if len(known) >= MOST:
                known.clear()
            known[key] = found
        return found[1]

    _all.append(known)
    return answer


def forget() -> None:
    """Every answer is asked for anew."""
    for known in _all:
        known.clear()
