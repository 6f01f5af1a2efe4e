"""Sweep: how much can it take?"""

from __future__ import annotations

from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import curves as curves_charts
from dashboard.components import from_place, job_status, page_frame, render, rerun_cell, upload
from dashboard.format import sentences, tables
from dashboard.forms import measure_sweep, sweep
from dashboard.model import select_rows
from dashboard.server import job_queue
from resq.measure.specs.sweep_spec import SweepSpec

OTHERS = (
    "Each dot is a mean over fault maps; the band is the 95 % interval of that mean, over maps and images "
    "together. Lower is better. Points whose rows were measured before this was counted are not drawn."
)


def absent(running: bool, metric: str) -> str:
    """Why there is no figure."""
    if running:
        return "No point is measured yet; faults come before attacks."
    if metric != "accuracy":
        return f"No stored row of this choice has counted {sentences.METRICS[metric]}. Measure it."
    return "Nothing is stored for this choice yet. Measure it."


def picture(
    axis: str, specs: list[SweepSpec], fresh: list[dict[str, Any]], running: bool, metric: str
) -> tuple[cached.StoredCurves, go.Figure | None]:
    """One figure with its provenance; what is known, and the figure."""
    known = cached.stored_curves(specs, axis, fresh, running, metric)
    curves, chart = known.curves, charts.CHARTS[axis]
    other = metric != "accuracy"
    st.header(f"Under flipped bits: {sentences.METRICS[metric]}" if other else chart.title, anchor=False)
    if curves.empty:
        render.error_box(absent(running, metric))
        return known, None
    chosen, order = st.session_state.get("cell") or "", curves_charts.order(specs)
    level = cached.chance_level(list(curves["data"]))
    drawn = cached.cached_figure(
        chart.draw, (*known.key, chosen), curves, level, order, chosen, *((0, metric) if other else ())
    )
    finding = cached.cached_figure(sentences.finding, known.key, curves, axis, metric)
    click = partial(rerun_cell.click, f"chart_{axis}")
    render.figure(
        axis, drawn, key=f"chart_{axis}", alt=finding, title=False, caption=not other, on_select=click
    )
    if other:
        st.caption(OTHERS)
    st.caption(sentences.provenance(curves, "Measured here" if len(fresh) else "Stored rows"))
    if stale := cached.outdated(known.rows):
        st.caption(f"Measured on other weights than those here: {', '.join(stale)}. Measure it.")
    if known.missing and not running:
        able = {spec.checkpoint for spec in known.missing} & set(cached.names())
        st.caption(f"Not stored: {select_rows.names(known.missing)}.{' Measure it.' if able else ''}")
    return known, drawn


def progress(running: job_queue.Measurement | None) -> None:
    """How far a measurement is; drawn anew while it runs."""
    with render.errors_as_sentences():
        job_status.progress(running)


def results(specs: list[SweepSpec], running: job_queue.Measurement | None, metric: str) -> None:
    """What is known about the specs; called again and again while one is measured.

    Args:
        metric: of the figure under flipped bits; under attack it is accuracy that is counted.
    """
    fresh = cached.here(specs)
    now = running is not None and running.active
    known, figures = {}, {}
    for column, axis in zip(st.columns(2, gap="large"), ("ber", "eps"), strict=True):
        with column:
            counted = metric if axis == "ber" else "accuracy"
            known[axis], figures[axis] = picture(axis, specs, fresh, now, counted)
    every, commands = cached.with_commands(list(known.values()))
    if not every.empty:
        with page_frame.group("more"):
            named = " ".join(f"{spec.checkpoint} {spec.encoding}" for spec in specs[:3])
            render.numbers(partial(behind, known, figures, metric), every, commands, called=named)
    job_status.ended(running)


def behind(
    known: dict[str, cached.StoredCurves], figures: dict[str, go.Figure | None], metric: str
) -> render.Behind:
    """The numbers of both figures, and the figures."""
    names = {"ber": sentences.METRICS[metric]}
    shown = {
        axis: tables.curves(k.curves, axis, names.get(axis, "accuracy"))
        for axis, k in known.items()
        if len(k.rows)
    }
    return shown, {axis: figure for axis, figure in figures.items() if figure is not None}


def shown(
    specs: list[SweepSpec],
    options: dict[str, Any],
    running: job_queue.Measurement | None,
    cell: rerun_cell.Jobs,
    metric: str,
) -> None:
    """The results, or a sentence: a fragment runs again without the page around it."""
    with render.errors_as_sentences():
        results(specs, running, metric)
    with render.errors_as_sentences():
        rerun_cell.section(specs, options, cell)


def page(names: list[str]) -> None:
    """The whole page."""
    render.unknown_names("nets", names)
    choice, button = st.columns([5, 1])
    with choice, page_frame.group("choice"):
        nets, encs = sweep.selection(names, cached.usual(names[0]))
    running = job_status.measurement(kind=SweepSpec, lost="The settings still hold; measure again.")
    # Above the settings: below them, opened, it would be off the screen.
    st.fragment(progress, run_every=0.5 if running is not None and running.active else None)(running)
    with choice, page_frame.group("view"):
        metric = sweep.metric()
    with page_frame.group("settings"):
        options = sweep.settings()
    specs = sweep.specs(nets, encs, options)
    if not specs:
        render.error_box("Choose at least one network and one encoding.")
        return
    from_place.section(cached.rows(), nets, encs)
    so = "stored curves are all there is to see"
    away = render.missing_weights(nets, so) or render.missing_images((spec.dataset for spec in specs), so)
    with button, page_frame.group("live"):
        priced = st.container()
        make = partial(sweep.spec_file, nets, encs, options)
        st.download_button("Save as a file", make, "sweep.toml", "application/toml", on_click="ignore",
                           icon=":material/download:", key="save_sweep")  # fmt: skip
    cell = rerun_cell.jobs()
    every = 0.5 if any(job is not None and job.active for job in (running, *cell)) else None
    st.fragment(shown, run_every=every)(specs, options, running, cell, metric)
    render.flush_page()
    with priced:  # last, since keys and prices are a tenth of a second that the figures need not wait for
        measure_sweep.buttons(specs, away=away, busy=running is not None and running.active)


render.page("How much can it take?", render.text("sweep"), upload.button)
with render.errors_as_sentences():
    known = cached.names()
    if known:
        page([*known, *cached.unshipped()])
    else:
        render.error_box(*render.UNTRAINED)
