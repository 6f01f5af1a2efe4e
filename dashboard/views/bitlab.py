"""Bit lab: what does one flipped bit do?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.components import page_frame, render, upload
from dashboard.format import numbers, sentences, tables
from dashboard.forms import bitlab, filelab
from dashboard.model import bit_view
from resq.core import Encoding

NUMBERS = "numbers_bitlab"  # whether its box is open


def tiles(enc: Encoding, word: int) -> None:
    """The stored bits as buttons: a click or the digit flips one, Esc flips all back."""
    digits = bit_view.keys(enc)
    with st.container(key=f"words_{enc.word_bits}", horizontal=True, vertical_alignment="bottom"):
        for field in bit_view.fields(enc):
            with st.container(key=f"field_{field.kind}_{field.bits[0]}", width="content", gap=None):
                st.caption(field.name)
                with st.container(horizontal=True, gap="xxsmall"):
                    for bit in field.bits:
                        tile(bit, word >> bit & 1, digits.get(bit))


def tile(bit: int, value: int, digit: str | None) -> None:
    """One stored bit."""
    flipped = bit in st.session_state.flips
    st.button(
        f"{value} {bit}",  # no directive: each would be one more element to draw
        key=f"bit_{bit}",
        shortcut=digit,
        on_click=bitlab.toggle,
        args=(bit,),
        type="primary" if flipped else "secondary",
    )


def readings(enc: Encoding, found: bit_view.Reading, n_flips: int) -> None:
    """Word, code and weight, before and after."""
    digits = -(-enc.word_bits // 4)
    word = [f"0x{value:0{digits}X}" for value in found.words]
    pairs = [("Stored word", *word)]
    if found.codes:
        pairs.append(("Read as code", *(str(code).replace("-", "−") for code in found.codes)))
    pairs.append(("Weight", *map(numbers.number, found.values)))
    for column, (name, before, after) in zip(st.columns([4, 4, 5] if found.codes else 2), pairs, strict=True):
        render.change(column, name, before, after)
    if found.codes and found.words[0] != found.words[1] and found.codes[0] == found.codes[1]:
        st.caption("The copies outvote the flipped bit: the code is read as before.")
    elif enc.copies > 1:
        st.caption(outvoted(enc, n_flips > 0 and found.words[0] == found.words[1]))
    elif n_flips > len(st.session_state.flips):
        st.caption(f"{n_flips:,} bits of this layer are flipped in all.")


def outvoted(enc: Encoding, unchanged: bool) -> str:
    """What is said of a word that is stored several times."""
    said = f"The words of this layer are stored {enc.copies} times, and each bit is read by majority."
    return f"{said} The flips are in one copy: the others outvote them." if unchanged else said


def choose(given: Given) -> None:
    """Shortcuts to interesting weights."""
    state, model = given.state, cached.load_network(given.state.net, given.state.enc).model
    with page_frame.group("shortcuts"), st.container(horizontal=True, vertical_alignment="bottom"):
        if given.pictures is not None:
            st.button(
                "Most harmful bit",
                on_click=bitlab.choose_harmful,
                icon=":material/crisis_alert:",
                args=(state.net, state.enc, state.layer, state.img, given.own),
                key="harmful",
            )
        st.button(
            "Largest weight",
            on_click=bitlab.choose_largest,
            args=(state.net, state.enc, state.layer),
            key="largest",
        )
        words_in_layer = model.weights[state.layer].words.size
        st.button("Any weight", on_click=bitlab.choose_random, args=(words_in_layer,), key="random")
        st.button("Reset", key="reset", shortcut="Esc", on_click=bitlab.reset, icon=":material/undo:")


@dataclass(frozen=True, eq=False)
class Given:
    """What is chosen around the part of the page that a flip draws again.

    Attributes:
        state: with the flips of the moment when the whole page was drawn.
        label: number of the class that the picture shows; -1 for a picture of one's own.
    """

    state: bit_view.BitExperiment
    classes: tuple[str, ...]
    pictures: cached.Pictures | None
    own: np.ndarray | None
    label: int = -1

    def outcome(self, state: bit_view.BitExperiment) -> cached.Outcome:
        """What the network answers."""
        return cached.outcome(state, self.pictures is not None, self.own)

    def outdated(self, state: bit_view.BitExperiment) -> bool:
        """Whether a widget of this fragment changed what is drawn outside it, so that the page must rerun."""
        now = st.session_state
        around = int(now.w or 0) != state.w or float(now.share or 0) != state.share
        follows = bool(state.eps or now.get(NUMBERS))
        return around or (follows and state.flips != self.state.flips)


def page(names: list[str]) -> None:
    """The whole page for one state."""
    files = filelab.names()
    render.unknown_names("net", [*names, *files])
    first, second, third = st.columns([3, 3, 6], vertical_alignment="bottom")
    with first, page_frame.group("network"):
        net = bitlab.network([*names, *files])
    if net in files:
        filelab.bits(net)
        return
    with second, page_frame.group("encoding"):
        enc = bitlab.encoding(net)
    both = cached.load_network(net, enc)
    with third, page_frame.group("weight"):
        layer, w = bitlab.weight(both.model.read)
    parsed = both.model.weights[layer].encoding  # of this layer: others may be stored apart
    upper, pictures = st.container(), render.pictures(both.checkpoint.data)
    left, right = st.columns([7, 5], gap="large")
    with right, st.container(gap="xsmall"):
        st.caption(f"Test images of {cached.about(both.checkpoint.data)}")
        with page_frame.group("picture"):
            img = bitlab.image(pictures) if pictures else 0
        own = bitlab.own_picture()
    with left, page_frame.group("plane"):
        plane = bitlab.plane(parsed)
    state = bit_view.BitExperiment(net, enc, layer, w, img, bitlab.flipped(parsed.word_bits), *plane)
    if pictures is not None:
        st.header("Now move its pixels", anchor=False)
        with page_frame.group("attack"):
            state = replace(state, **bitlab.attack())
    label = int(pictures.y[img]) if pictures is not None and own is None else -1
    given = Given(state, cached.classes(both.checkpoint.data), pictures, own, label)
    with upper:
        st.fragment(flips)(given)
    below(given)


def flips(given: Given) -> None:
    """The word, its weight and the answer: all that a flip draws again."""
    with render.errors_as_sentences():
        encoding = (
            cached.load_network(given.state.net, given.state.enc).model.weights[given.state.layer].encoding
        )
        state = replace(given.state, flips=bitlab.flipped(encoding.word_bits))
        if given.outdated(state):
            st.rerun()
        found = given.outcome(state)
        left, right = st.columns([7, 5], gap="large")
        with left, st.container(gap="small"):
            tiles(encoding, found.reading.words[1])
            choose(given)
            slot = st.container()
        with right:  # before the rest, since it is what a flip is about
            answer(given, found)
        render.flush_page()
        with slot:
            readings(encoding, found.reading, found.n_flips)
            weights(found)


def histogram(found: cached.Outcome) -> go.Figure:
    """Where the weight lies in its layer."""
    return charts.CHARTS["weight"].draw(found.edges, found.counts, *found.reading.values, found.faulty)


def weights(found: cached.Outcome) -> None:
    """The histogram on the page."""
    alt = "Histogram of the layer's weights, before and after"
    render.figure("weight", histogram(found), key="weight", alt=alt, title=False, caption=False)


def bars(given: Given, found: cached.Outcome) -> go.Figure:
    """How sure the network is of each class."""
    after = found.after if found.n_flips else None
    return charts.CHARTS["probabilities"].draw(given.classes, found.before, after, given.label)


def answer(given: Given, found: cached.Outcome) -> None:
    """The picture, the verdict, and how sure the network is."""
    if found.before is None or found.after is None:
        return
    shown, alt = "", "your picture"
    if given.own is not None:
        shown = cached.thumbnail(given.own)
    elif given.pictures is not None:
        img = given.state.img
        shown, alt = given.pictures.thumbnails[img], f"picture {img}: {given.classes[given.label]}"
    said = sentences.verdict(given.classes, found.before, found.after, given.label, found.n_flips > 0)
    small, large = st.columns([1, 3], vertical_alignment="center")
    small.image(shown, width=120, alt=alt)
    with large:
        render.verdict(said)
    alt = f"{said.headline}. {said.detail}"
    render.figure(
        "probabilities", bars(given, found), key="probabilities", alt=alt, title=False, caption=False
    )


def below(given: Given) -> None:
    """The attack on the same picture, then the numbers behind all figures."""
    moved: cached.Attacked | None = None
    if given.pictures is not None and given.state.eps:
        moved = attacked(given)
    elif given.pictures is not None:
        st.caption("An attack moves every pixel a little, so that the network errs. Choose how far.")
    # A picture of one's own is not on the disk for a command to read.
    commands = [] if given.own is not None else [given.state.command]
    with page_frame.group("more"):
        render.numbers(partial(behind, given, moved), None, commands, key=NUMBERS)


def behind(given: Given, moved: cached.Attacked | None) -> render.Behind:
    """The numbers of all figures, and the figures."""
    found, classes = given.outcome(given.state), given.classes
    spread = {"weights": found.counts, "with the plane's flips": found.faulty}
    shown, drawn = {"weight": tables.histogram(found.edges, spread)}, {"weight": histogram(found)}
    if found.before is not None and found.after is not None:
        columns = {"as stored %": found.before} | ({"with the flips %": found.after} if found.n_flips else {})
        if moved is not None:
            names = ("attacked, as stored %", "attacked, with the flips %")
            columns |= dict(zip(names if found.n_flips else names[:1], moved.answers[:, 1], strict=False))
            drawn |= pictured(given, moved)
        shown["probabilities"], drawn["probabilities"] = tables.answers(classes, columns), bars(given, found)
    return shown, drawn


def pictured(given: Given, moved: cached.Attacked) -> dict[str, go.Figure]:
    """The picture before and after the attack, and the answers to it."""
    return {
        "moved": charts.CHARTS["moved"].draw(moved.before, moved.after, given.state.eps),
        "four": charts.CHARTS["four"].draw(given.classes, moved.answers, given.label),
    }


def attacked(given: Given) -> cached.Attacked:
    """The picture attacked, and both networks' answers to it."""
    state, found = given.state, cached.attacked(given.state, given.own)
    said = sentences.attacked(given.classes, found.answers, state.eps)
    st.markdown(f"**{said}**")
    for column, (name, drawn) in zip(
        st.columns([5, 7], gap="large"), pictured(given, found).items(), strict=True
    ):
        with column:
            render.figure(name, drawn, key=name, alt=said, title=False)
    start = f", seed {state.seed}" if state.attack == "pgd" else ""
    made = bitlab.MODES[state.mode]
    st.caption(f"Made here: {state.attack.upper()}{start}, on the network {made}.")
    return found


def shown(names: list[str]) -> None:
    """The page, or a sentence: a fragment, so that a choice draws nothing around it again."""
    with render.errors_as_sentences():
        page(names)


render.page("What does one flipped bit do?", render.text("bitlab"))
with render.errors_as_sentences():
    found = cached.names()
    if found:
        st.fragment(shown)(found)
        with page_frame.group("more", "help"):
            render.help_page("bitlab_help", ["weight", "probabilities", "moved", "four"])
    else:
        render.error_box(*render.UNTRAINED)
with render.errors_as_sentences():
    upload.box()
