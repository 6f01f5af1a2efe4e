"""Lessons: what can a class find out here?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, query, render
from dashboard.forms.lesson import after, language, predicting
from dashboard.model import lesson_plan, lessons, url_schema
from dashboard.model.parts.fixed_words import say
from dashboard.report import handout, plan_paper


def overview(every: list[lessons.Lesson]) -> lessons.Lesson:
    """A pill per lesson; the chosen one."""
    with page_frame.group("lesson"):
        titles = {lesson.name: lessons.listed(lesson, language.current()) for lesson in every}
        name = st.query_params.get("lesson", "")
        st.session_state.lesson = name if name in titles else every[0].name
        st.pills(
            "Lesson", list(titles), key="lesson", required=True, format_func=titles.__getitem__,
            label_visibility="collapsed", on_change=turn,
        )  # fmt: skip
        with st.container(key="lesson_swipe"):  # seen where the titles stand in one row: on a telephone
            st.caption(say(language.current(), "swipe", n=len(every)))
        language.choose()
    chosen = next(lesson for lesson in every if lesson.name == st.session_state.lesson)
    render.section(chosen.title)
    st.markdown(f"{chosen.about} *{say(chosen.language, 'about', n=chosen.minutes)}*")
    return chosen


def turn() -> None:
    """To the first step of the lesson that was picked; the address keeps its name."""
    query.set_parameter("lesson", st.session_state.lesson or "")
    go(0)


def go(number: int) -> None:
    """To a step; the address keeps it."""
    query.set_parameter("step", str(number + 1) if number else "")


def remembered(lesson: lessons.Lesson) -> dict[int, str]:
    """The predictions of this visit, or of the address after a reload; by step."""
    predictions: dict[str, dict[int, str]] = st.session_state.setdefault("predictions", {})
    if lesson.name not in predictions:
        of_address = not predictions  # another lesson of this visit left its own there
        predictions[lesson.name] = (
            lessons.predictions_of(lesson, st.query_params.get("said", "")) if of_address else {}
        )
    query.set_parameter(
        "said", lessons.written(lesson, predictions[lesson.name]) if predictions[lesson.name] else ""
    )
    return predictions[lesson.name]


def step(lesson: lessons.Lesson, number: int, part: lessons.Step) -> None:
    """One step: a prediction, then the view to open and what was measured."""
    key, of = f"{lesson.name}_{number}", lesson.language
    with st.container(border=True, key=f"step_{key}"):
        begun = (
            f"**{say(of, 'step', n=number + 1, of=len(lesson.steps))}** *{say(of, 'min', n=part.minutes)}*"
        )
        # A task that the closed view does not allow yet is told as one that comes after the answer.
        open_now = not part.choices or number in remembered(lesson)
        st.markdown(f"{begun} · {part.do if open_now else say(of, 'then', do=part.do)}")
        if part.choices:
            prediction = predict(lesson, number, part)
            if prediction is None:
                st.caption(say(of, "commit"))
                return
            st.markdown(judged(part, prediction, of))
        view(part, of)
        if part.choices or st.toggle(say(of, "looked"), key=f"looked_{key}"):
            revealed = cached.revealed(part.reveal)
            st.markdown(f":material/visibility: {revealed.full}")
            render.sources(revealed.sources)
            after.after(part, key, of)


def view(part: lessons.Step, of: str) -> None:
    """The link to the view, with its task."""
    around = url_schema.Shell(part.do, part.hide, page_frame.presenting())
    page_frame.open_view(part.page, say(of, "open"), url_schema.query(part.page, part.query, around))


def judged(part: lessons.Step, prediction: str, of: str) -> str:
    """What was said, and whether it is right, or how far off; in the lesson's language."""
    if part.scale:
        return f":material/straighten: {predicting.distance(part, prediction, of)}"
    if not part.right:
        return f":material/how_to_vote: {say(of, 'said', choice=prediction)}"
    if prediction == part.right:
        return f":material/check_circle: {say(of, 'said_right', choice=prediction)}"
    return f":material/cancel: {say(of, 'said_wrong', choice=prediction, right=part.right)}"


def predict(lesson: lessons.Lesson, number: int, part: lessons.Step) -> str | None:
    """The prediction, once it is committed to; it can then no longer be changed."""
    key, predictions = f"{lesson.name}_{number}", remembered(lesson)
    if number in predictions:
        st.markdown(f"*{part.ask}*")
        return predictions[number]
    prediction = predicting.picked(part, f"said_{key}", lesson.language)
    st.button(
        say(lesson.language, "answer"), key=f"commit_{key}", disabled=prediction is None, on_click=commit,
        args=(lesson, number),
    )  # fmt: skip
    return None


