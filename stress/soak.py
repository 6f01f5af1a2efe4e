"""A lecture on one machine: many sessions at once, each compared with what it sees alone.

First every visitor's plan is done alone, one visitor after the other, on a server that nobody else uses. Then
a fresh server is visited by 1, by 10 and by 30 at once; each does its plan again and again, with a pause of 1
to 3 s between actions, and every page must be the one it saw alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from typing import Any

import numpy as np

from resq import checkpoints
from resq.core import Encoding, seeds
from stress import plans
from stress.harness import audit, server
from stress.harness.visitor import Visitor
from stress.plans import Action

Seen = dict[tuple[int, int], dict[str, Any]]  # (visitor, number of the action) -> what it saw
PATIENCE = 1200.0  # s, for all visits alone
SWEEPS = 4  # one visitor in so many also measures a sweep


@dataclass
class Notes:
    """What happened.

    Attributes:
        latency: visitors at once -> seconds of each action.
        memory: (seconds since the first visitor, visitors at once, MB of the server).
        strange: pages that were not those seen alone.
    """

    latency: dict[int, list[float]] = field(default_factory=dict)
    memory: list[tuple[float, int, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    sessions: int = 0
    actions: int = 0


def steps(number: int) -> list[Action]:
    """All that a visitor does in its first session; later ones leave the sweep out."""
    return plans.plan(number) + (plans.sweep(number) if number % SWEEPS == 1 else [])


async def warmed(url: str) -> None:
    """Every network is loaded and every page made once: what memory grows by afterwards is the crowd's."""
    async with Visitor(url) as visitor:
        for net, enc in product(plans.NETWORKS, plans.ENCODINGS):
            await visitor.open("bitlab", {"net": net, "enc": enc})
        for page in ("sweep", *plans.OTHERS):
            await visitor.open(page)


async def alone(url: str, numbers: range) -> Seen:
    """What each visitor sees when nobody else is there."""
    seen: Seen = {}
    for number in numbers:
        async with Visitor(url) as visitor:
            for i, action in enumerate(steps(number)):
                page = await plans.do(visitor, action)
                seen[number, i] = page.seen()
                if page.exceptions():
                    raise RuntimeError(f"visitor {number} alone, {action}: {page.exceptions()[0]}")
    return seen


async def session(
    url: str, number: int, todo: list[Action], alone: Seen, notes: Notes, level: int, pause: float, end: float
) -> None:
    """One session of one visitor; what differs from ``alone`` is noted."""
    rng = seeds.rng(number, "pauses", notes.sessions)
    notes.sessions += 1
    async with Visitor(url) as visitor:
        for i, action in enumerate(todo):
            page = await plans.do(visitor, action)
            notes.actions += 1
            notes.latency.setdefault(level, []).append(page.seconds)
            notes.errors += [f"visitor {number}, {action}: {e}" for e in page.exceptions()]
            seen = page.seen()
            if seen != alone[number, i]:
                notes.strange.append(f"visitor {number}, {action}: {differing(seen, alone[number, i])}")
            if time.monotonic() > end and action.kind != "measure":
                return
            await asyncio.sleep(pause * rng.uniform(0.5, 1.5))


def differing(a: dict[str, Any], b: dict[str, Any]) -> str:
    """The first thing that two pages do not share."""
    for name in a:
        for left, right in zip(a[name], b[name], strict=False):
            if left != right:
                one, other = str(left), str(right)
                pairs = enumerate(zip(one, other, strict=False))
                first = next((i for i, (x, y) in pairs if x != y), min(len(one), len(other)))
                near = slice(max(0, first - 40), first + 80)
                return f"{name}: {one[near]!r}, alone {other[near]!r}"
        if len(a[name]) != len(b[name]):
            return f"{len(a[name])} {name}, alone {len(b[name])}"
    return "nothing"


async def visits(
    url: str, number: int, alone: Seen, notes: Notes, level: int, pause: float, end: float, measure: bool
) -> None:
    """Sessions of one visitor until the time is over; one that fails is noted and the next begins."""
    await asyncio.sleep(float(seeds.rng(number, "arrival").uniform(0, pause)))
    for turn in count():
        todo = steps(number) if measure and not turn else plans.plan(number)
        try:
            await session(url, number, todo, alone, notes, level, pause, end)
        except Exception as error:  # whatever a crowd may cause is a finding, not the end of the soak
            notes.errors.append(f"visitor {number}: {type(error).__name__}: {str(error)[:300]}")
        if time.monotonic() > end:
            return


