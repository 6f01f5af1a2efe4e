"""The teacher's side of a room: the code, how many have predicted and what with the reveal, next, end."""

from __future__ import annotations

import io
from functools import partial
from urllib.parse import urlsplit

import segno
import streamlit as st

from dashboard.components import page_frame, render
from dashboard.forms.classroom import shared
from dashboard.forms.lesson import language, predicting
from dashboard.model import lessons
from dashboard.model.classroom import ledger, predictions, rooms
from dashboard.model.lessons import Lesson
from dashboard.model.parts.fixed_words import say
from resq.core import logs
from resq.core.errors import ResqError

EVERY = 1.0  # s between two looks at the class
HERE_ALONE = {"localhost", "127.0.0.1", "::1", ""}
EXPLAINED = (
    "This page's address holds your key: whoever has it teaches the room. Show the page in full screen. "
    "No name is stored; the room ends after a day."
)


def board(code: str, key: str, every: list[Lesson]) -> None:
    """The whole side."""
    door(code)
    st.fragment(progress, run_every=EVERY)(code, key, every)
    with page_frame.group("room"):
        choose_lesson(code, key, every)
        check(code)
        st.caption(EXPLAINED)
        st.button("End the room", key="room_end", icon=":material/logout:", on_click=end, args=(code, key))


def door(code: str) -> None:
    """The code, and its link as a picture for telephones."""
    spoken = language.current()  # the class begins in the language of whoever teaches it
    link = f"{(st.context.url or '').partition('?')[0]}?code={code}{f'&lang={spoken}' * (spoken != 'en')}"
    picture = io.BytesIO()
    segno.make(link, error="m").save(picture, kind="png", scale=5, border=2)
    with st.container(horizontal=True, vertical_alignment="center", key="room_door"):
        st.image(picture.getvalue(), width=130, alt=f"The link {link} as a QR code")
        with st.container():
            st.markdown(f"Join at **{render.plain(link)}** or, from the page Lessons, with the code")
            st.header(code, anchor=False)
    if (urlsplit(link).hostname or "") in HERE_ALONE and not page_frame.presenting():
        st.caption(
            "This address is this machine's alone. For a class start the lab as `python -m resq dashboard "
            "--server.address 0.0.0.0` in a network that you trust, and open this page by the machine's name."
        )


def progress(code: str, key: str, every: list[Lesson]) -> None:
    """Where the class is; drawn anew every second."""
    with render.errors_as_sentences():
        room = rooms.room(code)
        lesson, number = shared.at(every, room.lesson, room.step)
        step = lesson.steps[number]
        counts = predictions.votes(code, lesson, number)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(where(lesson, number, rooms.joined(code), sum(counts)), width="stretch")
            way(code, key, lesson, number, room.revealed)  # above the figure: a projector shows 720 lines
        if message := st.session_state.pop("room_refused", ""):
            st.markdown(f":material/error: {message}")
        closed = step.choices and not room.revealed  # to the class: its views open with an answer
        st.markdown(say(lesson.language, "then", do=step.do) if closed else step.do)
        shared.view(step, lesson.language)
        if step.choices:
            st.markdown(f"**{step.ask}**")
            if room.revealed:
                shared.votes(code, lesson, number, right=predicting.right(step), title=False)
            else:
                st.markdown(answered(sum(counts), rooms.joined(code), lesson.language))
        if room.revealed:
            shared.measured(step)


def where(lesson: Lesson, number: int, joined: int, predicted: int) -> str:
    """Which lesson and step, how many have joined and how many of them have predicted, in one line."""
    of = lesson.language
    parts = [say(of, "step", n=number + 1, of=len(lesson.steps)).removesuffix("."),
             say(of, "joined", n=joined)]  # fmt: skip
    if lesson.steps[number].choices:
        parts.append(say(of, "have_predicted", n=predicted))
    return f"**{lesson.title}** {' · '.join(parts)}"


def answered(n: int, joined: int, language: str = "en") -> str:
    """How many have answered, which is all that the projector says before the reveal.

    What they chose would be seen by those who have not answered yet.

    >>> answered(3, 5)
    ':material/how_to_vote: **3 of 5 have answered.** What they chose is shown with *Reveal*.'
    """
    sentence = say(language, "answered", n=n, of=joined, reveal=say(language, "reveal"))
    return f":material/how_to_vote: {sentence}"


def way(code: str, key: str, lesson: Lesson, number: int, revealed: bool) -> None:
    """Back, reveal, next: for all at once."""
    name, of = lesson.name, lesson.language
    with st.container(horizontal=True, width="content"):
        st.button(say(of, "back"), key="room_back", icon=":material/arrow_back:", disabled=not number,
                  on_click=partial(act, rooms.go, code, key, name, number - 1))  # fmt: skip
        st.button(say(of, "reveal"), key="room_reveal", icon=":material/visibility:", disabled=revealed,
                  type="primary", on_click=partial(act, rooms.reveal, code, key, name, number))  # fmt: skip
        st.button(say(of, "next"), key="room_next", icon=":material/arrow_forward:",
                  disabled=number + 1 >= len(lesson.steps),
                  on_click=partial(act, rooms.go, code, key, name, number + 1))  # fmt: skip


def act(do: object, *args: object) -> None:
    """One act of the teacher; a refusal is shown below."""
    assert callable(do)
    try:
        do(*args)
    except ResqError as error:
        logs.refused(error, render.where())
        st.session_state.room_refused = render.plain(str(error))


def choose_lesson(code: str, key: str, every: list[Lesson]) -> None:
    """Another lesson for the class, from its first step."""
    titles = {lesson.name: lessons.listed(lesson, language.current()) for lesson in every}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Lesson", list(titles), key="room_lesson", format_func=titles.__getitem__)
        st.button("Begin this lesson", key="room_begin", on_click=partial(act, rooms.go, code, key, name, 0))


def check(code: str) -> None:
    """Whether a ledger that was handed in is as the lab wrote it."""
    with st.expander("Check a ledger that was handed in", icon=":material/verified:", key="room_check"):
        file = st.file_uploader("Ledger (.json)", type=["json"], key="room_ledger", max_upload_size=1)
        if file is None:
            return
        try:
            read = ledger.read(file.getvalue(), code)
        except ResqError as error:
            logs.refused(error, render.where())
            st.markdown(f":material/error: {render.plain(str(error))}.")
            return
        st.markdown(
            f":material/verified: As the lab wrote it: {ledger.counted(read['steps'])}; "
            f"learner {read['learner']}, {read['written']}."
        )


def end(code: str, key: str) -> None:
    """Ends the room and leaves it."""
    act(rooms.end, code, key)
    for name in ("code", "teach"):
        st.query_params.pop(name, None)
