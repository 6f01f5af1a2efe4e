"""Where measured rows are kept: SQLite in $RESQ_WORK, or the database that $RESQ_STORE names.

A row is known by its content key, so that adding it again, also from another process or machine, changes
nothing. What rows of one curve share stands once, as a series: a million rows stay quick to look through.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice, repeat
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sql

from resq.core.errors import ResqError
from resq.measure.specs.version import NUMBERS
from resq.measure.store import carry, table
from resq.measure.store.database import AGAIN, OWN, ROWS, RUNS, SERIES, SHARED, connected, insert

AT_ONCE = 500  # rows of one statement: databases bound how many values one may have


def add(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many of the rows were new; those known by their key already are left as they are."""
    return sum(_add(part) for part in _parts(rows))


def _add(rows: Sequence[Mapping[str, Any]]) -> int:
    # In order, so that two writers never wait for each other in a circle.
    full = sorted(map(_whole, rows), key=lambda row: row["key"])
    shared = {row["series"]: {"id": row["series"], "rows": 0, **{n: row[n] for n in SHARED}} for row in full}
    own = [{name: row[name] for name in ("series", *OWN)} for row in full]
    with connected(write=True) as connection:
        connection.execute(insert(connection, SERIES), [shared[id_] for id_ in sorted(shared)])
        new = Counter(connection.scalars(insert(connection, ROWS).returning(ROWS.c.series), own))
        more = sql.update(SERIES).where(SERIES.c.id == sql.bindparam("of"))
        for id_ in sorted(new):
            connection.execute(more.values(rows=SERIES.c.rows + new[id_]), {"of": id_})
    return new.total()


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with what older files leave out, its series, and a key of its own where it has none."""
    full = {**table.DEFAULTS, **row}
    full = {name: _python(full[name]) for name in table.COLUMNS}
    if isinstance(full["right"], str):
        full["right"] = bytes.fromhex(full["right"])
    full["series"] = _digest(full, SHARED)
    early = [n for n in table.COLUMNS if n not in ("key", "right", *table.LATER[1:])]
    full["key"] = full["key"] or "old-" + _digest(full, early)
    return carry.row(full)


def _python(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _digest(row: Mapping[str, Any], names: Sequence[str]) -> str:
    # What was stored before there was a second precision, and other columns, stays in its series.
    plain = {name for name in table.LATER if row[name] == table.DEFAULTS[name]}
    return _hashed(tuple(row[name] for name in names if name not in plain))


@lru_cache(1024)
def _hashed(values: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:28]


def _parts(items: Iterable[Any], size: int = AT_ONCE) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def keys(among: Iterable[str] | None = None) -> set[str]:
    """The keys in the store; of those given, or all."""
    with connected() as connection:
        if among is None:
            return set(connection.scalars(sql.select(ROWS.c.key)))
        queries = (sql.select(ROWS.c.key).where(ROWS.c.key.in_(part)) for part in _parts(among))
        return {key for question in queries for key in connection.scalars(question)}


def rows(**filters: Any) -> pd.DataFrame:
    """The rows whose columns have these values, as a table of COLUMNS; a list means any of them.

    Rows of older NUMBERS that are not carried are left out, unless they are asked for.

    >>> rows(checkpoint="signs/resnet20/base", axis="ber", encoding=["int8", "fp32"])  # doctest: +SKIP
    """
    of_series, of_rows = _conditions({"numbers": NUMBERS, **filters})
    question = sql.select(ROWS.c.series, *(ROWS.c[name] for name in OWN)).where(*of_rows)
    if of_series:
        question = question.where(ROWS.c.series.in_(sql.select(SERIES.c.id).where(*of_series)))
    with connected() as connection:
        lines = connection.execute(question).all()
        shared = _shared(connection, {row[0] for row in lines})
    return _joined(lines, shared)


def _shared(connection: sql.Connection, ids: set[str]) -> list[Any]:
    """The id and SHARED columns of these series, in the order in which tables have them."""
    columns = [SERIES.c[name] for name in ("id", *SHARED)]
    queries = (sql.select(*columns).where(SERIES.c.id.in_(part)) for part in _parts(ids))
    lines = [line for question in queries for line in connection.execute(question)]
    return sorted(lines, key=lambda line: (line.checkpoint, line.encoding, line.id))


def _joined(lines: Sequence[Any], shared: Sequence[Any]) -> pd.DataFrame:
    """Rows and their series as one table, column by column: what a series shares is read and made once."""
    own = dict(zip(("series", *OWN), zip(*lines, strict=True) if lines else repeat(()), strict=False))
    rank = {line.id: i for i, line in enumerate(shared)}
    line = np.array([rank[id_] for id_ in own["series"]], dtype=np.intp)
    order = np.lexsort((own["eps"], own["ber"], own["map"], line))
    columns = {name: pd.Series(own[name], dtype=table.TYPES[name]).take(order) for name in OWN}
    for name in SHARED:
        values = pd.Series([getattr(s, name) for s in shared], dtype=table.TYPES[name])
        columns[name] = values.take(line[order])
    return pd.DataFrame({name: columns[name].array for name in table.COLUMNS})


def _conditions(filters: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """What the filters ask of series, and of rows.

    Raises:
        ValueError: no such column.
    """
    of_series: list[Any] = []
    of_rows: list[Any] = []
    for name, value in filters.items():
        if name not in table.COLUMNS:
            raise ResqError(f"rows have no column {name!r}; known: {', '.join(table.COLUMNS)}")
        column = SERIES.c[name] if name in SHARED else ROWS.c[name]
        many = isinstance(value, list | tuple | set | frozenset)
        into = of_series if name in SHARED else of_rows
        into.append(column.in_(list(value)) if many else column == value)
    return of_series, of_rows


def by_key(wanted: Sequence[str]) -> pd.DataFrame:
    """The rows of these keys, in their order; those that are not stored are left out."""
    parts = [rows(key=part) for part in _parts(wanted)]
    if not parts:
        return table.frame([])
    whole = pd.concat(parts, ignore_index=True).set_index("key", drop=False)
    return whole.loc[[key for key in wanted if key in whole.index]].reset_index(drop=True)


def series() -> pd.DataFrame:
    """What is stored: one line per series, with its number of rows."""
    question = sql.select(*(SERIES.c[n] for n in (*SHARED, "rows")))
    with connected() as connection:
        result = connection.execute(question.order_by(SERIES.c.checkpoint, SERIES.c.encoding, SERIES.c.id))
        return pd.DataFrame(result.mappings().all(), columns=[*SHARED, "rows"])


def rename(old: str, new: str) -> None:
    """Gives the rows of a checkpoint that was renamed its new name."""
    with connected(write=True) as connection:
        connection.execute(sql.update(SERIES).where(SERIES.c.checkpoint == old).values(checkpoint=new))


def note(spec_hash: str, spec: str, cells: int, began: str) -> None:
    """Notes that a campaign was begun; once, whoever begins it again."""
    with connected(write=True) as connection:
        values = {"hash": spec_hash, "spec": spec, "cells": cells, "began": began}
        connection.execute(insert(connection, RUNS).values([values]))


def runs() -> list[dict[str, Any]]:
    """The campaigns that were begun here, the latest first: hash, spec, cells, began."""
    with connected() as connection:
        return [
            dict(r) for r in connection.execute(sql.select(RUNS).order_by(RUNS.c.began.desc())).mappings()
        ]


def add_again(rows: Iterable[Mapping[str, Any]], at: str, claim: str, machine: str) -> None:
    """Keeps rows of cells that were measured once more: beside those of the same keys, which stay.

    Args:
        at: when the re-run began, UTC; two of them never share it.
        claim: what it was run for; ``machine``: the kind of machine it ran on.
    """
    about = {"at": at, "claim": claim, "machine": machine}
    values = [{**{name: row[name] for name in table.COLUMNS}, **about} for row in map(_whole, rows)]
    with connected(write=True) as connection:
        connection.execute(insert(connection, AGAIN), values)


def again(claim: str = "") -> pd.DataFrame:
    """Rows that were measured once more, the latest re-run first: COLUMNS, ``at``, ``claim``, ``machine``."""
    chosen = sql.select(*(AGAIN.c[name] for name in (*table.COLUMNS, "at", "claim", "machine")))
    question = chosen.where(AGAIN.c.claim == claim) if claim else chosen
    with connected() as connection:
        ordered = question.order_by(AGAIN.c.at.desc(), AGAIN.c.map, AGAIN.c.ber, AGAIN.c.eps)
        records = connection.execute(ordered).mappings().all()
    about = [{name: row[name] for name in ("at", "claim", "machine")} for row in records]
    joined = table.frame(dict(row) for row in records).join(
        pd.DataFrame(about, columns=["at", "claim", "machine"])
    )
    return carry.current(joined)
