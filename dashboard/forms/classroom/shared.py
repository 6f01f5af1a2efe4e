"""What both sides of a room show: the votes, and what was measured."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.charts import classroom
from dashboard.components import page_frame, render
from dashboard.model import url_schema
from dashboard.model.classroom import predictions
from dashboard.model.lessons import Lesson, Step
from dashboard.model.parts.fixed_words import say


def at(every: list[Lesson], name: str, number: int) -> tuple[Lesson, int]:
    """The lesson and the step that a room is at; the first where a lesson has changed meanwhile."""
    lesson = next((lesson for lesson in every if lesson.name == name), every[0])
    return lesson, number if number < len(lesson.steps) else 0


def view(step: Step, language: str) -> None:
    """The link to what the step looks at, from where a link leads back to the room."""
    place = {
        name: st.query_params[name] for name in ("code", "teach", "me", "lang") if name in st.query_params
    }
    page_frame.leads_back(step.do, "classroom", "Back to the room", place)
    around = url_schema.Shell(step.do, step.hide, page_frame.presenting())
    page_frame.open_view(step.page, say(language, "open"), url_schema.query(step.page, step.query, around))


def votes(code: str, lesson: Lesson, number: int, own: str = "", right: str = "", title: bool = True) -> None:
    """The histogram of a step."""
    step, counts = lesson.steps[number], predictions.votes(code, lesson, number)
    draw = classroom.numbers_said if step.scale else classroom.votes
    drawn = draw(step.choices, counts, own, right)
    both = zip(step.choices, counts, strict=True)
    alt = "; ".join(f"{choice}: {count}" for choice, count in both if count or not step.scale)
    alt = alt or "nobody has predicted yet"
    render.figure(
        "numbers_said" if step.scale else "votes", drawn, key=f"votes_{lesson.name}_{number}", alt=alt,
        caption=False, title=title,
    )  # fmt: skip


def measured(step: Step) -> None:
    """The reveal, with what its figures are."""
    revealed = cached.revealed(step.reveal)
    st.markdown(f":material/visibility: {revealed.full}")
    render.sources(revealed.sources)
