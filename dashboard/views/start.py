"""Start: what this is, three ways in, one true figure."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, data, pick, show, words
from resq.measure.spec import SweepSpec

CARDS = (
    (
        "views/bitlab.py",
        "Teach a class",
        ":material/school:",
        "Flip a bit of a trained network, see its answer change.",
        "Open the Bit lab",
    ),
    (
        "views/sweep.py",
        "Look for trade-offs",
        ":material/query_stats:",
        "How much can a network take? Faults and attacks, measured live.",
        "Open the Sweep",
    ),
    (
        "views/sweep.py",
        "Check a result",
        ":material/fact_check:",
        "Stored rows with n, interval, seed and hashes, and the command behind each.",
        "See the stored rows",
    ),
)


def card(number: int, page: str, title: str, icon: str, sentence: str, link: str) -> None:
    """One way in; all of it is the link."""
    with st.container(border=True, key=f"card_{number}", height="stretch"):
        st.subheader(f"{icon} {title}", anchor=False)
        st.markdown(sentence)
        st.page_link(page, label=link, icon=":material/arrow_forward:")


def figure() -> None:
    """Accuracy against BER of the shipped network, from stored rows."""
    names = data.names()
    if not names:
        show.sorry(
            "There is no trained network on this machine yet. Train the small one; it takes minutes:",
            "python -m resq train assets/specs/recipes/signs-resnet20-base.toml",
        )
        return
    specs = [SweepSpec(checkpoint=names[0], encoding=enc) for enc in data.usual(names[0])]
    frame, _ = pick.together(data.rows(), data.rows().iloc[:0], specs, "ber")
    if frame.empty:
        show.sorry(
            f"No stored measurement of {names[0]} yet. The Sweep page measures it live, or in a terminal:",
            f"python -m resq sweep {names[0]}",
        )
        return
    curves = data.curves(frame, "ber")
    st.subheader("A trained network, its stored bits flipped at random", anchor=False)
    drawn = charts.accuracy_vs_ber(curves, data.chance(list(curves["data"])), charts.order(specs))
    show.figure("ber", drawn, key="start", alt=words.finding(curves, "ber"), title=False)
    st.caption(f"{words.provenance(curves, 'Stored rows')}. {data.about(str(curves['data'].iloc[0]))}.")


show.page("What is left of a network when its memory fails?", show.text("start"))
for column, (number, entry) in zip(st.columns(3), enumerate(CARDS), strict=True):
    with column:
        card(number, *entry)
with show.in_words():
    figure()
