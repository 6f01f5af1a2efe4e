"""Stop-watches and figures. What is compared is measured in turn, so that a busy machine slows both alike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Figure = dict[str, Any]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(works: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Median seconds of each work; one turn runs all of them once, after a turn that does not count."""
    return {name: median(times) for name, times in _taken(works, turns).items()}


def least_in_turn(works: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """As ``in_turn``, the least: what others do on the machine only adds to it."""
    return {name: min(times) for name, times in _taken(works, turns).items()}


def _taken(works: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    for work in works.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            taken[name].append(seconds(work))
    return taken


def figure(value: float | None, target: float, unit: str, *, more: bool = False, note: str = "") -> Figure:
    """A measured value beside its target.

    Args:
        value: None where it could not be measured; then the target is not met.
        more: whether the target is the least that was hoped for, not the most.
    """
    met = value is not None and (value >= target if more else value <= target)
    about = {"value": None if value is None else round(value, 4), "target": target, "unit": unit, "met": met}
    return {**about, "goal": "at least" if more else "at most", **({"note": note} if note else {})}


def line(name: str, found: Figure) -> str:
    """A figure for people."""
    value = "not measured" if found["value"] is None else f"{found['value']:g} {found['unit']}"
    state = "met" if found["met"] else "NOT met"
    note = f"; {found['note']}" if "note" in found else ""
    return f"{name}: {value} ({found['goal']} {found['target']:g}: {state}{note})"


def lines(found: Mapping[str, Figure]) -> None:
    """Prints a line per figure."""
    for name, value in found.items():
        print(line(name, value), flush=True)


def show(found: Mapping[str, Figure]) -> None:
    """Prints a line per figure, then all of them as one line of JSON."""
    lines(found)
    print(json.dumps(found))