async def crowd(
    url: str, pid: int, levels: dict[int, float], alone: Seen, notes: Notes, pause: float
) -> None:
    """Visitors at once, seconds for each number of them; the last and largest also measure sweeps."""
    began = time.monotonic()
    for level, seconds in levels.items():
        end = time.monotonic() + seconds
        last = level == max(levels)
        work = [visits(url, n, alone, notes, level, pause, end, last) for n in range(level)]
        watch = asyncio.create_task(watched(lambda now=level: (now, server.memory(pid)), began, notes))  # type: ignore[misc]
        await asyncio.gather(*work)
        watch.cancel()


async def watched(read: Callable[[], tuple[int, float]], began: float, notes: Notes) -> None:
    """Notes the memory every second."""
    while True:
        notes.memory.append((time.monotonic() - began, *read()))
        await asyncio.sleep(1)


def files() -> dict[str, str]:
    """Checkpoint -> SHA-256 of its file."""
    return {n: hashlib.sha256(checkpoints.find(n).read_bytes()).hexdigest() for n in checkpoints.names()}


def moved(kept: dict[str, str]) -> list[str]:
    """Networks in the server's memory that are not those of the files."""
    from resq.measure.engine import faulty_network

    found = []
    for key, seen in kept.items():
        name, encoding = key.split()
        checkpoint = checkpoints.load(name)
        model = checkpoint.quantized(Encoding.parse(encoding))
        if audit.fingerprint(faulty_network.network_of(checkpoint, model), model) != seen:
            found.append(key)
    return found


def growth(memory: list[tuple[float, int, float]]) -> float:
    """MB per minute over the second half of the time with most visitors; NaN with fewer than 10 readings."""
    most = max(level for _, level, _ in memory)
    late = np.array([(at / 60, mb) for at, level, mb in memory if level == most])
    late = late[len(late) // 2 :]
    return float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) if len(late) >= 10 else float("nan")


def run(folder: Path, seconds: float = 300.0, most: int = 30, pause: float = 2.0) -> dict[str, Any]:
    """The whole soak; what it found as one JSON object.

    Args:
        folder: the two servers' own folders are made in it.
        seconds: of the crowd; the visits alone come before and take a few minutes, PATIENCE at most.

    Raises:
        TimeoutError: they took longer.
    """
    plugin = {"RESQ_PLUGINS": str(Path(audit.__file__).resolve())}
    before, notes = files(), Notes()
    with server.running(folder / "alone") as one:
        say(f"{most} visitors, one after the other")
        seen = asyncio.run(asyncio.wait_for(alone(one.url, range(most)), PATIENCE))
    levels = {
        n: share * seconds for n, share in ((1, 0.1), (10, 0.25), (most, 0.65)) if n < most or n == most
    }
    with server.running(folder / "crowd", plugin) as many:
        asyncio.run(warmed(many.url))
        say(f"visitors at once, for seconds: {', '.join(f'{n} for {s:g}' for n, s in levels.items())}")
        asyncio.run(crowd(many.url, many.process.pid, levels, seen, notes, pause))
        kept = audit.ask(many.work)
        notes.errors += many.errors()
    return report(notes, moved(kept), len(kept), before == files())


def say(what: str) -> None:
    """Tells who waits what is being done."""
    print(f"soak: {what}", file=sys.stderr, flush=True)


def report(notes: Notes, moved: list[str], networks: int, same: bool) -> dict[str, Any]:
    """The figures."""
    levels = sorted(notes.latency)
    late = {n: [mb for _, level, mb in notes.memory if level == n][-5:] for n in levels}
    mb = {n: round(float(np.mean(v)), 1) for n, v in late.items() if v}
    spread = (mb[levels[-1]] - mb[levels[0]]) / (levels[-1] - levels[0]) if len(mb) > 1 else float("nan")
    return {
        "sessions": notes.sessions,
        "actions": notes.actions,
        "errors": len(notes.errors),
        "cross_talk": len(notes.strange),
        "networks_in_memory": networks,
        "networks_moved": len(moved),
        "checkpoint_files_unchanged": same,
        "p50_ms": {n: round(1000 * float(np.percentile(notes.latency[n], 50))) for n in levels},
        "p95_ms": {n: round(1000 * float(np.percentile(notes.latency[n], 95))) for n in levels},
        "memory_mb": mb,
        "memory_per_session_mb": round(spread, 2),
        "memory_growth_mb_per_minute": round(growth(notes.memory), 2),
        "examples": [*notes.errors[:5], *notes.strange[:5]],
    }
