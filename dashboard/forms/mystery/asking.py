"""Questions: what can be asked and its price, and the answers to what was bought."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import confusion
from dashboard.components import query, render
from dashboard.forms.mystery.desk import Desk
from dashboard.model import bit_view
from dashboard.model.mystery import outcomes, probes
from dashboard.model.mystery.diagnosis import layer_name


def ask(desk: Desk) -> None:
    """The questions as buttons; those of a layer below its choice."""
    with st.container(border=True, key="mystery_ask"):
        st.markdown("**Ask the whole** (points)")
        with st.container(horizontal=True, gap="small"):
            for name, probe in probes.PROBES.items():
                if not probe.of_layer and desk.case.letter in probe.letters:
                    button(desk, probes.Asked(name))
        numbers = list(range(len(desk.layers)))
        layer = st.selectbox("Ask one layer (points)", numbers, key="mystery_layer",
                             format_func=lambda i: layer_name(desk.layers[i]))  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            for name, probe in probes.PROBES.items():
                if probe.of_layer:
                    button(desk, probes.Asked(name, int(layer or 0)))


def button(desk: Desk, asked: probes.Asked) -> None:
    """One question; what was bought, or comes after the diagnosis, cannot be bought."""
    probe = probes.PROBES[asked.name]
    st.button(f"{probe.title} · {probe.price}", key=f"mystery_{asked.name}", help=probe.about,
              disabled=asked in desk.asked or desk.named is not None,
              on_click=buy, args=(asked.name,))  # fmt: skip


def buy(name: str) -> None:
    """One more question; the address keeps it, so a reload gives nothing back.

    The layer and what was bought are those of this moment: a click may come before the page is drawn anew.
    """
    layer = int(st.session_state.get("mystery_layer") or 0) if probes.PROBES[name].of_layer else -1
    words = [*filter(None, st.query_params.get("asked", "").split(",")), probes.Asked(name, layer).word]
    query.set_parameter("asked", ",".join(dict.fromkeys(words)))


def answers(desk: Desk) -> None:
    """The answers, the newest first."""
    if not desk.asked:
        st.caption("Answers stand here. What each question gives:")
        st.caption("\n".join(given(desk.case.letter)))
    for asked in reversed(desk.asked):
        probe = probes.PROBES[asked.name]
        of = f" · {layer_name(desk.layers[asked.layer])}" if asked.layer >= 0 else ""
        with st.container(key=f"mystery_answer_{asked.word}"):
            st.markdown(f"**{probe.title}{of}** · {probe.price} points")
            chart, drawn, sentence = answer(desk, asked)
            st.markdown(sentence)
            if drawn is not None:
                render.figure(chart, drawn, key=f"mystery_figure_{asked.word}", alt=sentence, title=False,
                              caption=False)  # fmt: skip


def given(letter: str) -> list[str]:
    """What each question of a case gives, a line of Markdown each: a finger cannot rest on a button.

    Args:
        letter: of the case, "F" or "H".

    >>> given("F")[0]
    '- **Which answers became which**: All pictures, their answers before and now.'
    """
    asked = (probe for probe in probes.PROBES.values() if letter in probe.letters)
    return [f"- **{probe.title}**: {probe.about}" for probe in asked]


def answer(desk: Desk, asked: probes.Asked) -> tuple[str, go.Figure | None, str]:
    """Name of the chart, its figure and the sentence of one answer."""
    code, name = desk.case.code, asked.name
    if name == "flow":
        return flow(desk)
    if asked.layer >= 0:
        return of_layer(
            name, desk.layers[asked.layer], cached.mystery_probe(code, "layer", desk.layers[asked.layer])
        )
    measured = cached.mystery_probe(code, name)
    match name:
        case "clean":
            return "", None, outcomes.clean(measured, desk.hidden.accuracy[1])
        case "pixels":
            if not measured.any():
                return "", None, outcomes.pixels(measured)
            return "pixel_moves", charts.CHARTS["pixel_moves"].draw(measured), outcomes.pixels(measured)
    return "trace", charts.CHARTS["trace"].draw(measured), outcomes.trace(measured)


def flow(desk: Desk) -> tuple[str, go.Figure, str]:
    """Which answers became which."""
    from resq.data import signs
    from resq.measure.run.mystery import suspect

    classes = signs.CLASSES
    counts = suspect.flow(desk.hidden.clean, desk.hidden.answers, len(classes))
    return "flow", charts.CHARTS["flow"].draw(counts, classes), confusion.finding(counts, classes)


def of_layer(name: str, layer: str, measured: object) -> tuple[str, go.Figure | None, str]:
    """One layer's answer."""
    from resq.measure.run.mystery.suspect import Layer

    assert isinstance(measured, Layer)
    match name:
        case "sum":
            return "", None, outcomes.checksum(layer, measured)
        case "ones":
            drawn = charts.CHARTS["bit_counts"].draw(measured.ones, measured.values.shape[1])
            return "bit_counts", drawn, outcomes.ones(measured)
        case "words":
            if not (measured.risen.any() or measured.fallen.any()):
                return "", None, outcomes.words(measured)
            drawn = charts.CHARTS["bit_changes"].draw(measured.risen, measured.fallen)
            return "bit_changes", drawn, outcomes.words(measured)
    edges = bit_view.edges(measured.values)
    then, now = (bit_view.counts(values, edges) for values in np.asarray(measured.values))
    return "layer_now", charts.CHARTS["layer_now"].draw(edges, then, now), outcomes.histogram(measured)
