"""Replay: what was claimed, and does it hold here?"""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, render
from dashboard.format import claim_sentences, numbers
from dashboard.report import html_report
from dashboard.server import job_queue
from resq.claims import points, rerun, verdict
from resq.claims.registry import LABELS, Claim
from resq.claims.verdict import Verdict
from resq.core import commands
from resq.core.errors import ResqError
from resq.measure.store import table


def choose(found: list[Verdict]) -> Verdict:
    """The claim that is looked at; the address keeps it."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    labels = list(dict.fromkeys(v.claim.source.label for v in found))
    source = left.segmented_control(
        "Who says it", ["all", *labels], default="all", required=True, key="source", bind="query-params"
    )
    told = [v for v in found if source in ("all", None, v.claim.source.label)]
    # The first one opens the page, so it is one that was measured and settled.
    told.sort(key=lambda v: (v.verdict == "not comparable", v.decides is None))
    by_id = {v.claim.id: v for v in told}
    picked = right.selectbox("Claim", list(by_id), key="claim", bind="query-params")
    return by_id[picked]


def quoted(claim: Claim) -> None:
    """The claim as quoted, with what its source says and what it does not."""
    with st.container(key="quoted", gap="small"):
        st.caption("As quoted, not measured here")
        st.header(f"◇ {claim.quote}", anchor=False)
        st.markdown(f"“{render.plain(claim.says)}”")
        st.caption(f"{claim.source.name} ({LABELS[claim.source.label]})")
        if claim.known:
            st.markdown(f"**Known:** {'; '.join(claim.known)}.")
        if claim.unknown:
            st.markdown(f"**Not known:** {'; '.join(claim.unknown)}.")


def judged(v: Verdict) -> None:
    """The verdict, large, with its reason."""
    kind, icon = claim_sentences.LOOKS[v.verdict]
    with st.container(gap="small"):
        st.caption("Measured here")
        with st.container(key=f"verdict_{kind}", gap=None):
            st.header(f"{icon} {v.verdict}", anchor=False)
            told = claim_sentences.measured(v)
            st.markdown(f"**{told}**")
            if v.why != told:
                st.markdown(render.plain(v.why[0].upper() + v.why[1:]) + ".")
            if v.readings:
                st.caption(f"{v.tried[0].upper()}{v.tried[1:]}.")
        for cell in () if v.decides else v.near:
            st.caption(f"Nearest measured: {cell.checkpoint} as {cell.encoding}, {cell.point}: "
                       f"{numbers.percent(cell.mean)}")  # fmt: skip
        with st.popover("The rule", icon=":material/gavel:"):
            st.markdown(verdict.RULE)


def readings(v: Verdict) -> None:
    """Every reading of the claim, as a figure and a table."""
    if v.claim.value is None or v.claim.unit == "flips" or not v.readings:
        return
    st.header(charts.CHARTS["readings"].title, anchor=False)
    words = {
        word: [r.reading.label for r in v.readings if r.verdict == word] for word in claim_sentences.LOOKS
    }
    fits = ", ".join(words["reproduced"])
    alt = f"Quoted {v.claim.quote}; consistent with {fits or 'no measured reading'}."
    drawn = cached.cached_figure(charts.CHARTS["readings"].draw, (v.claim.id,), v)
    render.figure("readings", drawn, key="chart_readings", alt=alt, title=False)
    st.markdown(f"**{alt}**")
    commands = [claim_sentences.command(r.cell) for r in v.readings if r.cell]
    render.numbers(
        lambda: ({"readings": claim_sentences.table(v)}, {"readings": drawn}),
        None,
        list(dict.fromkeys(commands)),
    )


def rerun_controls(v: Verdict, cell: points.Cell, running: job_queue.Measurement | None) -> None:
    """How many images and maps, and the button."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        n = st.select_slider("Test images", (100, 250, 500, 1000, 2000), 1000, key="n", bind="query-params")
        maps = st.select_slider("Fault maps", (2, 5, 10, 20), 5, key="maps", bind="query-params")
        st.button(
            "Run this point now",
            type="primary",
            icon=":material/play_arrow:",
            key="rerun",
            on_click=job_status.start,
            args=([rerun.job(v, int(n), int(maps), cell.seed)],),
            disabled=running is not None and running.active,
        )


