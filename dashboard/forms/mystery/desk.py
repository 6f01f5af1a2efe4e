"""The case on the desk: which one, what is known of it, what it has cost. The address holds all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, query, render
from dashboard.format import numbers
from dashboard.model.mystery import diagnosis, probes
from resq.core import logs
from resq.core.errors import ResqError
from resq.measure.run.mystery import cases

DRAWN = {"F": "A fault", "H": "Hacked or broken?"}
FIRST = "F1"


@dataclass(frozen=True, eq=False)
class Desk:
    """A case as it stands.

    Attributes:
        layers: of the network, in order of computation.
        hidden: a ``suspect.Suspect``: what the case hides; shown to nobody before ``named``.
        asked: the questions that were bought.
        named: the diagnosis; None: none yet.
    """

    case: cases.Case
    layers: tuple[str, ...]
    hidden: Any
    asked: list[probes.Asked]
    named: cases.Cause | None

    @property
    def spent(self) -> int:
        """What the questions have cost, in points."""
        return probes.cost(self.asked)


def of_address() -> Desk:
    """The desk of the address.

    Raises:
        ResqError: its case is none.
    """
    hidden = cached.mystery_case(st.query_params.get("case") or FIRST)
    weights = cached.mystery_words().weights
    layers, bits = tuple(weights), next(iter(weights.values())).encoding.word_bits
    asked = probes.read(st.query_params.get("asked", ""), hidden.case, len(layers))
    return Desk(hidden.case, layers, hidden, asked,
                diagnosis.read(st.query_params.get("named", ""), layers, bits))  # fmt: skip


def take(code: str) -> None:
    """Another case, from its beginning."""
    for name in ("asked", "named"):
        st.query_params.pop(name, None)
    query.set_parameter("case", code)


def draw(letter: str) -> None:
    """A case that nobody has chosen: a fresh number at every click; the address keeps it."""
    take(f"{letter}{int(np.random.default_rng().integers(1, cases.CHOSEN))}")


def typed() -> None:
    """The case that somebody typed; a refusal is shown and the case stays."""
    code = st.session_state.mystery_code or ""
    try:
        take(cases.read(code).code)
    except ResqError as error:
        logs.refused(error, render.where())
        st.session_state.mystery_refused = render.plain(str(error))


def choose(code: str) -> None:
    """Which case: drawn, or by its code."""
    with page_frame.group("case"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state.mystery_code = code
        st.text_input("Case", key="mystery_code", width=130, on_change=typed, max_chars=8)
        for letter, label in DRAWN.items():
            st.button(f"Another: {label}", key=f"mystery_draw_{letter}", icon=":material/casino:",
                      on_click=draw, args=(letter,))  # fmt: skip
    if message := st.session_state.pop("mystery_refused", ""):
        st.markdown(f":material/error: {message}")


def facts(desk: Desk, name: Callable[[], None]) -> None:
    """What everybody sees for nothing, and the way to the diagnosis.

    Args:
        name: draws that way.
    """
    before, now = desk.hidden.accuracy
    # A diagnosis counts once: after it there is nothing to win, and the points stand in the box of the score.
    open_case = desk.named is None
    to_win = [("Still to win", f"{max(0, 100 - desk.spent)} points")] if open_case else []
    with st.container(horizontal=True, vertical_alignment="center", key="mystery_facts"):
        for label, value in (
            ("Right as stored", numbers.percent(before)),
            ("Right now", numbers.percent(now)),
            ("Spent", f"{desk.spent} points"),
            *to_win,
        ):
            st.metric(label, value, border=True, width="content")
        name()
