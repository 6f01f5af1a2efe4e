"""Lessons: what can a class find out here?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, query, render
from dashboard.forms.lesson import after, language, predicting
from dashboard.model import lesson_plan, lessons, url_schema
from dashboard.report import handout, plan_paper


def overview(every: list[lessons.Lesson]) -> lessons.Lesson:
    """A pill per lesson; the chosen one."""
    with page_frame.group("lesson"):
        titles = {lesson.name: lesson.title for lesson in every}
        name = st.query_params.get("lesson", "")
        st.session_state.lesson = name if name in titles else every[0].name
        st.pills(
            "Lesson", list(titles), key="lesson", required=True, format_func=titles.__getitem__,
            label_visibility="collapsed", on_change=turn,
        )  # fmt: skip
        language.choose()
    chosen = next(lesson for lesson in every if lesson.name == st.session_state.lesson)
    render.section(chosen.title)
    st.markdown(f"{chosen.about} *About {chosen.minutes} minutes.*")
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
    key = f"{lesson.name}_{number}"
    with st.container(border=True, key=f"step_{key}"):
        minutes = f"*{part.minutes} min*"
        st.markdown(f"**Step {number + 1} of {len(lesson.steps)}.** {minutes} · {part.do}")
        if part.choices:
            prediction = predict(lesson, number, part)
            if prediction is None:
                st.caption("Commit to an answer to open the view and see what was measured.")
                return
            st.markdown(judged(part, prediction))
        view(part)
        if part.choices or st.toggle("I have looked", key=f"looked_{key}"):
            revealed = cached.revealed(part.reveal)
            st.markdown(f":material/visibility: {revealed.full}")
            render.sources(revealed.sources)
            after.after(part, key)


def view(part: lessons.Step) -> None:
    """The link to the view, with its task."""
    around = url_schema.Shell(part.do, part.hide, page_frame.presenting())
    page_frame.open_view(part.page, "Open this view", url_schema.query(part.page, part.query, around))


def judged(part: lessons.Step, prediction: str) -> str:
    """What was said, and whether it is right, or how far off."""
    if part.scale:
        return f":material/straighten: {predicting.distance(part, prediction)}"
    if not part.right:
        return f":material/how_to_vote: You said: **{prediction}**."
    if prediction == part.right:
        return f":material/check_circle: You said: **{prediction}**. That is right."
    return f":material/cancel: You said: **{prediction}**. That is wrong; right is **{part.right}**."


def predict(lesson: lessons.Lesson, number: int, part: lessons.Step) -> str | None:
    """The prediction, once it is committed to; it can then no longer be changed."""
    key, predictions = f"{lesson.name}_{number}", remembered(lesson)
    if number in predictions:
        st.markdown(f"*{part.ask}*")
        return predictions[number]
    prediction = predicting.picked(part, f"said_{key}")
    st.button(
        "That is my answer", key=f"commit_{key}", disabled=prediction is None, on_click=commit,
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


def way(number: int, steps: int) -> None:
    """To the step before and the one behind."""
    with st.container(horizontal=True):
        st.button("Back", key="step_back", icon=":material/arrow_back:", disabled=not number,
                  on_click=go, args=(number - 1,))  # fmt: skip
        st.button("Next", key="step_next", icon=":material/arrow_forward:", disabled=number + 1 >= steps,
                  on_click=go, args=(number + 1,))  # fmt: skip


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


def papers(every: list[lessons.Lesson]) -> None:
    """What a teacher prints: the plan of the class, its sheet, and the key."""
    base = (st.context.url or "").rpartition("/lessons")[0]
    with st.container(horizontal=True):
        for key, label, icon, make in (
            ("plan", "Plan to print", "schedule",
             lambda: plan_paper.page(lesson_plan.read(every), every, base)),
            ("homework", "Homework grid", "grid_on", partial(handout.homework, base)),
            ("handout", "Handout to print", "print", partial(handout.page, every, base)),
            ("key", "Teacher's key", "key",
             partial(handout.page, every, base, lambda text: cached.revealed(text).full)),
        ):  # fmt: skip
            st.download_button(label, make, f"resq-{key}.html", "text/html", on_click="ignore",
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
    way(at, len(chosen.steps))
    with page_frame.group("more", "class"):
        page_frame.link("classroom", "A class that predicts together: open or join a room")
        page_frame.link("mystery", "The mystery fault: what broke this network?")
        class_plan(known)
        papers(known)
    with page_frame.group("more", "write"), st.expander("Write a lesson of your own", icon=":material/edit:"):
        st.markdown(
            "A lesson is one file in `dashboard/text/lessons`: steps with a task, a page in a state, a "
            "question and a reveal whose numbers come from the stored rows. This one is:"
        )
        file = lessons.FOLDER / lessons.file_of(chosen.name)
        st.code(file.read_text(encoding="utf-8"), language="toml", wrap_lines=True)
