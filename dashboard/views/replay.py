"""Replay: what was claimed, and does it hold here?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, query, render, rerun_cell
from dashboard.format import claim_labels, claim_sentences, numbers, papers, tables
from dashboard.report import html_report
from dashboard.server import job_queue
from resq.claims import agreement, asymmetry_claims, points, rerun, verdict
from resq.claims.judged import NONE, Verdict
from resq.claims.registry import LABELS, Claim
from resq.core import commands
from resq.core.errors import ResqError
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table


def choose(verdicts: list[Verdict], book: dict[str, Claim]) -> Verdict:
    """The claim that is looked at, by what people know of it; the address keeps its name."""
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    labels = list(dict.fromkeys(v.claim.source.label for v in verdicts))
    source = left.selectbox(
        "Who says it", ["all", *labels], key="source", bind="query-params",
    )  # fmt: skip
    chosen = [v for v in verdicts if source in ("all", None, v.claim.source.label)]
    # The first one opens the page, so it is one that was measured and settled.
    chosen.sort(key=lambda v: (v.verdict == "not comparable", v.decides is None, v.claim.baseline == ""))
    by_id = {v.claim.id: v for v in chosen}
    followed(list(by_id))
    picked = right.selectbox(
        "Claim: type a number, a network or an author", list(by_id), key="claim",
        format_func=lambda name: claim_labels.label(by_id[name], book),
    )  # fmt: skip
    query.set_parameter("claim", "" if picked == next(iter(by_id)) else picked)
    st.session_state.claim_written = picked
    return by_id[picked]


def followed(names: list[str]) -> None:
    """Takes over the claim that a link names; one that is not in the list any more is forgotten.

    By hand, since a list bound to the address would write its long lines there.
    """
    now, wanted = st.session_state, st.query_params.get("claim")
    if wanted in names and wanted != now.get("claim_written"):
        now.claim = wanted
    elif now.get("claim", names[0]) not in names:
        del now["claim"]


def quoted(claim: Claim) -> None:
    """The claim as quoted, with what its source says and what it does not."""
    with st.container(key="quoted", gap="small"):
        st.caption(f"Quoted from {LABELS[claim.source.label]}, not measured here")
        st.header(f"◇ {claim.quote}", anchor=False)
        says = claim.says.replace(" %", "\N{NO-BREAK SPACE}%")
        st.markdown(f"“{papers.linked(render.plain(says))}”")
        st.caption(claim_sentences.source(claim.source))
        if claim.known:
            st.markdown(f"**Known:** {papers.linked('; '.join(claim.known))}.")
        if claim.unknown:
            st.markdown(f"**Not known:** {papers.linked('; '.join(claim.unknown))}.")


def judged(v: Verdict) -> None:
    """The verdict, large, with its reason."""
    kind, icon = claim_sentences.LOOKS[v.verdict]
    with st.container(gap="small"):
        st.caption("Measured here")
        with st.container(key=f"verdict_{kind}", gap="xsmall"):
            st.header(f"{icon} {v.verdict}", anchor=False)
            measured = claim_sentences.measured(v)
            st.markdown(f"**{measured}**")
            if v.why != measured:
                for paragraph in claim_sentences.reasons(v):
                    st.markdown(render.plain(paragraph))
            if v.decides and v.verdict != NONE:
                st.caption(f"Read as: {v.decides.reading.label}")
            if v.readings:
                st.caption(claim_labels.tried(v))
        for cell in () if v.decides else v.near:
            st.caption(f"Nearest measured: {claim_sentences.nearest(cell)}")
        with st.popover("The rule", icon=":material/gavel:"):
            st.markdown(verdict.RULE)


def readings(v: Verdict, book: dict[str, Claim]) -> None:
    """Every reading of the claim, as a figure and a table."""
    if v.claim.value is None or v.claim.unit == "flips" or not v.readings:
        return
    st.header(charts.CHARTS["readings"].title, anchor=False)
    finding = claim_labels.reached(v)
    drawn = cached.cached_figure(charts.CHARTS["readings"].draw, (v.claim.id,), v, book.get(v.claim.baseline))
    render.figure("readings", drawn, key="chart_readings", alt=finding, title=False)
    st.markdown(f"**{render.plain(finding)}**")
    cells = [cell for r in v.readings for cell in (r.cell, r.base) if cell is not None]
    commands = [claim_sentences.command(cell) for cell in cells]  # of the unhardened ones beside them, too
    render.numbers(
        lambda: ({"readings": claim_sentences.table(v)}, {"readings": drawn}),
        None,
        list(dict.fromkeys(commands)),
        called=v.claim.id,
    )


def rerun_controls(v: Verdict, cell: points.Cell, running: job_queue.Measurement | None) -> None:
    """Exactly as stored, or with other counts; the price of each stands on its button."""
    busy = running is not None and running.active
    here = cell.checkpoint in cached.names()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exact = rerun.job(v, cell.n, cell.maps, cell.seed)
        st.button(
            f"Run exactly as stored: {_price(exact, here)}", type="primary", icon=":material/play_arrow:",
            key="rerun", on_click=job_status.start, args=([exact],), disabled=busy or not here,
        )  # fmt: skip
        with st.popover("Another size", icon=":material/tune:"):
            images = query.with_asked("n", (100, 250, 500, 1000, 2000), 1)
            n = st.select_slider("Test images", images, 1000, key="n", bind="query-params")
            counts = query.with_asked("maps", (2, 5, 10, 20), 1)
            maps = st.select_slider("Fault maps", counts, 5, key="maps", bind="query-params")
            other = rerun.job(v, int(n), int(maps), cell.seed)
            st.button(
                f"Run it: {_price(other, here)}", key="rerun_other", on_click=job_status.start,
                args=([other],), disabled=busy or not here,
            )  # fmt: skip


def _price(job: rerun.Rerun, here: bool) -> str:
    """Cells and time; without the weights, the cells alone."""
    return cached.price([job]) if here else numbers.counted(job.total, "cell")


def other_readings(v: Verdict, decides: points.Cell) -> None:
    """Any other reading of the figure, run again as it is stored."""
    cells = {
        f"{i + 1}. {r.reading.label}": r.cell
        for i, r in enumerate(v.readings)
        if r.cell is not None and r.cell != decides
    }
    if not cells:
        return
    running = job_status.measurement("again", SweepSpec)
    if st.session_state.get("reading") not in cells:
        st.session_state.pop("reading", None)  # of another claim
    with page_frame.group("live", "reading"):
        name = st.selectbox("Another reading of it", list(cells), key="reading", bind="query-params")
    every = 0.5 if running is not None and running.active else None
    st.fragment(one_reading, run_every=every)(cells[name], running)


def one_reading(cell: points.Cell, running: job_queue.Measurement | None) -> None:
    """A reading's cell, measured again with the counts it is stored with."""
    with render.errors_as_sentences():
        rerun_cell.measured_again(cell, {"n": cell.n, "maps": cell.maps, "seed": cell.seed}, running)


