"""The Bit lab's stored word: its bits as buttons, what it is read as, shortcuts to other weights."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import cached
from dashboard.components import page_frame, render
from dashboard.format import numbers
from dashboard.forms import bitlab
from dashboard.forms.bitlab_answer import Given
from dashboard.model import bit_view
from resq.core import Encoding

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

DECIDES = "decides"  # the place of the bit that is marked, see style.css


def tiles(enc: Encoding, word: int, decides: int = -1) -> None:
    """The stored bits as buttons: a click or the digit flips one, Esc flips all back.

    Args:
        decides: the bit that is known to change the answer, which is marked; -1: none is known.
    """
    digits = bit_view.keys(enc)
    with st.container(key=f"words_{enc.word_bits}", horizontal=True, vertical_alignment="bottom"):
        for field in bit_view.fields(enc):
            with st.container(key=f"field_{field.kind}_{field.bits[0]}", width="content", gap=None):
                st.caption(field.name)
                with st.container(horizontal=True, gap="xxsmall"):
                    for bit in field.bits:
                        # a place of its own goes with its tile; a style sheet would stay for other weights
                        framed = (
                            st.container(key=DECIDES, width="content") if bit == decides else nullcontext()
                        )
                        with framed:
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


def readings(enc: Encoding, reading: bit_view.Reading, n_flips: int) -> None:
    """Word, code and weight, before and after."""
    digits = -(-enc.word_bits // 4)
    word = [f"0x{value:0{digits}X}" for value in reading.words]
    pairs = [("Stored word", *word)]
    if reading.codes:
        pairs.append(("Read as code", *(str(code).replace("-", "−") for code in reading.codes)))
    pairs.append(("Weight", *numbers.before_and_after(*reading.values)))
    for column, (name, before, after) in zip(
        st.columns([4, 4, 6] if reading.codes else 2), pairs, strict=True
    ):
        render.change(column, name, before, after)
    same = reading.values[0] == reading.values[1]
    if enc.copies > 1:
        st.caption(outvoted(enc, n_flips > 0 and same))
    elif reading.words[0] != reading.words[1] and same and (enc.tmr or enc.guard):
        who = f"The guard `{enc.guard}` undoes" if enc.guard else "The copies outvote"
        st.caption(f"{who} what is flipped: the weight is read as before.")
    elif n_flips > len(st.session_state.flips):
        st.caption(f"{n_flips:,} bits are flipped in all.")


def outvoted(enc: Encoding, unchanged: bool) -> str:
    """What is said of a word that is stored several times."""
    sentence = f"The words of this layer are stored {enc.copies} times, and each bit is read by majority."
    return f"{sentence} The flips are in one copy: the others outvote them." if unchanged else sentence


def choose(given: Given) -> DeltaGenerator:
    """Shortcuts to interesting weights; the row that they stand in."""
    state, model = given.state, cached.load_network(given.state.net, given.state.enc).model
    with page_frame.group("shortcuts"):
        row = st.container(horizontal=True, gap="xsmall")
    with row:
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
    return row


def reset() -> None:
    """Flips all bits back."""
    st.button("Reset", key="reset", shortcut="Esc", on_click=bitlab.reset, icon=":material/undo:")
