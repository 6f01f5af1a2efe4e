"""What comes after a reveal: the mathematics, a reflection, a design challenge."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.components import query
from dashboard.format import numbers
from dashboard.model.lessons import Step
from dashboard.model.parts import challenge as challenges
from dashboard.model.parts import reflection
from dashboard.model.parts.challenge import Challenge, Trial
from dashboard.model.parts.fixed_words import say
from dashboard.model.parts.reflection import Reflection


def after(step: Step, key: str, language: str) -> None:
    """All that the step has of these; a challenge is in English, as no lesson that has one is translated.

    Args:
        key: of the step, for widgets and for what this visit has answered.
        language: of the lesson.
    """
    if step.math:
        with st.expander(say(language, "math"), icon=":material/function:", key=f"math_{key}"):
            st.markdown(step.math)
    if step.reflect is not None:
        reflect(step.reflect, key, language)
    if step.challenge is not None:
        challenge(step.challenge, key)


def reflect(asked: Reflection, key: str, language: str) -> None:
    """A question with four answers; the first one counts, and then the right one is explained."""
    given = remembered()
    with st.container(border=True, key=f"reflect_{key}"):
        if key not in given:
            label = say(language, "think_back", ask=asked.ask)
            answer = st.radio(label, asked.answers, index=None, key=f"reflect_on_{key}")
            st.button(say(language, "answer"), key=f"reflect_commit_{key}", disabled=answer is None,
                      on_click=commit, args=(asked, key))  # fmt: skip
            return
        st.markdown(f"*{asked.ask}*")
        st.markdown(judged(asked, asked.answers[given[key]], language))


def remembered() -> dict[str, int]:
    """The answers of this visit, or of the address after a reload: key -> number of the answer, from 0.

    By number, as an answer is the same one in every language.
    """
    if "reflected" not in st.session_state:
        st.session_state.reflected = reflection.given_of(st.query_params.get("thought", ""))
    given: dict[str, int] = st.session_state.reflected
    query.set_parameter("thought", reflection.written(given))
    return given


def commit(asked: Reflection, key: str) -> None:
    """Keeps the answer that is picked at this moment for this visit, and in the address for a reload."""
    if (answer := st.session_state.get(f"reflect_on_{key}")) in asked.answers:
        remembered()[key] = asked.answers.index(answer)
        remembered()


def judged(asked: Reflection, given: str, language: str = "en") -> str:
    """What was answered, whether it is right, and why.

    >>> judged(Reflection("?", ("a", "b", "c", "d"), "a", "Because."), "b")
    ':material/cancel: You said: **b**. Right is **a**. Because.'
    """
    if given == asked.right:
        sentence = say(language, "reflected_right", choice=given, why=asked.why)
        return f":material/check_circle: {sentence}"
    sentence = say(language, "reflected_wrong", choice=given, right=asked.right, why=asked.why)
    return f":material/cancel: {sentence}"


def challenge(asked: Challenge, key: str) -> None:
    """Sliders, the budget, trials, and how it ends."""
    every: dict[str, list[Trial]] = st.session_state.setdefault("trials", {})
    tried = every.setdefault(key, [])
    state = challenges.state(asked, tried)
    with st.container(border=True, key=f"challenge_{key}"):
        st.markdown(f":material/architecture: **Design.** {asked.ask}")
        if state == "open":
            design(asked, key, tried)
        for number, one in enumerate(tried, 1):
            icon = "check_circle" if challenges.solved(asked, one) else "cancel"
            st.markdown(f":material/{icon}: **Trial {number}**, {named(asked, one)}: "
                        f"{challenges.verdict(asked, one)}.")  # fmt: skip
        ended(asked, state, tried, key)


def design(asked: Challenge, key: str, tried: list[Trial]) -> None:
    """The sliders and what the design costs."""
    chosen = []
    for number, slider in enumerate(asked.sliders):
        places = list(range(len(slider.places)))
        chosen.append(int(st.select_slider(slider.title, places, 0, key=f"design_{key}_{number}",
                                           format_func=slider.places.__getitem__)))  # fmt: skip
    sizes = cached.layer_sizes(asked.checkpoint)
    bits = challenges.bits(asked, chosen, sizes)
    known = bool(asked.encoding(chosen)) and bool(sizes)
    if known:
        st.progress(min(1.0, bits / (2 * asked.bits)), f"{bits:.2f} of {asked.bits:g} bits a weight")
    else:
        st.caption("This design was not measured here: choose another one. It costs no trial.")
    left = asked.trials - len(tried)
    trials = f"{left} {'trial' if left == 1 else 'trials'} left"
    st.button(f"Build it ({trials})", key=f"build_{key}", disabled=not known, type="primary",
              on_click=build, args=(asked, key, tried))  # fmt: skip


def build(asked: Challenge, key: str, tried: list[Trial]) -> None:
    """One more trial, of the sliders as they stand at this moment."""
    chosen = [int(st.session_state.get(f"design_{key}_{n}") or 0) for n in range(len(asked.sliders))]
    if asked.encoding(chosen):
        sizes = cached.layer_sizes(asked.checkpoint)
        tried.append(challenges.trial(asked, chosen, cached.rows(), sizes))


def named(asked: Challenge, one: Trial) -> str:
    """The places of a design in words."""
    return " / ".join(slider.places[at] for slider, at in zip(asked.sliders, one.chosen, strict=True))


def ended(asked: Challenge, state: str, tried: list[Trial], key: str) -> None:
    """Solved, or failed and once more."""
    if state == "open":
        return
    if state == "solved":
        st.markdown(f":material/emoji_events: **Solved in trial {len(tried)}.** {asked.why}")
    else:
        st.markdown(
            f":material/report: **Failed:** none of {len(tried)} designs keeps "
            f"{numbers.percent(asked.keep, 0)} in {asked.bits:g} bits a weight."
        )
    st.button("Start again", key=f"again_{key}", on_click=tried.clear)
