"""Predictions of a class: the first one of a learner counts, none after the reveal. No streamlit."""

from __future__ import annotations

import time

import sqlalchemy as sql

from dashboard.model.classroom.tables import LEARNERS, PREDICTIONS, REVEALS, connected, of_step
from dashboard.model.lessons import Lesson
from resq.core.errors import ResqError
from resq.measure.store import database


def predict(code: str, learner: str, lesson: Lesson, number: int, choice: str) -> None:
    """Locks a prediction: the first one counts, and none after the reveal.

    Raises:
        ResqError: the answer is shown already, the choice is none of the step's, or who asks has not joined.
    """
    step = lesson.steps[number]
    if choice not in step.choices:
        raise ResqError(
            f"{choice!r} is no choice of this step; there are {', '.join(step.choices) or 'none'}"
        )
    line = {"code": code, "learner": learner, "lesson": lesson.name, "step": number}
    with connected(write=True) as connection:
        inside = sql.and_(LEARNERS.c.code == code, LEARNERS.c.learner == learner)
        if connection.execute(sql.select(LEARNERS).where(inside)).first() is None:
            raise ResqError("this room has ended, or this link has not joined it; join by the code once more")
        shown = of_step(REVEALS, code, lesson.name, number)
        if connection.execute(sql.select(REVEALS).where(shown)).first() is not None:
            raise ResqError("the answer of this step is shown already, so no prediction is taken any more")
        values = {**line, "choice": step.choices.index(choice), "at": time.time()}
        connection.execute(database.insert(connection, PREDICTIONS).values(**values))


def predictions(code: str, learner: str) -> dict[tuple[str, int], int]:
    """What a learner has predicted: (lesson, step from 0) -> number of the choice from 0."""
    own = sql.and_(PREDICTIONS.c.code == code, PREDICTIONS.c.learner == learner)
    with connected() as connection:
        lines = connection.execute(sql.select(PREDICTIONS).where(own)).mappings().all()
    return {(line["lesson"], line["step"]): line["choice"] for line in lines}


def votes(code: str, lesson: Lesson, number: int) -> list[int]:
    """How many have predicted each choice of a step, in the order of its choices."""
    here = of_step(PREDICTIONS, code, lesson.name, number)
    question = sql.select(PREDICTIONS.c.choice, sql.func.count()).where(here).group_by(PREDICTIONS.c.choice)
    with connected() as connection:
        counts = dict(connection.execute(question).tuples().all())
    return [counts.get(number, 0) for number in range(len(lesson.steps[number].choices))]


def reveals(code: str) -> set[tuple[str, int]]:
    """The steps whose answers are shown: (lesson, step from 0)."""
    question = sql.select(REVEALS.c.lesson, REVEALS.c.step).where(REVEALS.c.code == code)
    with connected() as connection:
        return {(lesson, step) for lesson, step in connection.execute(question)}
