"""A prediction: a choice or a place on a scale, and how far it was from what was measured."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.model.lessons import Step
from dashboard.model.parts import scale
from dashboard.model.parts.fixed_words import say


def picked(step: Step, key: str, language: str) -> str | None:
    """The choice that somebody picks; None while there is none.

    Args:
        key: of the widget.
        language: of the lesson.
    """
    label = say(language, "predict", ask=step.ask)
    if not step.scale:
        choice: str | None = st.radio(label, step.choices, index=None, key=key)
        return choice
    place = st.select_slider(label, step.choices, step.choices[len(step.choices) // 2], key=key)
    return str(place)


def right(step: Step) -> str:
    """The right choice; of a number the place nearest to what was measured; "" where there is none."""
    return scale.nearest(step.choices, cached.measured_percent(step.truth)) if step.scale else step.right


def distance(step: Step, choice: str, language: str) -> str:
    """How far a predicted number was off, as a sentence; "" where no number was asked for."""
    return scale.off(choice, cached.measured_percent(step.truth), language) if step.scale else ""
