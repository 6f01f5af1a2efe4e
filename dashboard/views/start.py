"""Start: what this is, four ways in, one true figure."""

from __future__ import annotations

import streamlit as st

from dashboard import curvecharts, data, shell, show, state, words
from resq import commands
from resq.measure.spec import SweepSpec

CARDS = (
    (
        "Teach a class",
        ":material/school:",
        "Five lessons, each a few views with a task and a prediction. Or straight to a bit.",
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
        "Drop the .tflite or .onnx file you deploy; its own bits flip, its own runtime answers.",
        (("yournetwork", "Drop a file"),),
    ),
    (
        "Check a result",
        ":material/fact_check:",
        "Stored rows with n, interval, seed and hashes, and the command behind each.",
        (("replay", "Check the claims"), ("sweep", "See the stored rows")),
    ),
)


def card(number: int, title: str, icon: str, sentence: str, links: tuple[tuple[str, str], ...]) -> None:
    """One way in; a click anywhere on it follows its first link."""
    with st.container(border=True, key=f"card_{number}", height="stretch"):
        st.header(f"{icon} {title}", anchor=False)
        st.markdown(sentence)
        (page, label), *others = [link for link in links if link[0] in state.PARAMS]
        with st.container(key=f"main_{number}", width="content"):
            shell.link(page, label)
        for page, label in others:
            with st.container(key=f"other_{number}_{page}", width="content"):
                shell.link(page, label)


def findings() -> None:
    """What the stored rows say, in a few sentences; those with a number that is not stored are left out."""
    told = [line for text in show.text("findings").splitlines() if (line := data.revealed(text)).whole]
    for line in told:
        st.markdown(line.text)
    show.sources([said for line in told for said in line.sources])


def figure() -> None:
    """Accuracy against BER of the shipped network, from stored rows."""
    names = data.names()
    if not names:
        show.sorry(*show.UNTRAINED)
        return
    specs = [SweepSpec(checkpoint=names[0], encoding=enc) for enc in data.usual(names[0])]
    known = data.known(specs, "ber")
    curves = known.curves
    if curves.empty:
        show.sorry(
            f"No stored measurement of {names[0]} yet. The Sweep page measures it live, or in a terminal:",
            commands.line(["sweep", names[0]]),
        )
        return
    st.header("A trained network, its stored bits flipped at random", anchor=False)
    chance, order = data.chance(list(curves["data"])), curvecharts.order(specs)
    drawn = data.once(curvecharts.accuracy_vs_ber, known.key, curves, chance, order)
    show.figure("ber", drawn, key="start", alt=words.finding(curves, "ber"), title=False)
    st.caption(f"{words.provenance(curves, 'Stored rows')}. {data.about(str(curves['data'].iloc[0]))}.")


show.page("What is left of a network when its memory fails?", show.text("start"))
for column, (number, entry) in zip(st.columns(4), enumerate(CARDS), strict=True):
    with column:
        card(number, *entry)
left, right = st.columns([5, 3], gap="large")
with left, show.in_words():
    figure()
with right, st.container(key="findings"), show.in_words():
    findings()
