"""Bit lab: what does one flipped bit do?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import bitcontrols, charts, data, lab, shell, show, theme, words
from resq.core import Encoding


def tiles(enc: Encoding, word: int) -> None:
    """The stored bits as buttons: a click or the digit flips one, Esc flips all back."""
    digits = lab.keys(enc)
    with st.container(key=f"words_{enc.stored}", horizontal=True, vertical_alignment="bottom"):
        for field in lab.fields(enc):
            with st.container(key=f"field_{field.kind}_{field.bits[0]}", width="content", gap=None):
                st.caption(field.name)
                with st.container(horizontal=True, gap="xxsmall"):
                    for bit in field.bits:
                        tile(bit, word >> bit & 1, digits.get(bit))


def tile(bit: int, value: int, digit: str | None) -> None:
    """One stored bit."""
    flipped = bit in st.session_state.flips
    st.button(
        f"{value} :small[{bit}]",
        key=f"bit_{bit}",
        shortcut=digit,
        on_click=bitcontrols.toggle,
        args=(bit,),
        type="primary" if flipped else "secondary",
    )


def readings(enc: Encoding, found: lab.Reading, n_flips: int) -> None:
    """Word, code and weight, before and after."""
    digits = -(-enc.stored // 4)
    word = [f"0x{value:0{digits}X}" for value in found.words]
    pairs = [("Stored word", *word)]
    if found.codes:
        pairs.append(("Read as code", *(str(code).replace("-", "−") for code in found.codes)))
    pairs.append(("Weight", *map(theme.number, found.values)))
    for column, (name, before, after) in zip(st.columns(len(pairs)), pairs, strict=True):
        show.change(column, name, before, after)
    if found.codes and found.words[0] != found.words[1] and found.codes[0] == found.codes[1]:
        st.caption("The copies outvote the flipped bit: the code is read as before.")
    elif n_flips > len(st.session_state.flips):
        st.caption(f"{n_flips:,} bits of this layer are flipped in all.")


def choose(state: lab.Lab, words_in_layer: int, seen: bool, own: np.ndarray | None) -> None:
    """Shortcuts to interesting weights."""
    with shell.group("shortcuts"), st.container(horizontal=True, vertical_alignment="bottom"):
        if seen:
            st.button(
                "Most harmful bit",
                on_click=bitcontrols.choose_harmful,
                icon=":material/crisis_alert:",
                args=(state.net, state.enc, state.layer, state.img, own),
                key="harmful",
            )
        st.button(
            "Largest weight",
            on_click=bitcontrols.choose_largest,
            args=(state.net, state.enc, state.layer),
            key="largest",
        )
        st.button("Any weight", on_click=bitcontrols.choose_random, args=(words_in_layer,), key="random")
        st.button("Reset", key="reset", shortcut="Esc", on_click=bitcontrols.reset, icon=":material/undo:")


def page(names: list[str]) -> None:
    """The whole page for one state."""
    first, second, third = st.columns([3, 3, 6], vertical_alignment="bottom")
    with first, shell.group("network"):
        net = bitcontrols.network(names)
    with second, shell.group("encoding"):
        enc = bitcontrols.encoding()
    both, parsed = data.stored(net, enc), Encoding.parse(enc)
    with third, shell.group("weight"):
        layer, w = bitcontrols.weight(both.model.layout)
    pictures = show.pictures(both.checkpoint.data)
    left, right = st.columns([7, 5], gap="large")
    with right, st.container(gap="xsmall"):
        st.caption(f"Test images of {data.about(both.checkpoint.data)}")
        with shell.group("picture"):
            img = bitcontrols.image(pictures) if pictures else 0
        own = bitcontrols.own_picture()
    with left, st.container(gap="small"):
        slots = [st.container() for _ in range(4)]
        with slots[3], shell.group("plane"):
            plane = bitcontrols.plane(parsed)
    state = lab.Lab(net, enc, layer, w, img, bitcontrols.flipped(parsed.stored), *plane)
    found = data.outcome(state, pictures is not None, own)
    with slots[0]:
        tiles(parsed, found.reading.words[1])
        choose(state, both.model.weights[layer].words.size, pictures is not None, own)
    with slots[1]:
        readings(parsed, found.reading, found.n_flips)
    with slots[2]:
        drawn = charts.CHARTS["weight"].draw(found.edges, found.counts, *found.reading.values, found.faulty)
        show.figure(
            "weight",
            drawn,
            key="weight",
            alt="Histogram of the layer's weights, before and after",
            title=False,
            caption=False,
        )
    with right, st.container(gap="xsmall"):
        classes = data.classes(both.checkpoint.data)
        answer(pictures, state, found, classes, own)


def answer(
    pictures: data.Pictures | None,
    state: lab.Lab,
    found: data.Outcome,
    classes: tuple[str, ...],
    own: np.ndarray | None,
) -> None:
    """The picture, the verdict, and how sure the network is."""
    if found.before is None or found.after is None:
        return
    flipped, label, shown, alt = found.n_flips > 0, -1, "", "your picture"
    if own is not None:
        shown = data.thumbnail(own)
    elif pictures is not None:
        label, shown = int(pictures.y[state.img]), pictures.thumbnails[state.img]
        alt = f"picture {state.img}: {classes[label]}"
    said = words.verdict(classes, found.before, found.after, label, flipped)
    small, large = st.columns([1, 3], vertical_alignment="center")
    small.image(shown, width=120, alt=alt)
    with large:
        show.verdict(said)
    drawn = charts.CHARTS["probabilities"].draw(
        classes, found.before, found.after if flipped else None, label
    )
    show.figure(
        "probabilities",
        drawn,
        key="probabilities",
        alt=f"{said.headline}. {said.detail}",
        title=False,
        caption=False,
    )


show.page("What does one flipped bit do?", show.text("bitlab"))
with show.in_words():
    found = data.names()
    if found:
        page(found)
        with shell.group("more"):
            show.help_page("bitlab_help", ["weight", "probabilities"])
    else:
        show.sorry(*show.UNTRAINED)
