"""What grows, which fault map, which picture: the controls of the page of moving pictures."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame
from dashboard.model.moving.journey import Journey
from resq.measure.run.embedding.spec import EmbeddingSpec

GROWS = ("BER", "eps")  # as an address spells them


def view(spec: EmbeddingSpec) -> tuple[str, int]:
    """What grows, and the number of the fault map."""
    with page_frame.group("view"), st.container(horizontal=True, vertical_alignment="bottom"):
        grows = st.segmented_control(
            "What grows: flipped bits, or the attack's budget", GROWS, key="axis", default=GROWS[0],
            required=True, bind="query-params",
        )  # fmt: skip
        axis = (grows or GROWS[0]).lower()
        number = 0
        if axis == "ber":
            number = st.segmented_control(
                "Fault map", list(range(spec.maps)), key="nth", default=0, required=True,
                bind="query-params", format_func=lambda i: f"{i + 1}",
            ) or 0  # fmt: skip
    return axis, int(number)


def first(shown: Journey) -> int:
    """The picture that the page begins with: the first one whose answer changes, else the first."""
    before = shown.steps[0]
    for step in shown.steps[1:]:
        lost = (before.answers == shown.labels) & (step.answers != shown.labels)
        if lost.any():
            return int(lost.argmax())
    return 0


def picture(shown: Journey) -> int:
    """The number of the chosen picture: typed here, or clicked in the figure."""
    last = len(shown.labels) - 1
    if isinstance(st.session_state.get("pic"), int) and st.session_state.pic > last:
        del st.session_state["pic"]  # of more pictures
    with page_frame.group("picture"):
        number = st.number_input(
            f"Picture (0 to {last}): type one, or click its mark", 0, last, first(shown), key="pic",
            bind="query-params", format="%d",
        )  # fmt: skip
    return int(number)


def click() -> None:
    """Takes over a click on a mark."""
    points = st.session_state.embedding_chart.selection.points
    number = points[0].get("customdata") if points else None
    if isinstance(number, list | tuple) and number and isinstance(number[0], int):
        st.session_state.pic = number[0]


def image(shown: Journey, number: int) -> str | None:
    """The picture as stored on this machine; None where it is not here."""
    data = str(shown.about["data"])
    return cached.one_picture(data, number) if cached.present(data) else None
