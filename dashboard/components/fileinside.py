"""What a deployed file stores, and its accuracy without faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, query, render
from dashboard.format import filewords, numbers, sentences
from dashboard.model import filejobs
from dashboard.server import job_queue
from resq.core import commands
from resq.measure.analysis import stats
from resq.measure.store import table

ROW, ROWS, WIDEST = 36, 20, 520  # pixels of a row of the table; rows that stand at once; pixels of a column
N = (100, 1000, 2000, 4000, 10000)
FIRST = (
    "The first run of a file also checks that it computes with the flips of every weight tensor, which can "
    "take longer than the images, and measures the price of what follows."
)


def inside(about: Mapping[str, Any], inputs: str) -> None:
    """The file in words, its bits by target, its tensors."""
    st.header("What is inside", anchor=False)
    st.markdown(render.plain(filewords.headline(about)))
    st.markdown(render.plain(filewords.ends(about)))
    for note in about["notes"]:
        st.caption(render.plain(filewords.in_fields(str(note)[:300])))
    kinds = about["targets"]
    drawn = charts.CHARTS["targets"].draw(kinds)
    alt = "; ".join(f"{filewords.KINDS[k]}: {of['bits']:,} bits" for k, of in kinds.items() if of["bits"])
    render.figure("targets", drawn, key="chart_targets", alt=alt)
    st.markdown(f"**Its {len(about['layers'])} stored tensors, in the order of the graph**")
    shown = filewords.layers(about)
    widths = {name: st.column_config.Column(width=wide(shown[name])) for name in ("tensor", "shape", "scale")}
    rows = min(len(shown), ROWS)
    st.dataframe(shown, hide_index=True, height=ROW * (rows + 1) + 3, row_height=ROW, key="tensors",
                 column_config=widths)  # fmt: skip
    if not filewords.known(about):
        render.error_box(render.plain(filewords.unsaid(about)))
    made = commands.line(["inspect", about["name"], *cached.flags(inputs)])
    with page_frame.group("more", "inside"):
        render.terminal(made)
        render.numbers(
            lambda: ({"targets": filewords.targets(kinds)}, {"targets": drawn}), None, [made],
            key="numbers_targets", called=about["name"],
        )  # fmt: skip


def wide(texts: pd.Series) -> int:
    """Pixels of a column that shows its longest text whole, at most ``WIDEST``."""
    return min(WIDEST, 24 + 8 * int(texts.astype(str).str.len().max()))


def accuracy(name: str, images: str, inputs: str) -> dict[str, Any] | None:
    """The button and what was found; what the check found, None where it was not made yet."""
    st.header("How good is it?", anchor=False)
    with page_frame.group("live", "clean"), st.container(horizontal=True, vertical_alignment="bottom"):
        n = (
            st.segmented_control(
                "Test images",
                query.with_asked("images", N, 1),
                key="images",
                default=1000,
                required=True,
                bind="query-params",
            )
            or 1000
        )
        check, clean = filejobs.FileCheck(name, images, inputs), filejobs.clean(name, images, inputs, int(n))
        running = job_status.measurement("clean", filejobs.FileCheck)
        st.button(
            "Run it", type="primary", key="run", icon=":material/play_arrow:", on_click=job_status.start,
            args=([check, clean], "clean"), disabled=running is not None and running.active,
        )  # fmt: skip
        if not cached.measurements().rows([check]):
            st.caption(FIRST, width="stretch")
    every = 0.5 if running is not None and running.active else None
    st.fragment(_check_outcome, run_every=every)(running, check, clean)
    rows = cached.measurements().rows([check])
    return dict(rows[0]["check"]) if rows else None


def _check_outcome(running: job_queue.Measurement | None, check: filejobs.FileCheck, clean: Any) -> None:
    with render.errors_as_sentences():
        job_status.progress(running, "steps", "clean", [clean])
        if rows := cached.measurements().rows([check]):
            st.markdown(render.plain(filewords.ran(rows[0]["check"])))
        if rows := cached.measurements().rows([clean]):
            line = stats.curve(table.frame(rows)).iloc[0]
            st.markdown(
                f"**{numbers.percent(line['mean'], 2)}** of the first {line['n']:,} test images of "
                f"{line['data']} are "
                f"right without faults; {sentences.interval({**line, 'ber': 0.0})}; file "
                f"{line['weights'][:8]}, "
                f"images {line['images'][:8]}, {render.plain(str(rows[0]['software']))}."
            )
            with page_frame.group("more", "clean"):
                render.terminal(clean.command)
        job_status.ended(running, "clean")