def reruns_of(v: Verdict, cell: points.Cell) -> list[tuple[rerun.Run, points.Cell]]:
    """What was measured of this cell again on this machine, the latest first."""
    reruns = [(run, c) for run in cached.reruns(v.claim.id) for c in points.cells(run.rows)]
    return [(run, c) for run, c in reruns if rerun.same_point(c, cell)]


def compared(v: Verdict, cell: points.Cell, running: job_queue.Measurement | None) -> None:
    """The stored cell beside what was measured again on this machine."""
    reruns = reruns_of(v, cell)
    if not reruns:
        st.caption("Not measured again on this machine yet.")
        return
    fresh, latest = [c for _, c in reruns], reruns[0][0]
    result = agreement.against(cell, fresh[0], rerun_cell.stored_rows(cell), latest.rows)
    if rerun_cell.so_far(fresh[0], running):
        st.markdown(
            f"So far {100 * fresh[0].mean:.2f}{numbers.THIN}% over {fresh[0].drawn}, no interval yet. It is "
            "held against the "
            "stored value when all of them are measured."
        )
    else:
        icon = ":material/check_circle:" if result.within else ":material/warning:"
        with st.container(key=f"verdict_{'same' if result.within else 'changed'}_again", gap=None):
            st.markdown(f"{icon} {render.plain(result.says[0].upper() + result.says[1:])}.")
    st.caption(f"Re-run {latest.at[:19].replace('T', ' ')} UTC on {latest.machine}; kept in the store.")
    drawn = charts.CHARTS["again"].draw(
        cell, fresh[:3], v.claim.value if v.claim.kind == "accuracy" else None
    )
    render.figure("again", drawn, key="chart_again", alt=result.says, title=False)
    with page_frame.group("more", "again"):
        render.numbers(
            lambda: ({"again": tables.measured_again(cell, fresh[:3])}, {"again": drawn}), None,
            [claim_sentences.command(cell)], key="numbers_again", called=v.claim.id,
        )  # fmt: skip


def shown(v: Verdict, cell: points.Cell, running: job_queue.Measurement | None) -> None:
    """The re-run; called again and again while it is measured."""
    with render.errors_as_sentences():
        job_status.progress(running)
        compared(v, cell, running)
    job_status.ended(running)


