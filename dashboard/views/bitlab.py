"""Bit lab: what does one flipped bit do?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard import bitcontrols, bring, charts, data, lab, shell, show, tables, theme, words
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


@dataclass(frozen=True, eq=False)
class Seen:
    """What is looked at: the state, what it gives, and the picture.

    Attributes:
        label: number of the class that the picture shows; -1 for a picture of one's own.
    """

    state: lab.Lab
    found: data.Outcome
    classes: tuple[str, ...]
    own: np.ndarray | None
    label: int = -1

    @property
    def flipped(self) -> bool:
        """Whether any bit is."""
        return self.found.n_flips > 0


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
    label = int(pictures.y[img]) if pictures is not None and own is None else -1
    seen = Seen(state, found, data.classes(both.checkpoint.data), own, label)
    with slots[0]:
        tiles(parsed, found.reading.words[1])
        choose(state, both.model.weights[layer].words.size, pictures is not None, own)
    with right, st.container(gap="xsmall"):  # before the rest, since it is what a flip is about
        drawn = answer(pictures, seen)
    with slots[1]:
        readings(parsed, found.reading, found.n_flips)
    with slots[2]:
        drawn = {"weight": weights(found), **drawn}
    below(seen, drawn)


def weights(found: data.Outcome) -> go.Figure:
    """Where the weight lies in its layer."""
    drawn = charts.CHARTS["weight"].draw(found.edges, found.counts, *found.reading.values, found.faulty)
    alt = "Histogram of the layer's weights, before and after"
    show.figure("weight", drawn, key="weight", alt=alt, title=False, caption=False)
    return drawn


def answer(pictures: data.Pictures | None, seen: Seen) -> dict[str, go.Figure]:
    """The picture, the verdict, and how sure the network is."""
    found, state, classes = seen.found, seen.state, seen.classes
    if found.before is None or found.after is None:
        return {}
    shown, alt = "", "your picture"
    if seen.own is not None:
        shown = data.thumbnail(seen.own)
    elif pictures is not None:
        shown, alt = pictures.thumbnails[state.img], f"picture {state.img}: {classes[seen.label]}"
    said = words.verdict(classes, found.before, found.after, seen.label, seen.flipped)
    small, large = st.columns([1, 3], vertical_alignment="center")
    small.image(shown, width=120, alt=alt)
    with large:
        show.verdict(said)
    after = found.after if seen.flipped else None
    drawn = charts.CHARTS["probabilities"].draw(classes, found.before, after, seen.label)
    alt = f"{said.headline}. {said.detail}"
    show.figure("probabilities", drawn, key="probabilities", alt=alt, title=False, caption=False)
    return {"probabilities": drawn}


def below(seen: Seen, drawn: dict[str, go.Figure]) -> None:
    """The attack on the same picture, then the numbers behind all figures."""
    found, columns = seen.found, dict[str, np.ndarray]()
    if found.before is not None and found.after is not None:
        columns = {"as stored %": found.before} | ({"with the flips %": found.after} if seen.flipped else {})
        st.header("Now move its pixels", anchor=False)
        with shell.group("attack"):
            seen = replace(seen, state=replace(seen.state, **bitcontrols.attack()))
        if seen.state.eps:
            columns |= attacked(seen, drawn)
        else:
            st.caption("An attack moves every pixel a little, so that the network errs. Choose how far.")
    spread = {"weights": found.counts, "with the plane's flips": found.faulty}
    shown = {"weight": tables.histogram(found.edges, spread)}
    if columns:
        shown["probabilities"] = tables.answers(seen.classes, columns)
    # A picture of one's own is not on the disk for a command to read.
    commands = [] if seen.own is not None else [" ".join(["python -m resq", *seen.state.argv()])]
    with shell.group("more"):
        show.numbers(shown, drawn, None, commands, key="numbers_bitlab")


def attacked(seen: Seen, drawn: dict[str, go.Figure]) -> dict[str, np.ndarray]:
    """The picture attacked, and both networks' answers to it; adds its figures and returns its numbers."""
    found = data.attacked(seen.state, seen.own)
    said = words.attacked(seen.classes, found.answers, seen.state.eps)
    drawn["moved"] = charts.CHARTS["moved"].draw(found.before, found.after, seen.state.eps)
    drawn["four"] = charts.CHARTS["four"].draw(seen.classes, found.answers, seen.label)
    st.markdown(f"**{said}**")
    for column, name in zip(st.columns([5, 7], gap="large"), ("moved", "four"), strict=True):
        with column:
            show.figure(name, drawn[name], key=name, alt=said, title=False)
    start = f", seed {seen.state.seed}" if seen.state.attack == "pgd" else ""
    made = bitcontrols.MODES[seen.state.mode]
    st.caption(f"Made here: {seen.state.attack.upper()}{start}, on the network {made}.")
    names = ("attacked, as stored %", "attacked, with the flips %")
    return dict(zip(names if seen.flipped else names[:1], found.answers[:, 1], strict=False))


def shown(names: list[str]) -> None:
    """The page, or a sentence: a fragment, so that a flip draws nothing around it again."""
    with show.in_words():
        page(names)


show.page("What does one flipped bit do?", show.text("bitlab"))
with show.in_words():
    found = data.names()
    if found:
        st.fragment(shown)(found)
        with shell.group("more", "help"):
            show.help_page("bitlab_help", ["weight", "probabilities", "moved", "four"])
    else:
        show.sorry(*show.UNTRAINED)
with show.in_words():
    bring.box()
