"""The room of a class: predictions that lock, a histogram on the projector, one reveal for all."""

from __future__ import annotations

import streamlit as st

from dashboard.components import page_frame, query, render
from dashboard.forms.classroom import learner, teacher
from dashboard.forms.lesson import language
from dashboard.model import lessons
from dashboard.model.classroom import rooms
from resq.core import logs
from resq.core.errors import ResqError


def doors(every: list[lessons.Lesson]) -> None:
    """Two ways in."""
    titles = {lesson.name: lessons.listed(lesson, language.current()) for lesson in every}
    left, right = st.columns(2)
    with left.container(border=True), page_frame.group("room", "open"):
        st.header("Teach", anchor=False)
        came_from = st.session_state.get("way_back", ("", "", "", {}))[3].get("lesson", "")
        name = st.selectbox(
            "Lesson to begin with", list(titles), list(titles).index(came_from) if came_from in titles else 0,
            key="room_first", format_func=titles.__getitem__,
        )  # fmt: skip
        st.button("Open a room", key="room_open", icon=":material/meeting_room:", type="primary",
                  on_click=open_room, args=(name,))  # fmt: skip
    with right.container(border=True), page_frame.group("room", "join"):
        st.header("Learn", anchor=False)
        code = st.text_input(
            "Code of the room", key="room_code", placeholder="five letters, on the projector"
        )
        st.button("Join", key="room_join", icon=":material/login:", disabled=not code, on_click=join,
                  args=(code,))  # fmt: skip
    if message := st.session_state.pop("room_refused", ""):
        st.markdown(f":material/error: {message}")


def open_room(lesson: str) -> None:
    """Opens a room; the address then holds its code and its key."""
    try:
        code, key = rooms.open_room(lesson)
    except ResqError as error:
        logs.refused(error, render.where())
        st.session_state.room_refused = render.plain(str(error))
        return
    query.set_parameter("code", code)
    query.set_parameter("teach", key)


def join(code: str) -> None:
    """Goes into a room that there is."""
    try:
        query.set_parameter("code", rooms.room(code).code)
    except ResqError as error:
        logs.refused(error, render.where())
        st.session_state.room_refused = render.plain(str(error))


def inside(code: str, every: list[lessons.Lesson]) -> None:
    """One side of a room: the teacher's where the address holds its key."""
    code = rooms.room(code).code
    if key := st.query_params.get("teach", ""):
        if rooms.teaches(code, key):
            teacher.board(code, key, every)
            return
        st.markdown(":material/info: This link's key is not this room's; you are in it as a learner.")
    me = rooms.join(code, st.query_params.get("me", ""))
    query.set_parameter("me", me)
    learner.desk(code, me, every)


render.page("What does the class think?", render.text("classroom"))
with render.errors_as_sentences():
    every_lesson = language.chosen()
    if code_of_address := st.query_params.get("code", ""):
        try:
            inside(code_of_address, every_lesson)
        except ResqError:
            st.button("Another room", key="room_leave", on_click=st.query_params.clear)
            raise
    else:
        doors(every_lesson)
