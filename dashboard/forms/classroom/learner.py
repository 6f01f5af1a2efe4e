"""The learner's side of a room: a prediction that locks, the reveal beside the class, the ledger."""

from __future__ import annotations

import statistics
from functools import partial

import streamlit as st

from dashboard import cached
from dashboard.components import render
from dashboard.forms.classroom import shared
from dashboard.forms.lesson import after, language, predicting
from dashboard.model.classroom import ledger, predictions, rooms
from dashboard.model.lessons import Lesson, Step
from dashboard.model.parts import scale
from dashboard.model.parts.fixed_words import say
from dashboard.report import handout
from resq.core import logs
from resq.core.errors import ResqError

EVERY = 1.5  # s between two looks at the room
Conclusions = dict[tuple[str, int], str]  # (lesson, step from 0) -> one's own sentence


def desk(code: str, learner: str, every: list[Lesson]) -> None:
    """The whole side."""
    st.caption(f"Room {code}. You are learner {learner}; no name is stored. Your address keeps your place.")
    language.choose()
    # One object for both: a file is made outside of a run, where the session's values are not at hand.
    conclusions: Conclusions = st.session_state.setdefault("room_conclusions", {})
    st.fragment(progress, run_every=EVERY)(code, learner, every, conclusions)
    hand_in(code, learner, every, conclusions)


def progress(code: str, learner: str, every: list[Lesson], conclusions: Conclusions) -> None:
    """Where the class is; drawn anew as the teacher goes on."""
    with render.errors_as_sentences():
        room = rooms.room(code)
        lesson, number = shared.at(every, room.lesson, room.step)
        step = lesson.steps[number]
        own = predictions.predictions(code, learner).get((lesson.name, number))
        of = lesson.language
        st.markdown(f"**{lesson.title}** {say(of, 'step', n=number + 1, of=len(lesson.steps))}")
        with st.container(border=True, key=f"room_{lesson.name}_{number}"):
            open_now = own is not None or room.revealed or not step.choices
            st.markdown(step.do if open_now else say(of, "then", do=step.do))
            if open_now:
                shared.view(step, of)  # not before: it may show what is asked
            if step.choices:
                asked(code, learner, lesson, number, own, room.revealed)
            if room.revealed:
                shared.measured(step)
                after.after(step, f"room_{lesson.name}_{number}", of)
                conclude(lesson, number, conclusions)


def asked(code: str, learner: str, lesson: Lesson, number: int, own: int | None, revealed: bool) -> None:
    """The question; what was predicted; after the reveal, beside the class."""
    step, key, of = lesson.steps[number], f"{lesson.name}_{number}", lesson.language
    if own is not None:
        st.markdown(f"**{step.ask}**")
        st.markdown(judged(step, step.choices[own], revealed, of))
    elif revealed:
        st.markdown(f"**{step.ask}** {say(of, 'no_prediction')}")
    else:
        choice = predicting.picked(step, f"room_choice_{key}", of)
        st.button(say(of, "answer"), key=f"room_commit_{key}", disabled=choice is None,
                  on_click=commit, args=(code, learner, lesson, number))  # fmt: skip
        st.caption(say(of, "commit"))
        if message := st.session_state.pop("room_refused", ""):
            st.markdown(f":material/error: {message}")
    if revealed:
        own_choice = "" if own is None else step.choices[own]
        shared.votes(code, lesson, number, own_choice, predicting.right(step))
        if own is not None:
            st.markdown(beside_class(step, own_choice, predictions.votes(code, lesson, number), of))


def beside_class(step: Step, own: str, counts: list[int], language: str = "en") -> str:
    """One's own prediction beside those of the class.

    >>> beside_class(Step("d", "bitlab", "r", 1, ask="?", choices=("a", "b")), "b", [3, 1])
    '1 of 4 in the class predicted what you did.'
    """
    if step.scale:
        both = zip(step.choices, counts, strict=True)
        every = [scale.number(place) for place, count in both for _ in range(count)]
        middle = f"{statistics.median(every):g}{step.unit}"
        own_distance = predicting.distance(step, own, language)
        return f"{own_distance} {say(language, 'middle', n=len(every), middle=middle)}"
    return say(language, "alike", n=counts[step.choices.index(own)], of=sum(counts))


