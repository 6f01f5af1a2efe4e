"""Lessons: what can a class find out here?"""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, render
from dashboard.model import lessons, url_schema


def overview(every: list[lessons.Lesson]) -> lessons.Lesson:
    """A card per lesson; the chosen one."""
    with page_frame.group("lesson"):
        name = st.pills(
            "Lesson", lessons.names(every), default=every[0].name, key="lesson", required=True,
            bind="query-params", format_func=str, label_visibility="collapsed",
        )  # fmt: skip
    # An empty value in a link chooses none.
    chosen = next((lesson for lesson in every if lesson.name == name), every[0])
    render.section(chosen.title)
    st.markdown(f"{chosen.about} *About {chosen.minutes} minutes.*")
    return chosen


def step(lesson: lessons.Lesson, number: int, part: lessons.Step) -> None:
    """One step: a view to open, a prediction, then what was measured."""
    key = f"{lesson.name}_{number}"
    with st.container(border=True, key=f"step_{key}"):
        st.markdown(f"**{number + 1}.** {part.do}")
        around = url_schema.Shell(part.do, part.hide, page_frame.presenting())
        page_frame.open_view(part.page, "Open this view", url_schema.query(part.page, part.query, around))
        said = predict(key, part)
        if said is None:
            st.caption("Commit to an answer to see what was measured.")
            return
        if part.choices:
            st.markdown(f":material/how_to_vote: You said: **{said}**.")
        told = cached.revealed(part.reveal)
        st.markdown(f":material/visibility: {told.text}")
        render.sources(told.sources)


def predict(key: str, part: lessons.Step) -> str | None:
    """The prediction, once it is committed to; it can then no longer be changed."""
    if not part.choices:
        return "" if st.toggle("I have looked", key=f"looked_{key}") else None
    kept = st.session_state.setdefault("predictions", {})
    if key in kept:
        st.markdown(f"*{part.ask}*")
        return kept[key]
    said = st.radio(f"Predict: {part.ask}", part.choices, index=None, key=f"said_{key}")
    st.button(
        "That is my answer", key=f"commit_{key}", disabled=said is None, on_click=commit, args=(key, said)
    )
    return None


def commit(key: str, said: str) -> None:
    """Keeps a prediction for this visit."""
    st.session_state.setdefault("predictions", {})[key] = said


render.page("What can a class find out here?", render.text("lessons"))
with render.errors_as_sentences():
    chosen = overview(lessons.every())
    for number, part in enumerate(chosen.steps):
        step(chosen, number, part)
    with page_frame.group("more"), st.expander("Write a lesson of your own", icon=":material/edit:"):
        st.markdown(
            "A lesson is one file in `dashboard/text/lessons`: steps with a task, a page in a state, a "
            "question and a reveal whose numbers come from the stored rows. This one is:"
        )
        file = lessons.FOLDER / lessons.file_of(chosen.name)
        st.code(file.read_text(encoding="utf-8"), language="toml", wrap_lines=True)
