"""Bit lab: what does one flipped bit do?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, query, render, upload
from dashboard.format import sentences
from dashboard.forms import bitlab, filelab
from dashboard.forms import bitlab_answer as answers
from dashboard.forms import bitlab_formats as formats
from dashboard.forms import bitlab_word as words
from dashboard.forms.bitlab_answer import NUMBERS, Given
from dashboard.model import bit_view, url_schema

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


def page(names: list[str]) -> None:
    """The whole page for one state."""
    first, second, third = st.columns([3, 3, 6], vertical_alignment="bottom")
    picked = filelab.network_and_encoding(names, first, second, filelab.bits)
    if picked is None:
        return
    net, enc = picked
    both, known = cached.load_network(net, enc), bitlab.opening(net, enc)
    with third, page_frame.group("weight"):
        layer, w = bitlab.weight(both.model.read, known)
    render.encodings_in_words([enc])
    parsed = both.model.weights[layer].encoding  # of this layer: others may be stored apart
    pictures = render.pictures(both.checkpoint.data)
    with page_frame.group("picture"):
        img = bitlab.image(pictures, known) if pictures else 0
    left, right = st.columns([12, 4], gap="medium")
    with st.expander(
        "Your own picture; a bit flipped in many weights",
        page_frame.touched("plane"),
        key="m",
        icon=":material/more_horiz:",
    ):
        beside, other = st.columns(2, gap="large")
        with beside:
            own = bitlab.own_picture()
        with other, page_frame.group("plane"):
            plane = bitlab.plane(parsed)
    state = bit_view.BitExperiment(net, enc, layer, w, img, bitlab.flipped(parsed.word_bits), *plane)
    state = replace(state, ber=float(st.session_state.get("rate") or 0))
    if pictures is not None:
        with right, page_frame.group("attack"):
            st.markdown("**Or move its pixels**")
            state = replace(state, **bitlab.attack())
    label = int(pictures.y[pictures.at(img)]) if pictures is not None and own is None else -1
    given = Given(state, cached.classes(both.checkpoint.data), pictures, own, label, known)
    with left:
        bench(given)
    moved = None
    if given.pictures is not None:
        with right, page_frame.group("attack", "answer"):
            moved = answers.attacked(given)
    formats.table(given)
    below(given, moved)


def bench(given: Given) -> None:
    """The word, its weight and the answer: what a flip draws again stands in places that stay."""
    left, right = st.columns([13, 9], gap="medium")
    with left, st.container(gap="small"):
        word = st.container()
        row = words.choose(given)
        with page_frame.group("rate"):
            slider = st.container()
        slot = st.container()
    st.fragment(flips)(given, Places(word, row, slider, slot, right))


@dataclass(frozen=True)
class Places:
    """Where a flip draws: the word, the end of the row of shortcuts, the slider, the readings, the answer."""

    word: DeltaGenerator
    row: DeltaGenerator
    slider: DeltaGenerator
    slot: DeltaGenerator
    answer: DeltaGenerator


def flips(given: Given, places: Places) -> None:
    """All that a flip draws again."""
    with render.errors_as_sentences():
        model = cached.load_network(given.state.net, given.state.enc).model
        encoding = model.weights[given.state.layer].encoding
        state = replace(given.state, flips=bitlab.flipped(encoding.word_bits))
        with places.slider:
            state = replace(state, ber=bitlab.rate(bit_view.rates(model)))
        if given.outdated(state):
            st.rerun()
        outcome = given.outcome(state)
        with places.word:
            words.tiles(encoding, outcome.reading.words[1], given.framed(state))
        with places.row:
            words.reset()
        with places.answer:  # before the rest, since it is what a flip is about
            answers.answer(given, state, outcome)
        render.flush_page()
        with places.slot:
            words.readings(encoding, outcome.reading, outcome.n_flips)
            answers.travels(outcome)
            answers.weights(outcome)


def below(given: Given, moved: cached.Attacked | None) -> None:
    """The attack in full, then the numbers behind all figures."""
    if moved is not None:
        sentence = sentences.attacked(given.classes, moved.answers, given.state.eps)
        for column, (name, drawn) in zip(
            st.columns([5, 7], gap="large"), answers.pictured(given, moved).items(), strict=True
        ):
            with column:
                render.figure(name, drawn, key=name, alt=sentence, title=False)
    # A picture of one's own is not on the disk for a command to read.
    commands = [] if given.own is not None else [given.state.command]
    named = f"{given.state.net} {given.state.enc} {given.state.layer} {given.state.w}"
    with page_frame.group("more"):
        render.numbers(partial(answers.behind, given, moved), None, commands, key=NUMBERS, called=named)


def shown(names: list[str]) -> None:
    """The page, or a sentence: a fragment, so that a choice draws nothing around it again."""
    with render.errors_as_sentences():
        page(names)
    query.keep_whole(url_schema.PARAMS["bitlab"])


render.page("What does one flipped bit do?", render.text("bitlab"), upload.button)
with render.errors_as_sentences():
    names = cached.names()
    if names:
        st.fragment(shown)(names)
        with page_frame.group("more", "moving"):
            page_frame.link("moving", "Watch pictures move among the features as more bits flip")
        with page_frame.group("more", "help"):
            render.help_page("bitlab_help", ["weight", "probabilities", "trace", "moved", "four"])
    else:
        render.error_box(*render.UNTRAINED)
