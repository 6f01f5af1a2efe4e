"""Harden: can I make a network more robust?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, render, upload
from dashboard.format import tables
from dashboard.forms import hardening as hardening_form
from dashboard.model import hardening_run
from dashboard.server import job_queue
from resq.core import commands

MARKS = {"done": ":material/check_circle:", "running": ":material/pending:", "queued": ":material/schedule:",
         "stopped": ":material/cancel:"}  # fmt: skip


def stages(spec: hardening_run.HardenSpec, run: job_queue.Measurement) -> None:
    """Where each stage stands."""
    steps = hardening_run.steps(spec, run.rows, run.active)
    for column, (name, state, progress) in zip(st.columns(len(steps)), steps, strict=True):
        with column, st.container(border=True, key=f"step_{state}_{name}"):
            st.markdown(f"{MARKS[state]} **{hardening_form.stage_name(name)}**")
            st.caption(f"{state}{f', {progress}' if progress else ''}")


def job(run: job_queue.Measurement | None) -> None:
    """A run as it goes, and what it made; called again and again while it runs."""
    with render.errors_as_sentences():
        job_status.progress(run, "epochs")
        if run is not None:
            spec = run.specs[0]
            assert isinstance(spec, hardening_run.HardenSpec), "of this kind it was asked for"
            stages(spec, run)
            if any("loss" in row for row in run.rows):
                drawn = charts.CHARTS["training"].draw(run.rows, run.total)
                render.figure(
                    "training", drawn, key="training", alt=f"{len(run.rows)} of {run.total} epochs trained"
                )
                epochs(spec, run.rows, drawn)
            if run.state == "done":
                result(spec.result, [spec.command])
    job_status.ended(run)


def epochs(spec: hardening_run.HardenSpec, rows: list[dict[str, Any]], drawn: go.Figure) -> None:
    """The numbers of every epoch, and the picture of them."""
    with page_frame.group("more", "training"):
        render.numbers(
            lambda: ({"training": pd.DataFrame(rows)}, {"training": drawn}), None, [spec.command],
            key="numbers_training", called=spec.result,
        )  # fmt: skip


def result(name: str, made: Sequence[str] = ()) -> None:
    """What a hardened checkpoint's card says of before and after.

    Args:
        made: the command of the run that has just made it; without it the plan that its card keeps.
    """
    card = cached.card(name)
    looks = hardening_run.looks(card)
    if not looks:
        return
    drawn = charts.CHARTS["before_after"].draw(looks)
    last, finding = looks[-1], hardening_run.changed(card)
    st.header(name, anchor=False)
    st.markdown(finding)
    if not made:
        made = plan(name)
    render.figure("before_after", drawn, key=f"before_after_{name}", alt=finding)
    with st.container(horizontal=True):
        page_frame.link(
            "sweep", "Compare both in the Sweep", nets=[base_of(name), name], encs=[last["encoding"]]
        )
        page_frame.link("bitlab", "Open it in the Bit lab", net=name, enc=last["encoding"])
    with page_frame.group("more", "result"):
        render.numbers(
            lambda: ({"before_after": tables.looks(pd.DataFrame(looks))}, {"before_after": drawn}), None,
            [*made, commands.line(["show", name])], key="numbers_harden", called=name,
        )  # fmt: skip


def plan(name: str) -> list[str]:
    """The plan that made a hardened checkpoint, told and as a file; the command that runs it again."""
    card = cached.card(name)
    by = hardening_run.plan_of(card)
    if by is None:
        return []
    variant = name.rpartition("/")[2]
    st.caption(hardening_run.planned(by))
    st.download_button(
        "Its plan as a file", lambda: hardening_run.plan_file(by, f"the plan of {name}"), f"{variant}.toml",
        "application/toml", on_click="ignore", icon=":material/download:", key="save_plan",
    )  # fmt: skip
    again = ["harden", by.base, "--preset", f"{variant}.toml", "--seed", str(by.seed)]
    return [commands.line([*again, "--variant", f"{variant}-again"])]


def base_of(name: str) -> str:
    """The checkpoint beside it that is not hardened."""
    return f"{name.rpartition('/')[0]}/base"


def shipped(names: list[str]) -> None:
    """What hardening gave before anyone presses a button: the cards of hardened checkpoints."""
    stages = {name: len(cached.card(name).get("stages") or ()) for name in names}
    # The fullest opens the page; the many networks of a study come last.
    hardened = sorted(
        filter(stages.get, names),
        key=lambda name: ("/asym-" in name, -stages[name], not name.endswith("/plus")),
    )
    if not hardened:
        st.caption("No hardened checkpoint is on this machine yet; the quick preset makes one in minutes.")
        return
    with page_frame.group("shown"):
        name = st.selectbox("Hardened before", hardened, key="shown", bind="query-params")
    result(name)


def page(names: list[str]) -> None:
    """The form, the run, and what is there already."""
    spec = hardening_form.form(names)
    again = "Press “Harden” to start it again; it goes on from the last epoch that was kept."
    run = job_status.measurement(kind=hardening_run.HardenSpec, lost=again)
    away = render.missing_images([cached.card(spec.base)["data"]], "nothing can be trained on them")
    with page_frame.group("live"), st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Harden", type="primary", icon=":material/shield:", key="harden", on_click=job_status.start,
            args=([spec],),
            disabled=away or not spec.stages or (run is not None and run.active),
        )  # fmt: skip
        if spec.stages:
            st.download_button(
                "Save as a file", lambda: hardening_run.preset_file(spec), f"{spec.variant}.toml",
                "application/toml", on_click="ignore", icon=":material/download:", key="save_spec",
            )  # fmt: skip
            st.markdown(cached.effort(spec))
        else:
            st.markdown("Choose at least one stage.")
    if spec.stages:
        render.terminal(spec.command)
    st.fragment(job, run_every=1.0 if run is not None and run.active else None)(run)
    if run is None:
        shipped(names)


render.page("Can I make a network more robust?", render.text("harden"), upload.button)
with render.errors_as_sentences():
    known = cached.names()
    if known:
        page(known)
        with page_frame.group("more", "help"):
            render.help_page("harden_help", ["training", "before_after"])
    else:
        render.error_box(*render.UNTRAINED)
