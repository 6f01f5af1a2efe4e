"""The tables of classrooms, in the database of the store, so that every server of one store knows every room.

Nothing in them is personal: a learner is a random word, a prediction the number of a choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import sqlalchemy as sql

from resq.measure.store import database

META = sql.MetaData()
ROOMS = sql.Table(
    "classrooms",
    META,
    sql.Column("code", sql.Text, primary_key=True),
    sql.Column("key", sql.Text, nullable=False),  # SHA-256 of what the teacher's link holds
    sql.Column("secret", sql.Text, nullable=False),  # signs ledgers; never leaves the server
    sql.Column("opened", sql.Double, nullable=False),  # seconds since 1970
    sql.Column("lesson", sql.Text, nullable=False),
    sql.Column("step", sql.BigInteger, nullable=False),  # from 0
)
LEARNERS = sql.Table(
    "classroom_learners",
    META,
    sql.Column("code", sql.Text, primary_key=True),
    sql.Column("learner", sql.Text, primary_key=True),
)
PREDICTIONS = sql.Table(
    "classroom_predictions",
    META,
    sql.Column("code", sql.Text, primary_key=True),
    sql.Column("learner", sql.Text, primary_key=True),
    sql.Column("lesson", sql.Text, primary_key=True),
    sql.Column("step", sql.BigInteger, primary_key=True),
    sql.Column("choice", sql.BigInteger, nullable=False),  # from 0
    sql.Column("at", sql.Double, nullable=False),
)
REVEALS = sql.Table(
    "classroom_reveals",
    META,
    sql.Column("code", sql.Text, primary_key=True),
    sql.Column("lesson", sql.Text, primary_key=True),
    sql.Column("step", sql.BigInteger, primary_key=True),
    sql.Column("at", sql.Double, nullable=False),
)
ALL = (ROOMS, LEARNERS, PREDICTIONS, REVEALS)


def of_step(table: sql.Table, code: str, lesson: str, step: int) -> sql.ColumnElement[bool]:
    """The lines of a table that are of one step of a room; steps count from 0."""
    return sql.and_(table.c.code == code, table.c.lesson == lesson, table.c.step == step)


@lru_cache(4)
def _made(engine: sql.Engine) -> None:
    META.create_all(engine)


@contextmanager
def connected(write: bool = False) -> Iterator[sql.Connection]:
    """A connection to the store, the tables made where there are none.

    Raises:
        ResqError: the store cannot be opened or used.
    """
    _made(database.engine())
    with database.connected(write) as connection:
        yield connection