def again(v: Verdict) -> None:
    """The cell behind the verdict: what made it, its command, and the same cell measured again."""
    st.header("Run it again", anchor=False)
    if studies := asymmetry_claims.commands_of(v) if v.claim.kind == "asymmetry" else []:
        st.caption(
            "A study is trained and measured whole, not cell by cell. With a .parquet file the command "
            "prints what rows of a study say; with a .toml file it trains the study anew, for hours. "
            "The picture of all studies is on the Trade-off."
        )
        render.terminal(*studies)
        return
    try:
        cell = rerun.target(v)
    except ResqError as error:
        reason = str(error)
        render.error_box(render.plain(f"{reason[0].upper()}{reason[1:]}."))
        return
    st.caption(claim_sentences.hashes(cell))
    if stale := cached.other_weights([(cell.checkpoint, cell.weights)]):
        st.caption(f"Measured on other weights than those here: {', '.join(stale)}.")
    running = job_status.measurement(kind=rerun.Rerun, lost="Press “Run exactly as stored”.")
    if cached.present(cell.data):
        with page_frame.group("live"):
            rerun_controls(v, cell, running)
    else:
        render.error_box(
            f"The images of {cell.data} are not on this machine, so this point cannot be run here."
        )
    st.fragment(shown, run_every=0.5 if running is not None and running.active else None)(v, cell, running)
    counts = ["--n", str(cell.n), "--maps", str(cell.maps), "--seed", str(cell.seed)]
    render.terminal(commands.line(["claims", v.claim.id, "--rerun", *counts]), claim_sentences.command(cell))
    other_readings(v, cell)


def report(v: Verdict) -> None:
    """This claim with its verdict, its figure and the rows behind it, to take home; sought when asked for."""
    if not any(cell is not None for r in v.readings for cell in (r.cell, r.base)):
        return
    with page_frame.group("more", "report"), st.container(horizontal=True):
        name = f"resq-claim-{v.claim.id}"
        st.download_button("Report of this claim as HTML", partial(whole_report, v), f"{name}.html",
                           "text/html", on_click="ignore", icon=":material/download:")  # fmt: skip
        st.download_button("Its rows as CSV", partial(rows_as_csv, v), f"{name}.csv", "text/csv",
                           on_click="ignore", icon=":material/download:")  # fmt: skip


def rows_as_csv(v: Verdict) -> str:
    """The rows behind this claim's readings."""
    return table.csv(html_report.of_claim(v, cached.rows()))


def whole_report(v: Verdict) -> str:
    """The report, with what came of the last re-run here."""
    mine = html_report.of_claim(v, cached.rows())
    try:
        cell = rerun.target(v)
    except ResqError:
        return html_report.claim_page(v, mine)
    reruns = reruns_of(v, cell)
    if not reruns:
        return html_report.claim_page(v, mine)
    run, fresh = reruns[0]
    says = agreement.against(cell, fresh, rerun_cell.stored_rows(cell), run.rows).says
    when = f"{run.at[:19].replace('T', ' ')} UTC on {run.machine}"
    return html_report.claim_page(v, mine, f"{says[0].upper()}{says[1:]} ({when}).")


def page(verdicts: list[Verdict]) -> None:
    """The whole page."""
    book = {v.claim.id: v.claim for v in verdicts}
    with page_frame.group("claim"):
        v = choose(verdicts, book)
    left, right = st.columns(2, gap="large")
    with left:
        quoted(v.claim)
    with right:
        judged(v)
    readings(v, book)
    again(v)
    report(v)
    st.fragment(overview)(verdicts)


def overview(verdicts: list[Verdict]) -> None:
    """All claims in a table, drawn when its box is opened."""
    box = st.expander("All claims", icon=":material/list:", key="overview", on_change="rerun")
    with box:
        if box.open:
            st.dataframe(claim_sentences.overview(verdicts), hide_index=True, row_height=96, height=620,
                         column_config={"claim": st.column_config.Column(width=420),
                                        "quoted": st.column_config.Column(width=190),
                                        "measured here, 95 %": st.column_config.Column(width=230),
                                        "source": st.column_config.Column(width=260)})  # fmt: skip


render.page("What was claimed, and does it hold here?", render.text("replay"))
with render.errors_as_sentences():
    claims = cached.verdicts()
    if claims:
        page(claims)
    else:
        render.error_box("No claims are on this machine: assets/claims is empty.")
page_frame.link("leaderboard", "All networks, ranked", ":material/leaderboard:")
