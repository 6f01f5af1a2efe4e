"""``python -m benchmarks.processor --against TREE``: a server's processor time per visit, version by version.

A visitor without a browser opens each page with a session of its own, once at this version's server and
once at that of another tree; what is read is the clock of the server's process, so what else the machine does
counts little. A part: ``--only sweep``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import parse_qsl, urlsplit

from benchmarks.browser import PAGES
from stress.harness import server
from stress.harness.clocks import settled
from stress.harness.visitor import Visitor

NAMES = ("start", "bitlab", "sweep", "layers", "tradeoff", "harden", "lesson", "replay")  # both versions have


@dataclass
class Side:
    """One version's server, and the milliseconds of its visits by page, the first of each page first."""

    running: server.Server
    took: dict[str, list[float]] = field(default_factory=dict)


def visit(side: Side, name: str) -> None:
    """Opens a page with a session of its own and notes what the server took for it.

    Raises:
        RuntimeError: the page shows an exception: what it took is then of no page.
    """
    parts, process = urlsplit(PAGES[name]), side.running.process.pid
    began = settled(process)
    wrong = asyncio.run(_open(side.running.url, parts.path.strip("/"), dict(parse_qsl(parts.query))))
    if wrong:
        raise RuntimeError(f"{name} at {side.running.url}: {wrong[0]}")
    side.took.setdefault(name, []).append(settled(process) - began)


async def _open(url: str, path: str, query: dict[str, str]) -> list[str]:
    async with Visitor(url) as visitor:
        return (await visitor.open(path, query)).exceptions()


@contextmanager
def sides(trees: list[Path]) -> Iterator[list[Side]]:
    """A server of each tree, warm, with empty folders of its own."""
    with tempfile.TemporaryDirectory() as folder:
        up: list[Side] = []
        try:
            for number, tree in enumerate(trees):
                up.append(Side(server.start(Path(folder) / str(number), {"OMP_NUM_THREADS": "1"}, root=tree)))
            for side in up:
                visit(side, "lessons")
            time.sleep(5)  # what a server makes ready behind its first page
            yield up
        finally:
            for side in up:
                server.stop(side.running)


def compare(against: Path, names: list[str], turns: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Page by page: the first visit's, the least and the median milliseconds of both versions."""
    with sides([against, server.ROOT]) as both:
        for name in names:
            for turn in range(turns + 1):
                for side in both if turn % 2 else both[::-1]:
                    visit(side, name)
            yield name, figures(*(side.took[name] for side in both))


def figures(before: list[float], after: list[float]) -> dict[str, float]:
    """First visit, least and median of the others, before and after, in ms.

    >>> figures([90.0, 20.0, 30.0], [80.0, 25.0, 27.0])["median after"]
    26.0
    """
    found: dict[str, float] = {}
    for label, took in (("before", before), ("after", after)):
        found |= {f"cold {label}": took[0], f"least {label}": min(took[1:])}
        found[f"median {label}"] = median(took[1:])
    return found


def line(name: str, found: dict[str, float]) -> str:
    """The figures of a page for people, in ms."""
    parts = [
        f"{what} {found[f'{what} before']:.0f}, {found[f'{what} after']:.0f} "
        f"({found[f'{what} after'] - found[f'{what} before']:+.0f})"
        for what in ("least", "median", "cold")
    ]
    return f"{name}: {'; '.join(parts)}"


def main() -> None:
    """Prints a line per page as it is known, then all as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, required=True, help="the tree of another version")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--turns", type=int, default=12)
    args = parser.parse_args()
    found = {}
    for name, figure in compare(args.against.resolve(), args.only, args.turns):
        found[name] = figure
        print(line(name, figure), flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
