"""The language of the lessons, in the address: those that are not translated stay in English."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.components import query
from dashboard.model import lessons


def current() -> str:
    """The language of the address, or English."""
    language = st.query_params.get("lang", "")
    return language if language in lessons.languages() else "en"


def chosen() -> list[lessons.Lesson]:
    """All lessons in the language of the address."""
    return lessons.every(current())


def choose() -> None:
    """The languages."""
    known = lessons.languages()
    st.session_state.lang = current()
    st.segmented_control(
        "Language", list(known), key="lang", required=True, on_change=turn, args=(current(),),
        format_func=known.__getitem__, label_visibility="collapsed",
    )  # fmt: skip


def turn(before: str) -> None:
    """Another language; what was predicted is the same choice in it."""
    now = str(st.session_state.lang or before)
    query.set_parameter("lang", "" if now == "en" else now)
    made: dict[str, dict[int, str]] = st.session_state.get("predictions", {})
    for old, new in zip(lessons.every(before), lessons.every(now), strict=True):
        if old.name in made:
            made[old.name] = translated(old, new, made[old.name])
    st.session_state.pop("reflected", None)  # asked once more, in this language


def translated(old: lessons.Lesson, new: lessons.Lesson, made: dict[int, str]) -> dict[int, str]:
    """The predictions of a lesson, in the words of its translation.

    >>> english, german = lessons.every()[0], lessons.every("de")[0]
    >>> translated(english, german, {0: "by 7"})
    {0: 'um 7'}
    """

    def same(steps: Sequence[tuple[str, ...]], choice: str) -> str:
        return steps[1][steps[0].index(choice)]

    return {n: same((old.steps[n].choices, new.steps[n].choices), choice) for n, choice in made.items()}
