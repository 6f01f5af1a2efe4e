"""From a place to a rate: a box on the Sweep page that says which error rate it has and what is kept."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components import page_frame, query, render
from dashboard.format import places as place_text
from dashboard.format.encodings import stored_as
from resq.core.errors import ResqError
from resq.physics import Place
from resq.physics.places import PLACES, Asked, parsed, spelled
from resq.protect import at_rate


def section(rows: pd.DataFrame, nets: Sequence[str], encs: Sequence[str]) -> None:
    """The box; opened where the address names a place.

    Args:
        rows: all stored rows.
        nets, encs: networks and encodings that the page is about.
    """
    address = st.query_params.get("place", "")
    icon = ":material/public:"
    with page_frame.group("place"):
        box = st.expander(
            "From a place", expanded=bool(address), icon=icon, key="place_box", on_change="rerun"
        )
    with box:
        if not box.open:
            return  # four curves: a tenth of a second that a visitor who looks elsewhere need not wait
        start = Asked("orbit", PLACES["orbit"].usual, days=3650, scrub=1)
        if address:
            with (
                render.errors_as_sentences()
            ):  # said as it was asked for; the controls keep to what is covered
                start = parsed(address)
                start.place()
        with render.errors_as_sentences():
            chosen = _form(start)
            place = chosen.place()
            if address or chosen != start:
                query.set_parameter("place", spelled(chosen))
            st.markdown(place_text.rate(place))
            _accuracies(place, rows, nets, encs)
            page_frame.link("protect", "What to store there", net=nets[0], place=spelled(chosen))
            st.caption(place_text.sources(place))


def _form(start: Asked) -> Asked:
    """The controls, as they stand."""
    columns = st.columns(4)
    kinds = list(PLACES)
    kind = columns[0].selectbox(
        "Place", kinds, kinds.index(start.kind), format_func=lambda k: PLACES[k].about, key="place_kind"
    )
    known = PLACES[kind]
    at = start.at if kind == start.kind else known.usual
    if known.unit:
        at = columns[1].number_input(
            known.unit, float(known.low), float(known.high), float(min(max(at, known.low), known.high)),
            key=f"place_at_{kind}",
        )  # fmt: skip
    if not known.lasts:
        return Asked(kind, at)
    days = columns[2].number_input("Days", 0.0, 36500.0, float(start.days), key="place_days")
    scrub = columns[3].number_input(
        "Days between scrubs (0: none)", 0.0, 36500.0, float(start.scrub), key="place_scrub"
    )
    return Asked(kind, at, days=days, scrub=scrub, fit=start.fit, cutoff=start.cutoff)


def _accuracies(place: Place, rows: pd.DataFrame, nets: Sequence[str], encs: Sequence[str]) -> None:
    """What the stored rows say of each network and encoding there."""
    ber = place.ber
    for net in nets:
        for enc in encs:
            own = rows[(rows["checkpoint"] == net) & (rows["encoding"] == enc)]
            try:
                accuracy = at_rate.accuracy(own, ber.low, ber.value, ber.high)
            except ResqError as error:
                st.markdown(f"`{net}` in `{stored_as(enc)}`: {error}")
            else:
                st.markdown(place_text.keeps(net, enc, accuracy))


def measured_above(known: Sequence[float]) -> float | None:
    """A box with a place; the next measured rate above its band, None where the box names none or none is."""
    asked = st.query_params.get("place", "")
    icon = ":material/public:"
    with page_frame.group("place"), st.expander("From a place", expanded=bool(asked), icon=icon):
        on = st.toggle("Take the rate of a place", value=bool(asked), key="place_on")
        if not on:
            query.set_parameter("place", "")
            return None
        above: list[float] = []
        with render.errors_as_sentences():
            start = parsed(asked) if asked else Asked("voltage", PLACES["voltage"].usual)
            chosen = _form(start)
            place = chosen.place()
            query.set_parameter("place", spelled(chosen))
            above = [rate for rate in known if rate >= place.ber.high]
            st.markdown(f"{place_text.rate(place)} {_next(above, known)}")
            st.caption(place_text.sources(place))
    return min(above, default=None)


def _next(above: Sequence[float], known: Sequence[float]) -> str:
    if above:
        return f"The next rate above it that is measured is {min(above):g}: fewer bits flip at the place."
    return f"Rates up to {max(known):g} are measured, which is less: the rate above stays as it is set."
