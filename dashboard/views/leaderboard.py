"""Leaderboard: which network keeps its answers?"""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, render, upload
from dashboard.format import claim_sentences
from dashboard.report import html_report
from resq.measure.store import table

HOW = (
    "Ranked within a data set by the accuracy at BER 10⁻²; lines that cannot be told from the first of "
    "a rank share it, by differences on common fault maps and images where there are any, wide enough "
    "for all comparisons of the data set together; a lower rank need not be told from a higher "
    "one. Each figure is of its own number of images; intervals "
    "count fault maps and images. R_F: mean accuracy over log BER from 10⁻⁴ to 2·10⁻²; R_A: mean accuracy "
    "over PGD budgets from 0 to 8/255, an upper bound as PGD's own is; each is of one set of images and "
    "fault maps, not always that of the column beside it, and neither has an interval "
    "here, so lines that are close in them are not told apart. APGD or AutoAttack: of both the cell "
    "that speaks, see its images. Flips are independent bits. PGD: "
    "of most starts, then steps, that the network was met by; fewer of them leave more right. "
    "A click on a heading ranks otherwise."
)
SUBMIT = (
    "A line of your own is a card: the first command measures a network by the fixed protocol and writes it, "
    "with the rows it follows from and the hashes of weights, images and code. Send the file to whoever runs "
    "this board: the second command checks that its numbers follow from its rows and puts it on the board, "
    "marked as quoted until it is measured again there."
)
PAPER = st.column_config.LinkColumn(
    "architecture's paper",
    display_text=r"https://(arxiv)\.org/.*",
    help="Where the network's architecture is from",
)

# Pixels: "not measured" in a narrow column of numbers, and the longest words of the first two, in whole.
WIDTHS = {"rank": 112, "checkpoint": 250, "stored as": 310, "BER 10⁻²": 112}


def chosen(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines of one data set that hold all words that are searched for."""
    with page_frame.group("choice"), st.container(horizontal=True, vertical_alignment="bottom"):
        names = ["all", *sorted(lines["checkpoint"].str.split("/").str[0].unique())]
        data = st.selectbox("Data set", names, key="data", bind="query-params", width=200)
        search = st.text_input("Search: network, variant, encoding", key="find", bind="query-params")
    keep = pd.Series(True, index=lines.index)
    if data and data != "all":
        keep &= lines["checkpoint"].str.startswith(f"{data}/")
    text = lines["checkpoint"] + " " + lines["encoding"]
    for word in (search or "").lower().split():
        keep &= text.str.lower().str.contains(word, regex=False)
    return lines[keep]


def board(lines: pd.DataFrame) -> None:
    """The table, how it is ranked, and what to take home of a line."""
    shown = chosen(lines)
    if shown.empty:
        render.error_box("No line holds these words: search for less, or choose another data set.")
        return
    st.caption(f"{len(shown)} of {len(lines)} lines. {claim_sentences.level(shown)}.")
    widths = {name: st.column_config.Column(width=pixels) for name, pixels in WIDTHS.items()}
    st.dataframe(claim_sentences.leaders(shown), hide_index=True, key="leaders", placeholder="not measured",
                 height=560, column_config={**widths, "architecture": PAPER})  # fmt: skip
    st.caption(HOW)
    data = st.session_state.get("data") or "all"
    st.download_button("These lines as CSV", partial(table.csv, shown), f"resq-leaderboard-{data}.csv",
                       "text/csv", on_click="ignore", icon=":material/download:")  # fmt: skip
    with page_frame.group("more"), st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox("Look closer at", list(dict.fromkeys(shown["checkpoint"])), key="report_of")
        rows = cached.rows()
        mine = rows[rows["checkpoint"] == picked]
        name = f"resq-{picked.replace('/', '-')}"
        st.download_button("Report as HTML", partial(html_report.page, picked, mine), f"{name}.html",
                           "text/html", on_click="ignore", icon=":material/download:")  # fmt: skip
        st.download_button("Rows as CSV", partial(table.csv, mine), f"{name}.csv", "text/csv",
                           on_click="ignore", icon=":material/download:")  # fmt: skip
        page_frame.link("sweep", "Its curves", nets=[picked])
        page_frame.link("tradeoff", "Its map", net=picked)


render.page("Which network keeps its answers?", render.text("leaderboard"), upload.button)
with render.errors_as_sentences():
    lines = cached.board()
    if lines.empty:
        render.error_box(
            "No row is stored yet, so there is nothing to rank.", "python -m resq sweep signs/resnet20/base"
        )
    else:
        board(lines)
with page_frame.group("more", "submit"), st.expander("Submit a line", icon=":material/upload:", key="submit"):
    st.markdown(SUBMIT)
    render.terminal("python -m resq card NETWORK --encoding int8", "python -m resq card CARD.json")