def commit(lesson: lessons.Lesson, number: int) -> None:
    """Keeps the prediction that is picked at this moment for this visit, and in the address for a reload."""
    predictions, prediction = remembered(lesson), st.session_state.get(f"said_{lesson.name}_{number}")
    if prediction is None:
        return
    predictions[number] = prediction
    query.set_parameter("said", lessons.written(lesson, predictions))


def way(number: int, steps: int, of: str) -> None:
    """To the step before and the one behind; the words in the lesson's language."""
    with st.container(horizontal=True):
        st.button(say(of, "back"), key="step_back", icon=":material/arrow_back:", disabled=not number,
                  on_click=go, args=(number - 1,))  # fmt: skip
        st.button(say(of, "next"), key="step_next", icon=":material/arrow_forward:",
                  disabled=number + 1 >= steps, on_click=go, args=(number + 1,))  # fmt: skip


def class_plan(every: list[lessons.Lesson]) -> None:
    """Forty-five minutes in parts, with links to their lessons."""
    parts, titles = lesson_plan.read(every), {lesson.name: lesson.title for lesson in every}
    box = st.expander(f"A plan for {sum(part.minutes for part in parts)} minutes", icon=":material/schedule:",
                      key="plan")  # fmt: skip
    at = 0
    with box:
        for part in parts:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{at} to {at + part.minutes} min**", width=120)
                st.markdown(part.do, width=620)
                if part.lesson:
                    steps = f"steps 1 to {part.steps}" if part.steps > 1 else "step 1"
                    page_frame.link("lessons", f"{titles[part.lesson]} ({steps})", lesson=part.lesson)
            at += part.minutes


def papers(every: list[lessons.Lesson], chosen: lessons.Lesson) -> None:
    """What a teacher prints: the sheet of one lesson or of all, its key, the plan of a class, the grid."""
    base, english = (st.context.url or "").rpartition("/lessons")[0], lessons.every()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        one, whole = f"this lesson ({chosen.title})", f"all {len(every)} lessons"
        of = st.selectbox("Handout and key of", (one, whole), key="print_of", width=420)
        printed = every if of == whole else [chosen]
        name = "all" if of == whole else chosen.name
        for key, label, icon, make in (
            ("handout", "Handout to print", "print", partial(handout.page, printed, base)),
            ("key", "Teacher's key", "key",
             partial(handout.page, printed, base, lambda text: cached.revealed(text).full)),
        ):  # fmt: skip
            paper(key, label, icon, make, f"{key}-{name}")
    with st.container(horizontal=True):  # both in English, with the lessons' English titles
        paper("plan", "Plan to print", "schedule",
              lambda: plan_paper.page(lesson_plan.read(english), english, base), "plan")  # fmt: skip
        paper("homework", "Homework grid", "grid_on", partial(handout.homework, base), "homework")


def paper(key: str, label: str, icon: str, make: Callable[[], str], name: str) -> None:
    """One sheet to print, made when it is asked for."""
    st.download_button(label, make, f"resq-{name}.html", "text/html", on_click="ignore",
                       key=f"print_{key}", icon=f":material/{icon}:")  # fmt: skip


render.page("What can a class find out here?", render.text("lessons"))
with render.errors_as_sentences():
    known = language.chosen()
    chosen = overview(known)
    remembered(chosen)
    after.remembered()
    at = lessons.position(chosen, st.query_params.get("step", ""))
    place = {"lesson": chosen.name, "step": str(at + 1)}
    page_frame.leads_back(chosen.steps[at].do, "lessons", "Back to the lesson", place)
    step(chosen, at, chosen.steps[at])
    way(at, len(chosen.steps), chosen.language)
    with page_frame.group("more", "class"):
        page_frame.link("classroom", "A class that predicts together: open or join a room")
        page_frame.link("mystery", "The mystery fault: what broke this network?")
        class_plan(lessons.every())  # the plan is in English, so are the titles in it
        papers(known, chosen)
    with page_frame.group("more", "write"), st.expander("Write a lesson of your own", icon=":material/edit:"):
        st.markdown(
            "A lesson is one file in `dashboard/text/lessons`: steps with a task, a page in a state, a "
            "question and a reveal whose numbers come from the stored rows. This one is:"
        )
        file = lessons.FOLDER / lessons.file_of(chosen.name)
        st.code(file.read_text(encoding="utf-8"), language="toml", wrap_lines=True)
