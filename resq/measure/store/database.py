"""The database of the store: its tables, its address, and connections that answer with a sentence.

SQLite in $RESQ_WORK, or what $RESQ_STORE names. What rows of one curve share stands once, as a series.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from resq.core import paths
from resq.core.errors import ResqError
from resq.measure.specs import sdc_rates
from resq.measure.specs.version import NUMBERS
from resq.measure.store import carry, table

KINDS = {"str": sql.Text, "int64": sql.BigInteger, "float64": sql.Double, "bytes": sql.LargeBinary}
# Of a row; the rest: its series.
OWN = tuple("key ber map top eps flips correct due right sdc1 sdc10 sdc20 numbers".split())
SHARED = tuple(name for name in table.COLUMNS if name not in OWN)


def _columns(names: Iterable[str]) -> list[sql.Column]:
    """Columns of rows; NaN, which says that something was not counted, is kept as NULL."""
    kinds = {name: KINDS[table.COLUMNS[name][0]] for name in names}
    return [sql.Column(name, kind, nullable=name in sdc_rates.SILENT) for name, kind in kinds.items()]


META = sql.MetaData()
SERIES = sql.Table(
    "series",
    META,
    sql.Column("id", sql.Text, primary_key=True),
    sql.Column("rows", sql.BigInteger, nullable=False),  # counted as they come: counting a million takes time
    *_columns(SHARED),
)
ROWS = sql.Table(
    "rows",
    META,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("series", sql.Text, sql.ForeignKey("series.id"), nullable=False),
    *_columns(name for name in OWN if name != "key"),
)
sql.Index("rows_by_series", ROWS.c.series, ROWS.c.ber, ROWS.c.eps, ROWS.c.map)
sql.Index("series_by_checkpoint", SERIES.c.checkpoint, SERIES.c.encoding)
RUNS = sql.Table(
    "runs",
    META,
    sql.Column("hash", sql.Text, primary_key=True),
    sql.Column("spec", sql.Text, nullable=False),
    sql.Column("cells", sql.BigInteger, nullable=False),
    sql.Column("began", sql.Text, nullable=False),
)

AGAIN = sql.Table(
    "again",
    META,
    sql.Column("at", sql.Text, primary_key=True),
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("claim", sql.Text, nullable=False),
    sql.Column("machine", sql.Text, nullable=False),
    *_columns(name for name in table.COLUMNS if name != "key"),
)


def address() -> str:
    """The store's URL: $RESQ_STORE, or a SQLite file in $RESQ_WORK."""
    return os.environ.get("RESQ_STORE") or f"sqlite:///{paths.work() / 'store.sqlite'}"


def there() -> bool:
    """Whether there is a store: looking into none would make one."""
    return bool(os.environ.get("RESQ_STORE")) or (paths.work() / "store.sqlite").exists()


def engine() -> sql.Engine:
    """The store, its tables made where there are none.

    Raises:
        ValueError: it cannot be opened; the sentence says which and why.
    """
    return _engine(address())


@lru_cache(4)
def _engine(url: str) -> sql.Engine:
    try:
        made = sql.make_url(url)
        if made.get_backend_name() == "sqlite" and made.database:
            paths.work().mkdir(parents=True, exist_ok=True)
        engine = sql.create_engine(made, connect_args={"timeout": 60} if "sqlite" in url else {})
        if made.get_backend_name() == "sqlite":
            sql.event.listen(engine, "connect", _tuned)
        META.create_all(engine)
        _complete(engine)
        _carry(engine)
    except (sql.exc.SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        shown = url.split("@")[-1]  # no password in a sentence
        raise ResqError(
            f"the store at {shown} cannot be opened: {reason}; "
            "if it is damaged, move it away and run the same again"
        ) from None
    return engine


def _complete(engine: sql.Engine) -> None:
    """Gives the tables of an older store the columns that came later."""
    for of in (SERIES, AGAIN, ROWS):
        there = {column["name"] for column in sql.inspect(engine).get_columns(of.name)}
        new = [c.name for c in of.columns if c.name not in there and c.name in table.DEFAULTS]
        with engine.begin() as connection:  # all of a table or none: what stops here goes on next time
            for name in new:
                column = _added(name, engine.dialect)
                connection.execute(sql.text(f"ALTER TABLE {of.name} ADD COLUMN {column}"))


def _added(name: str, dialect: sql.Dialect) -> str:
    """A column that an older table lacks, and what its rows say there."""
    kind, value = KINDS[table.COLUMNS[name][0]]().compile(dialect), table.DEFAULTS[name]
    if value is None:
        return f"{name} {kind}"
    binary = "X''" if dialect.name == "sqlite" else "''"
    default = binary if isinstance(value, bytes) else f"'{value}'"
    return f'"{name}" {kind} NOT NULL DEFAULT {default}'


def _carry(engine: sql.Engine) -> None:
    """Rows of older NUMBERS as ``carry`` has them; what cannot be carried gets another key and stays."""
    fresh = ROWS.c.key.not_like(f"{carry.STALE}%")
    with engine.begin() as connection:  # all rows are carried at once, so one tells whether they were
        if connection.scalar(sql.select(ROWS.c.numbers).where(fresh).limit(1)) in (None, NUMBERS):
            return
        _carry_rows(connection, sql.and_(fresh, ROWS.c.numbers != NUMBERS))


def _carry_rows(connection: sql.Connection, older: sql.ColumnElement[bool]) -> None:
    uncertain = sql.or_(
        SERIES.c.axis == "joint", SERIES.c.encoding.contains(carry.FOUR), SERIES.c.restarts > 1
    )
    odd = sql.or_(ROWS.c.due > 0, ROWS.c.series.in_(sql.select(SERIES.c.id).where(uncertain)))
    connection.execute(ROWS.update().where(older, sql.not_(odd)).values(numbers=NUMBERS))
    names = ("key", "due", "correct", "right", "numbers")
    of_series = [SERIES.c[name] for name in carry.TOLD_BY]
    question = sql.select(*(ROWS.c[name] for name in names), *of_series).join(SERIES).where(older, odd)
    for old in connection.execute(question).mappings().all():
        new = carry.row(dict(old))
        change = {name: new[name] for name in names}
        connection.execute(ROWS.update().where(ROWS.c.key == old["key"]).values(change))


def _tuned(connection: Any, _: object) -> None:
    """WAL: readers and one writer at a time, and a killed process leaves whole transactions."""
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def connected(write: bool = False) -> Iterator[sql.Connection]:
    """A connection; what is done in a block with ``write`` is done as a whole or not at all.

    Raises:
        ValueError: the database refuses: damaged, full, locked for too long, read-only.
    """
    try:
        with engine().begin() if write else engine().connect() as connection:
            yield connection
    except sql.exc.DBAPIError as error:
        shown, reason = address().split("@")[-1], str(error.orig).splitlines()[0]
        raise ResqError(
            f"the store at {shown} cannot be used: {reason}; what is in it stays. If the disk is full or the "
            "file read-only, mend that; if it is damaged, move it away; then run the same again"
        ) from None


def insert(connection: sql.Connection, into: sql.Table) -> Any:
    """An insertion that leaves rows of known keys as they are."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(into).on_conflict_do_nothing()
