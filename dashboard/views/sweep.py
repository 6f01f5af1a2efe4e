"""Sweep: how much can it take?"""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import (
    charts,
    controls,
    curvecharts,
    data,
    follow,
    live,
    onecell,
    pick,
    shell,
    show,
    tables,
    words,
)
from resq.measure.spec import SweepSpec


def picture(
    axis: str, specs: list[SweepSpec], fresh: list[dict[str, Any]], running: bool
) -> tuple[data.Known, go.Figure | None]:
    """One figure with its provenance; what is known, and the figure."""
    known = data.known(specs, axis, fresh, running)
    curves, chart = known.curves, charts.CHARTS[axis]
    st.header(chart.title, anchor=False)
    if curves.empty:
        show.sorry(
            "No point is measured yet; faults come before attacks."
            if running
            else "Nothing is stored for this choice yet. Press “Measure live”."
        )
        return known, None
    chosen, order = st.session_state.get("cell") or "", curvecharts.order(specs)
    drawn = data.once(
        chart.draw, (*known.key, chosen), curves, data.chance(list(curves["data"])), order, chosen
    )
    said = data.once(words.finding, known.key, curves, axis)
    click = partial(onecell.click, f"chart_{axis}")
    show.figure(axis, drawn, key=f"chart_{axis}", alt=said, title=False, on_select=click)
    st.caption(words.provenance(curves, "Measured here" if len(fresh) else "Stored rows"))
    if stale := data.outdated(known.rows):
        st.caption(f"Measured on other weights than those here: {', '.join(stale)}. Press “Measure live”.")
    if known.missing and not running:
        able = {spec.checkpoint for spec in known.missing} & set(data.names())
        st.caption(f"Not stored: {pick.names(known.missing)}.{' Press “Measure live”.' if able else ''}")
    return known, drawn


def results(specs: list[SweepSpec], running: live.Measurement | None) -> None:
    """What is known about the specs; called again and again while one is measured."""
    follow.progress(running)
    fresh = data.measurements().rows(specs)
    now = running is not None and running.active
    known, figures = {}, {}
    for column, axis in zip(st.columns(2, gap="large"), ("ber", "eps"), strict=True):
        with column:
            known[axis], figures[axis] = picture(axis, specs, fresh, now)
    every = pd.concat([k.rows for k in known.values()], ignore_index=True)
    if not every.empty:
        commands = [spec.command for spec in specs]
        with shell.group("more"):
            show.numbers(partial(behind, known, figures), every, commands)
    follow.ended(running)


def behind(known: dict[str, data.Known], figures: dict[str, go.Figure | None]) -> show.Behind:
    """The numbers of both figures, and the figures."""
    shown = {axis: tables.curves(k.curves, axis) for axis, k in known.items() if len(k.rows)}
    return shown, {axis: figure for axis, figure in figures.items() if figure is not None}


def shown(
    specs: list[SweepSpec], options: dict[str, Any], running: live.Measurement | None, cell: onecell.Jobs
) -> None:
    """The results, or a sentence: a fragment runs again without the page around it."""
    with show.in_words():
        results(specs, running)
    with show.in_words():
        onecell.section(specs, options, cell)


def page(names: list[str]) -> None:
    """The whole page."""
    show.strangers("nets", names)
    choice, button = st.columns([5, 1], vertical_alignment="bottom")
    with choice, shell.group("choice"):
        nets, encs = controls.selection(names, data.usual(names[0]))
    with shell.group("settings"):
        options = controls.settings()
    specs = controls.specs(nets, encs, options)
    if not specs:
        show.sorry("Choose at least one network and one encoding.")
        return
    found = follow.measurement(kind=SweepSpec, lost="The settings still hold; press “Measure live” again.")
    so = "stored curves are all there is to see"
    away = show.weightless(nets, so) or show.lacking((spec.dataset for spec in specs), so)
    with button, shell.group("live"):
        st.button(
            "Measure live",
            type="primary",
            on_click=follow.start,
            args=(specs,),
            key="measure",
            icon=":material/play_arrow:",
            disabled=away or (found is not None and found.active),
        )
        make = partial(controls.spec_file, nets, encs, options)
        st.download_button("Save as a file", make, "sweep.toml", "application/toml", on_click="ignore",
                           icon=":material/download:", key="save_sweep")  # fmt: skip
    cell = onecell.jobs()
    every = 0.5 if any(job is not None and job.active for job in (found, *cell)) else None
    st.fragment(shown, run_every=every)(specs, options, found, cell)


show.page("How much can it take?", show.text("sweep"))
with show.in_words():
    known = data.names()
    if known:
        page([*known, *data.unshipped()])
    else:
        show.sorry(*show.UNTRAINED)
