"""A room: a teacher opens it and takes the class on; learners join by its code. No streamlit."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sql

from dashboard.model.classroom.tables import ALL, LEARNERS, REVEALS, ROOMS, connected, of_step
from resq.core.errors import ResqError
from resq.measure.store import database

LIFE = 24 * 3600.0  # s
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"  # no I, L, O: they are read as 1 and 0
LENGTH = 5  # 23**5 codes: six million
MOST_LEARNERS = 500  # a door, not a target: a code that leaked must not fill the store
MOST_ROOMS = 200


@dataclass(frozen=True)
class Room:
    """A room as it stands.

    Attributes:
        code: what learners join by.
        opened: when, in seconds since 1970.
        lesson, step: what the class is at; the step counts from 0.
        revealed: whether the answer of this step is shown to all.
    """

    code: str
    opened: float
    lesson: str
    step: int
    revealed: bool


def open_room(lesson: str) -> tuple[str, str]:
    """A new room: its code, and the key that the teacher's link holds.

    Raises:
        ResqError: as many rooms are open as this server takes.
    """
    remove_old()
    key = secrets.token_urlsafe(12)
    with connected(write=True) as connection:
        if (connection.scalar(sql.select(sql.func.count()).select_from(ROOMS)) or 0) >= MOST_ROOMS:
            raise ResqError(
                f"{MOST_ROOMS} rooms are open, as many as this server takes; each ends after a day, or when "
                "its teacher ends it. Come back later, or end one"
            )
        taken = set(connection.scalars(sql.select(ROOMS.c.code)))
        code = next(c for c in iter(_code, "") if c not in taken)
        room = {"code": code, "key": _digest(key), "secret": secrets.token_hex(32), "opened": time.time()}
        connection.execute(ROOMS.insert().values(**room, lesson=lesson, step=0))
    return code, key


def _code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def remove_old() -> None:
    """Removes rooms of more than a day, with all that is in them."""
    with connected(write=True) as connection:
        old = list(connection.scalars(sql.select(ROOMS.c.code).where(ROOMS.c.opened < time.time() - LIFE)))
        _remove(connection, old)


def _remove(connection: sql.Connection, codes: list[str]) -> None:
    for table in ALL:
        connection.execute(table.delete().where(table.c.code.in_(codes)))


def room(code: str) -> Room:
    """The room of a code, in capitals or not.

    Raises:
        ResqError: there is none; rooms end after a day.
    """
    code = code.strip().upper()
    with connected() as connection:
        line = connection.execute(sql.select(ROOMS).where(ROOMS.c.code == code)).mappings().first()
        if line is None or line["opened"] < time.time() - LIFE:
            raise ResqError(
                f"there is no room {code[:20]!r}: a code has {LENGTH} letters, and a room ends after a day or"
                " when its teacher ends it. Ask for the code on the projector"
            )
        shown = of_step(REVEALS, line["code"], line["lesson"], line["step"])
        revealed = connection.scalar(sql.select(sql.func.count()).select_from(REVEALS).where(shown))
    return Room(line["code"], line["opened"], line["lesson"], line["step"], bool(revealed))


def teaches(code: str, key: str) -> bool:
    """Whether this key is the one of the room's teacher."""
    with connected() as connection:
        of_room = connection.scalar(sql.select(ROOMS.c.key).where(ROOMS.c.code == code)) or ""
    return bool(of_room) and hmac.compare_digest(of_room, _digest(key))


def _check(code: str, key: str) -> None:
    if not teaches(code, key):
        raise ResqError("this link does not teach this room; open the one that opened it, or open a new room")


def go(code: str, key: str, lesson: str, step: int) -> None:
    """Takes the class to a step of a lesson.

    Raises:
        ResqError: the key is not this room's.
    """
    _check(code, key)
    with connected(write=True) as connection:
        connection.execute(ROOMS.update().where(ROOMS.c.code == code).values(lesson=lesson, step=step))


def reveal(code: str, key: str, lesson: str, step: int) -> None:
    """Shows the answer of a step to all; from then on nobody predicts it.

    Raises:
        ResqError: the key is not this room's.
    """
    _check(code, key)
    with connected(write=True) as connection:
        line = {"code": code, "lesson": lesson, "step": step, "at": time.time()}
        connection.execute(database.insert(connection, REVEALS).values(**line))


def end(code: str, key: str) -> None:
    """Ends a room: all that is in it is removed.

    Raises:
        ResqError: the key is not this room's.
    """
    _check(code, key)
    with connected(write=True) as connection:
        _remove(connection, [code])


def join(code: str, learner: str = "") -> str:
    """Who joins, as a random word: the same one where it has joined before.

    Raises:
        ResqError: no such room, or as many are in it as it takes.
    """
    code = room(code).code
    with connected(write=True) as connection:
        inside = set(connection.scalars(sql.select(LEARNERS.c.learner).where(LEARNERS.c.code == code)))
        if learner in inside:
            return learner
        if len(inside) >= MOST_LEARNERS:
            raise ResqError(f"{MOST_LEARNERS} have joined room {code}, as many as a room takes")
        learner = secrets.token_hex(6)
        connection.execute(LEARNERS.insert().values(code=code, learner=learner))
    return learner


def joined(code: str) -> int:
    """How many have joined."""
    question = sql.select(sql.func.count()).select_from(LEARNERS).where(LEARNERS.c.code == code)
    with connected() as connection:
        return connection.scalar(question) or 0


def secret(code: str) -> bytes:
    """What signs the ledgers of a room.

    Raises:
        ResqError: there is no such room any more.
    """
    code = room(code).code
    with connected() as connection:
        return bytes.fromhex(connection.scalar(sql.select(ROOMS.c.secret).where(ROOMS.c.code == code)) or "")
