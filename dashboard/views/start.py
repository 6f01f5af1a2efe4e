"""Start: what this is, four ways in, one true figure; behind it what the stored rows say, a card each."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.charts import curves as curves_charts
from dashboard.components import page_frame, render, upload
from dashboard.format import sentences
from dashboard.format.struck import struck
from dashboard.model import url_schema
from resq.core import commands
from resq.measure.specs.sweep_spec import SweepSpec

BRING = "bring"  # no page: the box for weights, over this one

CARDS = (
    (
        "Teach a class",
        ":material/school:",
        "Ten lessons, each a few views with a task and a prediction. Or straight to a bit.",
        (("lessons", "Start the lessons"), ("bitlab", "Flip a bit")),
    ),
    (
        "Look for trade-offs",
        ":material/query_stats:",
        "Faults and attacks, apart and together; harden a network and compare.",
        (("tradeoff", "Open the Trade-off"), ("harden", "Harden a network")),
    ),
    (
        "Your network",
        ":material/memory:",
        "The .tflite, .onnx or .pt2 file you deploy, or the weights of a network you trained.",
        (("yournetwork", "Drop a deployed file"), (BRING, "Bring a checkpoint")),
    ),
    (
        "Check a result",
        ":material/fact_check:",
        "Stored rows with n, interval, seed and hashes, and the command behind each.",
        (("replay", "Check the claims"), ("sweep", "See the stored rows")),
    ),
)

# What the encodings of the figure are, for who sees their names here first.
WORDS = {
    "int8": "eight bits a weight, a range of its own for each channel",
    "int8-symmetric": "the same with 0 in the middle of each range",
    "int8-symmetric-tensor": "that with one range for a whole layer",
    "int4-tmr2": "four bits a weight, the top two stored three times, so eight bits as well",
    "fp32": "32-bit floating point",
}


def card(number: int, title: str, icon: str, sentence: str, links: tuple[tuple[str, str], ...]) -> None:
    """One way in; a click anywhere on it follows its first link."""
    with st.container(border=True, key=f"card_{number}", height="stretch"):
        st.header(f"{icon} {title}", anchor=False)
        st.markdown(sentence)
        (page, label), *others = [link for link in links if link[0] in (*url_schema.PARAMS, BRING)]
        with st.container(key=f"main_{number}", width="content"):
            page_frame.link(page, label)
        for page, label in others:
            with st.container(key=f"other_{number}_{page}", width="content"):
                (upload.box_here if page == BRING else page_frame.link)(page, label)


def findings() -> None:
    """What the stored rows say, in a few sentences; those with a number that is not stored are left out."""
    lines = [line for text in render.text("findings").splitlines() if (line := cached.revealed(text)).whole]
    if not lines:
        return
    render.section("What the stored rows say")
    st.caption(f"{render.BRACKETS} Bits flip independently where nothing else is said.")
    with st.container(key="findings"):
        for number, line in enumerate(lines):
            with st.container(border=True, key=f"finding_{number}", height="stretch"):
                st.markdown(line.full)
    render.sources([source for line in lines for source in line.sources])


def figure() -> None:
    """Accuracy against BER of the shipped network, from stored rows."""
    names = cached.names()
    if not names:
        render.error_box(*render.UNTRAINED)
        return
    specs = [SweepSpec(checkpoint=names[0], encoding=enc) for enc in cached.usual(names[0])]
    known = cached.stored_curves(specs, "ber")
    curves = known.curves
    if curves.empty:
        render.error_box(
            f"No stored measurement of {names[0]} yet. The Sweep page measures it live, or in a terminal:",
            commands.line(["sweep", names[0]]),
        )
        return
    st.header(f"{names[0]}, a trained network, its stored bits flipped at random", anchor=False)
    chance, order = cached.chance_level(list(curves["data"])), curves_charts.order(specs)
    drawn = cached.cached_figure(curves_charts.accuracy_vs_ber, known.key, curves, chance, order)
    finding = cached.cached_figure(sentences.finding, known.key, curves, "ber")
    render.figure("ber", drawn, key="start", alt=finding, title=False)
    if words := [f"`{spec.encoding}`: {WORDS[spec.encoding]}" for spec in specs if spec.encoding in WORDS]:
        st.caption(f"How its weights are stored. {'; '.join(words)}.")
    if spared := struck(curves):
        st.caption(f"{spared[0].upper()}{spared[1:]}.")
    made = f"{sentences.provenance(curves, 'Stored rows')}. {cached.about(str(curves['data'].iloc[0]))}."
    with st.popover("What it is, and where it comes from", icon=":material/fact_check:"):
        st.caption(made)


render.page("What is left of a network when its memory fails?", render.text("start"))
for column, (number, entry) in zip(st.columns(4), enumerate(CARDS), strict=True):
    with column:
        card(number, *entry)
with render.errors_as_sentences():
    figure()
with render.errors_as_sentences():
    findings()