def judged(step: Step, choice: str, revealed: bool, language: str = "en") -> str:
    """What was predicted and, once it is shown, whether it is right.

    >>> step = Step("d", "bitlab", "r", 1, ask="?", choices=("a", "b"), right="b")
    >>> judged(step, "a", False)
    ':material/lock: You predicted: **a**. The answer comes when your teacher shows it.'
    >>> judged(step, "a", True)
    ':material/cancel: You predicted: **a**. Right is **b**.'
    """
    if not revealed:
        return f":material/lock: {say(language, 'locked', choice=choice)}"
    match step.predicted_right(choice):
        case True:
            return f":material/check_circle: {say(language, 'predicted_right', choice=choice)}"
        case False:
            wrong = say(language, "predicted_wrong", choice=choice, right=step.right)
            return f":material/cancel: {wrong}"
    return f":material/how_to_vote: {say(language, 'predicted', choice=choice)}"


def commit(code: str, learner: str, lesson: Lesson, number: int) -> None:
    """Locks the prediction that is picked at this moment; a refusal is shown in its place."""
    choice = str(st.session_state.get(f"room_choice_{lesson.name}_{number}") or "")
    try:
        predictions.predict(code, learner, lesson, number, choice)
    except ResqError as error:
        logs.refused(error, render.where())
        st.session_state.room_refused = render.plain(str(error))


def conclude(lesson: Lesson, number: int, conclusions: Conclusions) -> None:
    """One's own sentence, for the ledger alone."""
    text = st.text_area(
        say(lesson.language, "conclude"), key=f"room_concluded_{lesson.name}_{number}",
        max_chars=ledger.LONGEST, placeholder=say(lesson.language, "conclude_hint"),
    )  # fmt: skip
    conclusions[lesson.name, number] = text or ""


def hand_in(code: str, learner: str, every: list[Lesson], conclusions: Conclusions) -> None:
    """The ledger, as a file and as a page to print; made when it is asked for."""
    st.caption("Your own sentences are in this window alone: take the ledger before you close or reload it.")
    with st.container(horizontal=True):
        for key, label, icon, ending, make in (
            ("ledger", "My ledger", "download", "json", partial(written, code, learner, every, conclusions)),
            (
                "page",
                "My ledger to print",
                "print",
                "html",
                partial(printed, code, learner, every, conclusions),
            ),
        ):
            mime = {"json": "application/json", "html": "text/html"}[ending]
            st.download_button(label, make, f"resq-ledger-{code}-{learner}.{ending}", mime, on_click="ignore",
                               key=f"room_{key}", icon=f":material/{icon}:")  # fmt: skip


def written(code: str, learner: str, every: list[Lesson], conclusions: Conclusions) -> str:
    """The ledger as it stands."""
    shown = predictions.reveals(code)
    revealed = {
        (lesson.name, n): cached.revealed(step.reveal)
        for lesson in every for n, step in enumerate(lesson.steps) if (lesson.name, n) in shown
    }  # fmt: skip
    measured = {
        (lesson.name, n): cached.measured_percent(lesson.steps[n].truth)
        for lesson in every for n in range(len(lesson.steps))
        if (lesson.name, n) in shown and lesson.steps[n].scale
    }  # fmt: skip
    return ledger.written(code, learner, every, revealed, conclusions, measured)


def printed(code: str, learner: str, every: list[Lesson], conclusions: Conclusions) -> str:
    """The same as a page."""
    return ledger.page(ledger.read(written(code, learner, every, conclusions).encode(), code), handout.LOOK)