def compared(v: Verdict, cell: points.Cell) -> None:
    """The stored cell beside what was measured again on this machine."""
    found = [(run, c) for run in cached.reruns(v.claim.id) for c in points.cells(run.rows)]
    found = [(run, c) for run, c in found if rerun.same_point(c, cell)]
    if not found:
        st.caption("Not measured again on this machine yet.")
        return
    fresh, latest = [c for _, c in found], found[0][0]
    result = rerun.against(cell, fresh[0])
    icon = ":material/check_circle:" if result.within else ":material/warning:"
    with st.container(key=f"verdict_{'same' if result.within else 'changed'}_again", gap=None):
        st.markdown(f"{icon} {render.plain(result.says[0].upper() + result.says[1:])}.")
    st.caption(f"Re-run {latest.at[:19].replace('T', ' ')} UTC on {latest.machine}; kept in the store.")
    drawn = charts.CHARTS["again"].draw(
        cell, fresh[:3], v.claim.value if v.claim.kind == "accuracy" else None
    )
    render.figure("again", drawn, key="chart_again", alt=result.says, title=False)


def shown(v: Verdict, cell: points.Cell, running: job_queue.Measurement | None) -> None:
    """The re-run; called again and again while it is measured."""
    with render.errors_as_sentences():
        job_status.progress(running)
        compared(v, cell)
    job_status.ended(running)


def again(v: Verdict) -> None:
    """The cell behind the verdict: what made it, its command, and the same cell measured again."""
    st.header("Measured once more", anchor=False)
    try:
        cell = rerun.target(v)
    except ResqError as error:
        said = str(error)
        render.error_box(render.plain(f"{said[0].upper()}{said[1:]}."))
        return
    st.caption(claim_sentences.hashes(cell))
    if stale := cached.outdated(pd.DataFrame([{"checkpoint": cell.checkpoint, "weights": cell.weights}])):
        st.caption(f"Measured on other weights than those here: {', '.join(stale)}.")
    running = job_status.measurement(kind=rerun.Rerun, lost="Press “Run this point now”.")
    if cached.present(cell.data):
        with page_frame.group("live"):
            rerun_controls(v, cell, running)
    else:
        render.error_box(
            f"The images of {cell.data} are not on this machine, so this point cannot be run here."
        )
    st.fragment(shown, run_every=0.5 if running is not None and running.active else None)(v, cell, running)
    render.terminal(commands.line(["claims", v.claim.id, "--rerun"]), claim_sentences.command(cell))


def leaders() -> None:
    """All networks in one table."""
    found = cached.board()
    st.header("Leaderboard", anchor=False)
    if found.empty:
        render.error_box(
            "No row is stored yet, so there is nothing to rank.", "python -m resq sweep signs/resnet20/base"
        )
        return
    st.dataframe(claim_sentences.leaders(found), hide_index=True, key="leaders", placeholder="not measured")
    st.caption(
        "Ranked within a data set by the accuracy at BER 10⁻²; lines that cannot be told from the first of "
        "a rank share it, by differences on common fault maps and images where there are any, wide enough "
        f"for all comparisons of the data set together. A click on a heading ranks otherwise. "
        f"{claim_sentences.level(found)}. Each figure is of its own number of images; intervals count fault "
        "maps and images. R_F: mean accuracy over log BER from 10⁻⁴ to 2·10⁻²; R_A: mean accuracy over PGD "
        "budgets from 0 to 8/255, an upper bound as PGD's own is. APGD or AutoAttack: of both the cell "
        "that speaks, on 1,000 images or more."
    )
    with page_frame.group("more"), st.container(horizontal=True):
        picked = st.selectbox("Report of", sorted(found["checkpoint"].unique()), key="report_of")
        rows = cached.rows()
        make = partial(html_report.page, picked, rows[rows["checkpoint"] == picked])
        st.download_button("Report as HTML", make, "resq-report.html", "text/html", on_click="ignore",
                           icon=":material/download:")  # fmt: skip
        make_csv = partial(table.csv, rows[rows["checkpoint"] == picked])
        st.download_button("Rows as CSV", make_csv, "resq-rows.csv", "text/csv", on_click="ignore",
                           icon=":material/download:")  # fmt: skip


def page(found: list[Verdict]) -> None:
    """The whole page."""
    with page_frame.group("claim"):
        v = choose(found)
    left, right = st.columns(2, gap="large")
    with left:
        quoted(v.claim)
    with right:
        judged(v)
    readings(v)
    again(v)
    st.fragment(overview)(found)


def overview(found: list[Verdict]) -> None:
    """All claims in a table, drawn when its box is opened."""
    box = st.expander("All claims", icon=":material/list:", key="overview", on_change="rerun")
    with box:
        if box.open:
            st.dataframe(claim_sentences.overview(found), hide_index=True)


render.page("What was claimed, and does it hold here?", render.text("replay"))
with render.errors_as_sentences():
    claims = cached.verdicts()
    if claims:
        page(claims)
    else:
        render.error_box("No claims are on this machine: assets/claims is empty.")
with render.errors_as_sentences(), page_frame.group("board"):
    leaders()
