"""Versions of the dashboard in turn: what each act costs the server's processor, and what a crowd waits.

Every side is a server of its own: this tree's, that of another tree, and this tree's behind nginx. First one
visitor does its plans alone, and the clock of the server's processes is read act by act; then crowds come to
one side after the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from resq.core import seeds
from stress import plans, soak
from stress.harness import clocks, server
from stress.harness.visitor import Page, Visitor
from stress.plans import Action

ALONE = 8  # plans that the lone visitor does: every kind of act, both networks
SLOW = 100  # visitors from which on each pauses 2 to 6 s and not 1 to 3


@dataclass
class Side:
    """One server and what was seen of it.

    Attributes:
        acts: kind of act -> milliseconds of processor time, of the lone visitor.
        waits: visitors at once -> seconds of each act.
        busy: visitors at once -> milliseconds of processor time an act, of each crowd.
        memory: visitors at once -> (seconds, MiB), every second of its crowds.
    """

    running: server.Server
    acts: dict[str, list[float]] = field(default_factory=dict)
    waits: dict[int, list[float]] = field(default_factory=dict)
    busy: dict[int, list[float]] = field(default_factory=dict)
    memory: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def processes(self) -> list[int]:
        """All that serve: of several servers nginx and each of them."""
        return clocks.family(self.running.process.pid)


def kind(act: Action) -> str:
    """What people would call it.

    >>> [kind(a) for a in (Action("press", "bit_3"), Action("choose", "enc", "fp32"), Action("open", ""))]
    ['flip a bit', 'choose enc', 'open start']
    """
    if act.kind == "press":
        return "flip a bit" if act.what.startswith("bit_") else f"press {act.what}"
    return f"{act.kind} {act.what or 'start'}"


async def acts(side: Side, numbers: range, noted: bool) -> None:
    """The plans of these visitors, one after the other; of the first round only the server gets warm."""
    for number in numbers:
        async with Visitor(side.running.url) as visitor:
            for act in plans.plan(number):
                began = clocks.settled(*side.processes())
                wrong(side, act, await plans.do(visitor, act))
                if noted:
                    took = clocks.settled(*side.processes()) - began
                    side.acts.setdefault(kind(act), []).append(took)


def wrong(side: Side, act: Action, page: Page) -> None:
    """Notes a page that shows an exception."""
    side.errors += [f"{kind(act)}: {text}" for text in page.exceptions()]


async def crowd(side: Side, visitors: int, seconds: float) -> None:
    """So many visitors at once, each a plan again and again, for about so many seconds."""
    waits = side.waits.setdefault(visitors, [])
    before, held, end = len(waits), side.processes(), time.monotonic() + seconds
    began, noted = clocks.clock(*held), side.memory.setdefault(visitors, [])
    watch = asyncio.create_task(watched(side, noted))
    await asyncio.gather(*(visits(side, number, visitors, end) for number in range(visitors)))
    watch.cancel()
    side.busy.setdefault(visitors, []).append((clocks.clock(*held) - began) / max(1, len(waits) - before))


async def watched(side: Side, noted: list[tuple[float, float]]) -> None:
    """The memory, every second."""
    while True:
        noted.append((time.monotonic(), clocks.memory(*side.processes())))
        await asyncio.sleep(1)


async def visits(side: Side, number: int, visitors: int, end: float) -> None:
    """Sessions of one visitor until the time is over."""
    rng, pause = seeds.rng(number, "pauses"), 4.0 if visitors >= SLOW else 2.0
    await asyncio.sleep(float(rng.uniform(0, pause)))
    for turn in count():
        try:
            async with Visitor(side.running.url) as visitor:
                for act in plans.plan(number + turn * visitors):
                    page = await plans.do(visitor, act)
                    side.waits[visitors].append(page.seconds)
                    wrong(side, act, page)
                    if time.monotonic() > end:
                        return
                    await asyncio.sleep(pause * float(rng.uniform(0.5, 1.5)))
        except Exception as error:  # whatever a crowd may cause is a finding
            side.errors.append(f"visitor {number}: {type(error).__name__}: {str(error)[:200]}")
            if time.monotonic() > end:
                return


def sides_of(against: Path, servers: int) -> dict[str, tuple[Path, list[str]]]:
    """The other tree, this one, and this one with so many servers where that is more than one."""
    found: dict[str, tuple[Path, list[str]]] = {"before": (against, []), "now": (server.ROOT, [])}
    if servers > 1:
        found[f"now, {servers} servers"] = server.ROOT, [f"--servers={servers}"]
    return found


def run(
    folder: Path, trees: dict[str, tuple[Path, list[str]]], levels: dict[int, float], turns: int = 2
) -> dict[str, Any]:
    """All sides in turn.

    Args:
        trees: name of a side -> its tree, and more words for its command.
        levels: visitors at once -> seconds of each crowd.
        turns: crowds of each size on each side; the side that goes first changes.
    """
    with started(folder, trees) as sides:
        for noted, (name, side) in ((n, pair) for n in (False, True) for pair in sides.items()):
            soak.say(f"{name}: one visitor, act by act{'' if noted else ', to warm it'}")
            # Others than those that warmed it: an answer that was kept for one of them is no measure of it.
            asyncio.run(acts(side, range(ALONE * noted, ALONE * (1 + noted)), noted))
        for visitors, seconds in levels.items():
            for turn in range(turns):
                for name, side in list(sides.items())[:: -1 if turn % 2 else 1]:
                    soak.say(f"{name}: {visitors} at once for {seconds:g} s")
                    asyncio.run(crowd(side, visitors, seconds))
        return {name: report(side) for name, side in sides.items()}


@contextmanager
def started(folder: Path, trees: dict[str, tuple[Path, list[str]]]) -> Iterator[dict[str, Side]]:
    """A server of each side with an empty folder of its own."""
    with ExitStack() as stack:
        sides = {}
        for name, (tree, options) in trees.items():
            running = server.start(folder / name, {"OMP_NUM_THREADS": "1"}, root=tree, options=options)
            stack.callback(server.stop, running)
            sides[name] = Side(running)
        yield sides


def report(side: Side) -> dict[str, Any]:
    """The figures of one side."""
    every = [ms for took in side.acts.values() for ms in took]
    return {
        "ms an act, alone": {name: round(float(np.median(took)), 1) for name, took in side.acts.items()},
        "ms an act, alone, mean": round(float(np.mean(every)), 1),
        "ms an act, crowd": {n: [round(ms, 1) for ms in busy] for n, busy in side.busy.items()},
        "p50 ms": {n: round(1000 * float(np.percentile(w, 50))) for n, w in side.waits.items()},
        "p95 ms": {n: round(1000 * float(np.percentile(w, 95))) for n, w in side.waits.items()},
        "acts": {n: len(w) for n, w in side.waits.items()},
        "MiB": {n: round(max(mib for _, mib in seen)) for n, seen in side.memory.items()},
        "MiB a minute": {n: growth(seen) for n, seen in side.memory.items()},
        "errors": len(side.errors) + len(side.running.errors()),
        "examples": side.errors[:5],
    }


def growth(seen: list[tuple[float, float]]) -> float | None:
    """MiB a minute over the second half of the readings; None of fewer than 20."""
    late = np.array(seen[len(seen) // 2 :])
    if len(seen) < 20:
        return None
    return round(float(np.polyfit(late[:, 0] / 60, late[:, 1], 1)[0]), 2)
