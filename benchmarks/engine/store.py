"""The store with a million rows: milliseconds of what pages ask. ``python -m benchmarks.engine.store``."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import product
from statistics import median
from typing import Any

from benchmarks.timing import Figure, figure, seconds, show
from resq.measure.store import database, rows_by_key
from resq.measure.store.database import OWN

ROWS = int(os.environ.get("RESQ_BENCH_ROWS", "1000000"))
BERS, MAPS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1), 200
TIMES = 9
NETWORK = "cifar10/resnet18/variant7"
# What SQLite itself takes of the question for all rows of a network: the driver alone, no table is made.
ALONE = {"all columns": ", ".join(f'"{name}"' for name in ("series", *OWN)), "one column": "correct"}


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Rows as campaigns write them: 2,000 in a series (ten rates, 200 maps), the answers to 1,000 images."""
    shared = {"network": "resnet18", "data": "cifar10", "fault": "random", "region": "all", "axis": "ber",
              "attack": "none", "eps": 0.0, "steps": 0, "restarts": 0, "n": 1000, "due": 0,
              "weights": "0" * 16, "images": "1" * 16, "code": "2" * 16, "top": 0.1,
              "right": bytes(125)}  # fmt: skip
    for series in range(count // (len(BERS) * MAPS)):
        name = f"cifar10/resnet18/variant{series // 10}"
        for number, ber in product(range(MAPS), BERS):
            own = {"checkpoint": name, "encoding": f"int{series % 10}", "seed": 0, "ber": ber, "map": number}
            yield {**shared, **own, "flips": number, "correct": 900, "key": f"{series}-{number}-{ber:g}"}


QUERIES: dict[str, Callable[[], object]] = {
    "what is stored": rows_by_key.series,
    "one curve (2,000 rows)": lambda: rows_by_key.rows(checkpoint=NETWORK, encoding="int3"),
    "all of a network (20,000 rows)": lambda: rows_by_key.rows(checkpoint=NETWORK),
    "one rate of ten encodings": lambda: rows_by_key.rows(checkpoint=NETWORK, ber=1e-2),
    "which of 500 cells are there": lambda: rows_by_key.keys([f"7-{i}-0.01" for i in range(500)]),
}


def milliseconds(ask: Callable[[], object], times: int = TIMES) -> float:
    """Median over several calls, the first of which fills the caches."""
    return 1e3 * median(seconds(ask) for _ in range(times))


def alone(file: str) -> dict[str, Figure]:
    """The same rows of a network from SQLite's driver, as tuples: no table of ours can be quicker."""
    where = "series IN (SELECT id FROM series WHERE checkpoint = ?)"
    figures = {}
    with closing(sqlite3.connect(file)) as driver:
        for name, columns in ALONE.items():
            question = f"SELECT {columns} FROM rows WHERE {where}"
            ask = partial(_fetched, driver, question)
            note = f"median of {TIMES}, {len(ask()):,} rows, no table made of them"
            figures[f"store: SQLite's driver alone, {name}"] = figure(milliseconds(ask), 100, "ms", note=note)
    return figures


def _fetched(driver: sqlite3.Connection, question: str) -> list[tuple[Any, ...]]:
    return driver.execute(question, (NETWORK,)).fetchall()


def queries(quick: bool) -> dict[str, Figure]:
    """Milliseconds of each question to a store of ROWS rows (20,000 where it is only tried)."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("RESQ_STORE")
        os.environ["RESQ_STORE"] = f"sqlite:///{folder}/store.sqlite"
        try:
            count = min(ROWS, 20_000) if quick else ROWS
            filled = seconds(lambda: rows_by_key.add(rows(count)))
            note = f"{count:,} rows, written in {filled:.0f} s"
            found = {f"store: {name}": figure(milliseconds(ask), 100, "ms", note=note)
                     for name, ask in QUERIES.items()}  # fmt: skip
            found |= alone(f"{folder}/store.sqlite")
            database.engine().dispose()
        finally:
            os.environ.pop("RESQ_STORE")
            if before is not None:
                os.environ["RESQ_STORE"] = before
    return found


if __name__ == "__main__":
    show(queries(quick=False))
