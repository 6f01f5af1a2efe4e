"""Sweep: how much can it take?"""

from __future__ import annotations

import uuid

import pandas as pd
import streamlit as st

from dashboard import charts, controls, data, live, pick, shell, show, tables, theme, words
from resq.measure import table
from resq.measure.spec import SweepSpec


def start(specs: list[SweepSpec]) -> None:
    """Begins to measure; the address keeps which measurement it is."""
    try:
        visitor = st.session_state.setdefault("visitor", uuid.uuid4().hex)
        st.session_state.job, st.session_state.refused = data.measurements().start(specs, visitor).id, ""
    except ValueError as error:
        st.session_state.refused = str(error)


def measurement() -> live.Measurement | None:
    """The measurement of this visitor, or of the address."""
    key = st.session_state.get("job") or st.query_params.get("job", "")
    found = data.measurements().get(key) if key else None
    if key and found is None:
        st.session_state.job = ""
        controls.write("job", "")
        st.session_state.refused = (
            "The measurement of this link is no longer known here: the server has been started anew since. "
            "The link's settings still hold; press “Measure live” to measure them again."
        )
    elif found:
        st.session_state.job = key
        controls.write("job", key)
    return found


def progress(running: live.Measurement | None) -> None:
    """How far the measurement is, and its end."""
    if st.session_state.get("refused"):
        show.sorry(st.session_state.refused)
    if running is None:
        return
    if running.state == "waiting":
        place = max(1, data.measurements().place(running))  # it may have begun just now
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/hourglass_empty: Number {place} in line: it begins by itself.", width="stretch"
            )
            st.button("Cancel", on_click=running.cancel, key="cancel", icon=":material/stop:")
    elif running.state == "running":
        rows, left = len(running.rows), running.left
        wait = "starting…" if left is None else f"about {theme.duration(left)} left"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(running.done, f"{rows} of {running.total} cells, {wait}", width="stretch")
            st.button("Cancel", on_click=running.cancel, key="cancel", icon=":material/stop:")
    elif running.state == "failed":
        show.sorry(f"The measurement stopped: {show.plain(running.error)}")
    elif running.state == "cancelled":
        st.caption(f"Cancelled after {len(running.rows)} of {running.total} cells; what was measured stays.")
    else:
        st.caption(f"Measured here in {running.seconds:.0f} s: {running.total} cells.")


def picture(
    axis: str, specs: list[SweepSpec], fresh: pd.DataFrame, running: bool
) -> tuple[pd.DataFrame, object]:
    """One figure with its provenance; the curves and the figure."""
    rows, missing = pick.together(data.rows(), fresh, specs, axis, running)
    curves = data.curves(rows, axis)
    chart = charts.CHARTS[axis]
    st.subheader(chart.title, anchor=False)
    if curves.empty:
        show.sorry(
            "No point is measured yet; faults come before attacks."
            if running
            else "Nothing is stored for this choice yet. Press “Measure live”."
        )
        return rows, None
    drawn = chart.draw(curves, data.chance(list(curves["data"])), charts.order(specs))
    show.figure(axis, drawn, key=f"chart_{axis}", alt=words.finding(curves, axis), title=False)
    st.caption(words.provenance(curves, "Measured here" if len(fresh) else "Stored rows"))
    if stale := data.outdated(rows):
        st.caption(f"Measured on other weights than those here: {', '.join(stale)}. Press “Measure live”.")
    if missing and not running:
        st.caption(f"Not stored: {pick.names(missing)}. Press “Measure live”.")
    return rows, drawn


def results(specs: list[SweepSpec], running: live.Measurement | None) -> None:
    """What is known about the specs; called again and again while one is measured."""
    progress(running)
    fresh = table.frame(data.measurements().rows(specs))
    now = running is not None and running.active
    rows, figures = {}, {}
    for column, axis in zip(st.columns(2, gap="large"), ("ber", "eps"), strict=True):
        with column:
            rows[axis], figures[axis] = picture(axis, specs, fresh, now)
    every = pd.concat(rows.values(), ignore_index=True)
    if not every.empty:
        shown = {axis: tables.curves(data.curves(r, axis), axis) for axis, r in rows.items() if len(r)}
        commands = [" ".join(["python -m resq", *spec.argv()]) for spec in specs]
        with shell.group("more"):
            show.numbers(shown, {a: f for a, f in figures.items() if f is not None}, every, commands)
    watched, st.session_state.watched = st.session_state.get("watched", False), now
    if watched and not now:
        st.rerun()  # once at the end, so that the page stops asking


def shown(specs: list[SweepSpec], running: live.Measurement | None) -> None:
    """The results, or a sentence: a fragment runs again without the page around it."""
    with show.in_words():
        results(specs, running)


def page(names: list[str]) -> None:
    """The whole page."""
    choice, button = st.columns([5, 1], vertical_alignment="bottom")
    with choice, shell.group("choice"):
        nets, encs = controls.selection(names, data.usual(names[0]))
    with (
        shell.group("settings"),
        st.expander("Settings: faults, attack, images, seed", icon=":material/tune:", key="settings"),
    ):
        options = controls.settings()
    specs = controls.specs(nets, encs, options)
    if not specs:
        show.sorry("Choose at least one network and one encoding.")
        return
    found = measurement()
    with button, shell.group("live"):
        st.button(
            "Measure live",
            type="primary",
            on_click=start,
            args=(specs,),
            key="measure",
            icon=":material/play_arrow:",
            disabled=found is not None and found.active,
        )
    every = 0.5 if found is not None and found.active else None
    st.fragment(shown, run_every=every)(specs, found)


show.page("How much can it take?", show.text("sweep"))
with show.in_words():
    known = data.names()
    if known:
        page(known)
    else:
        show.sorry(*show.UNTRAINED)
