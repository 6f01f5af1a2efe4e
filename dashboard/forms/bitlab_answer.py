"""The Bit lab's answer: the picture, the verdict, how far the flip travels, and the same picture attacked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts.bits import answer_bars, weight_marks
from dashboard.charts.trace import sparkline
from dashboard.components import render
from dashboard.format import sentences, tables
from dashboard.forms import bitlab
from dashboard.model import bit_view, decisive

NUMBERS = "numbers_bitlab"  # whether its box is open


@dataclass(frozen=True, eq=False)
class Given:
    """What is chosen around the part of the page that a flip draws again.

    Attributes:
        state: with the flips of the moment when the whole page was drawn.
        label: number of the class that the picture shows; -1 for a picture of one's own.
        known: the flip that was found to change an answer of this network as stored.
    """

    state: bit_view.BitExperiment
    classes: tuple[str, ...]
    pictures: cached.Pictures | None
    own: np.ndarray | None
    label: int = -1
    known: decisive.Flip | None = None

    def outcome(self, state: bit_view.BitExperiment) -> cached.Outcome:
        """What the network answers."""
        return cached.outcome(state, self.pictures is not None, self.own)

    def outdated(self, state: bit_view.BitExperiment) -> bool:
        """Whether a widget of this fragment changed what is drawn outside it, so that the page must rerun."""
        now = st.session_state
        places = (("w", state.w), ("share", state.share), ("layer", state.layer), ("img", state.img))
        around = any((now.get(key) or type(value)()) != value for key, value in places)
        around |= now.get("enc", state.enc) != state.enc
        follows = bool(state.eps or now.get(NUMBERS))
        moved = (state.flips, state.ber) != (self.state.flips, self.state.ber)
        return around or (follows and moved)

    def framed(self, state: bit_view.BitExperiment) -> int:
        """The bit known to change this answer, as long as no other bit is flipped; -1 where none is known."""
        k = self.known
        here = k is not None and (k.layer, k.w, k.img) == (state.layer, state.w, state.img)
        alone = k is not None and set(state.flips) <= {k.bit} and not state.share and not state.ber
        return k.bit if k and here and alone and self.own is None else -1

    def decides(self, state: bit_view.BitExperiment) -> int:
        """The same, while it is not flipped yet."""
        return -1 if state.flips else self.framed(state)

    def picture(self) -> tuple[str, str]:
        """The picture as a PNG address, and what it is."""
        if self.own is not None or self.pictures is None:
            return (cached.thumbnail(self.own) if self.own is not None else ""), "your picture"
        img = self.state.img
        return self.pictures.thumbnails[self.pictures.at(img)], f"picture {img}: {self.classes[self.label]}"


def answer(given: Given, state: bit_view.BitExperiment, outcome: cached.Outcome) -> None:
    """The picture, the verdict, and how sure the network is."""
    if outcome.before is None or outcome.after is None:
        return
    verdict = sentences.verdict(
        given.classes, outcome.before, outcome.after, given.label, outcome.n_flips > 0
    )
    render.answered(*given.picture(), verdict)
    withstood(given, state, sentences.unchanged(outcome.before, outcome.after))
    alt = f"{verdict.headline}. {verdict.detail}"
    after = outcome.after if outcome.n_flips else None
    drawn = answer_bars(given.classes, outcome.before, after, given.label)
    render.figure("probabilities", drawn, key="probabilities", alt=alt, title=False, caption=False)


def withstood(given: Given, state: bit_view.BitExperiment, unchanged: bool) -> None:
    """What to try next where the most harmful bit of a layer changes nothing; or where the page begins."""
    if given.decides(state) >= 0 and given.known is not None:
        unsure = " The picture is one of those that the network is least sure of."
        st.caption(
            f"Found beforehand: flip **bit {given.known.bit}** of this weight, and it answers otherwise."
            f"{unsure if given.known.img >= cached.SHOWN else ''}"
        )
    elif bitlab.searched(state) and unchanged:
        st.caption("No single bit of this layer was found that changes this answer. Try:")
        with st.container(horizontal=True, gap="small"):
            if state.enc != "fp32":
                st.button("the weight in fp32", key="try_fp32", on_click=bitlab.in_fp32, type="tertiary")
            st.button("1 % of all bits", key="try_rate", on_click=bitlab.choose_rate, args=(0.01,),
                      type="tertiary")  # fmt: skip
            if given.known is not None:
                st.button("another picture", key="try_known", on_click=bitlab.go_to,
                          args=(given.known, True), type="tertiary")  # fmt: skip


def bars(given: Given, outcome: cached.Outcome) -> go.Figure:
    """How sure the network is of each class."""
    after = outcome.after if outcome.n_flips else None
    return charts.CHARTS["probabilities"].draw(given.classes, outcome.before, after, given.label)


def travels(outcome: cached.Outcome) -> None:
    """How far the flips move what each layer gives, from the flipped weight to the answer."""
    if outcome.trace:
        sentence = sentences.travels(outcome.trace)
        st.html(sparkline(outcome.trace, sentence))
        st.caption(sentence)


def histogram(outcome: cached.Outcome) -> go.Figure:
    """Where the weight lies in its layer."""
    return charts.CHARTS["weight"].draw(
        outcome.edges, outcome.counts, *outcome.reading.values, outcome.faulty
    )


def weights(outcome: cached.Outcome) -> None:
    """The histogram on the page."""
    alt = "Histogram of the layer's weights, before and after"
    drawn = weight_marks(outcome.edges, outcome.counts, *outcome.reading.values, outcome.faulty)
    render.figure("weight", drawn, key="weight", alt=alt, title=False, caption=False)


def attacked(given: Given) -> cached.Attacked | None:
    """The picture attacked, beside what the flips do to it; None where no attack is chosen."""
    state = given.state
    if not state.eps:
        st.caption("An attack moves every pixel a little, so that the network errs. Choose how far.")
        return None
    attack = cached.attacked(state, given.own)
    before, after = attack.answers[0]
    verdict = sentences.verdict(given.classes, before, after, given.label, True)
    shown = cached.thumbnail(np.round(255 * attack.after).astype(np.uint8))
    with st.container(
        key="attacked_changed" if verdict.kind in ("changed", "wrong") else "attacked", gap=None
    ):
        st.image(shown, width=104, alt=f"the picture with every pixel moved by at most {state.eps:g}/255")
        st.markdown(f"**{verdict.headline}**")
    st.markdown(sentences.attacked(given.classes, attack.answers, state.eps))
    start = f", seed {state.seed}" if state.attack == "pgd" else ""
    made = bitlab.MODES[state.mode]
    st.caption(f"Made here: {state.attack.upper()}{start}, on the network {made}.")
    return attack


def pictured(given: Given, moved: cached.Attacked) -> dict[str, go.Figure]:
    """The picture before and after the attack, and the answers to it."""
    return {
        "moved": charts.CHARTS["moved"].draw(moved.before, moved.after, given.state.eps),
        "four": charts.CHARTS["four"].draw(given.classes, moved.answers, given.label),
    }


def behind(given: Given, moved: cached.Attacked | None) -> render.Behind:
    """The numbers of all figures, and the figures."""
    outcome, classes = given.outcome(given.state), given.classes
    spread = {"weights": outcome.counts, "with the plane's flips": outcome.faulty}
    shown, drawn = {"weight": tables.histogram(outcome.edges, spread)}, {"weight": histogram(outcome)}
    if outcome.before is not None and outcome.after is not None:
        columns = {"as stored %": outcome.before} | (
            {"with the flips %": outcome.after} if outcome.n_flips else {}
        )
        if moved is not None:
            names = ("attacked, as stored %", "attacked, with the flips %")
            columns |= dict(zip(names if outcome.n_flips else names[:1], moved.answers[:, 1], strict=False))
            drawn |= pictured(given, moved)
        shown["probabilities"], drawn["probabilities"] = (
            tables.answers(classes, columns),
            bars(given, outcome),
        )
    if outcome.trace:
        shown["trace"], drawn["trace"] = (
            tables.trace(outcome.trace),
            charts.CHARTS["trace"].draw(outcome.trace),
        )
    return shown, drawn
