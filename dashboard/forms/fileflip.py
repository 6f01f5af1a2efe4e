"""One word of a deployed file: its stored bits as buttons, and the runtime's answer before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from dashboard import cached, charts
from dashboard.components import page_frame, query, render
from dashboard.format import filewords, sentences, tables
from dashboard.format import numbers as format_numbers
from dashboard.forms import bitlab
from resq.core import commands
from resq.measure.run.deployed.file_flip import FileFlip


def section(name: str, images: str, inputs: str, about: Mapping[str, Any]) -> None:
    """The word, the picture, what the flips change."""
    st.header("Flip a bit of it", anchor=False)
    layers = {layer["name"]: layer for layer in about["layers"]}
    pictures = render.pictures(images)
    if pictures is None:
        return
    with page_frame.group("word"):
        layer, word = _word(layers)
    width = layers[layer]["bits"] // layers[layer]["words"]
    flips = bitlab.flipped(width)
    with page_frame.group("picture"):
        img = _picture(pictures.numbers)
    state = FileFlip(name, images, layer, word, flips, img, layers[layer]["kind"], inputs)
    reading = cached.flipped(state)
    with page_frame.group("word", "bits"):
        _tiles(reading["word"][1], width)
    left, right = st.columns([2, 3], gap="large")
    with left:
        _readings(reading)
    before, after = (np.array(p if p else [np.nan] * len(reading["classes"])) for p in reading["answers"])
    with right:
        render.verdict(sentences.verdict(reading["classes"], before, after, reading["label"], bool(flips)))
        drawn = charts.CHARTS["probabilities"].draw(
            reading["classes"], before, after if flips else None, reading["label"]
        )
        alt = f"{reading['classes'][int(np.nan_to_num(before).argmax())]} before"
        render.figure("probabilities", drawn, key="file_probabilities", alt=alt, title=False)
    for refusal in reading["refused"]:
        st.caption(f"With the flips {render.plain(refusal[:300])}.")
    st.caption(
        f"Answered by {render.plain(reading['runtime'])}; "
        f"file {reading['hashes']['weights'][:8]}, image {reading['hashes']['image'][:8]}."
    )
    made = commands.line(state.argv())
    columns = {"as stored %": before} | ({"with the flips %": after} if flips else {})
    with page_frame.group("more", "flip"):
        render.terminal(made)
        render.numbers(
            lambda: (
                {"probabilities": tables.answers(reading["classes"], columns)}, {"probabilities": drawn}
            ),
            None, [made], key="numbers_flip", called=f"{name} {layer} {word}",
        )  # fmt: skip


def _word(layers: Mapping[str, Mapping[str, Any]]) -> tuple[str, int]:
    names = filewords.labels(list(layers), 70)
    left, right = st.columns([3, 1])
    if st.session_state.get("layer") not in (None, *layers):
        del st.session_state["layer"]  # of another file
    query.value_in_address("layer", names)
    layer = left.selectbox(
        "Tensor", list(layers), key="layer", bind="query-params", format_func=lambda n: names.get(n, n)
    )
    most = layers[layer]["words"] - 1
    if st.session_state.get("w", 0) > most:
        st.session_state.w = most
    word = right.number_input(f"Word, 0 to {most:,}", 0, most, 0, key="w", bind="query-params", format="%d")
    return layer, int(word or 0)


def _picture(numbers: tuple[int, ...]) -> int:
    chosen = st.segmented_control("Picture", list(numbers), key="img", default=0, required=True,
                                  bind="query-params",
                                  format_func=str, label_visibility="collapsed", wrap=True)  # fmt: skip
    return int(chosen or 0)


def _tiles(word: int, width: int) -> None:
    """The stored bits; a click flips one."""
    shown = 8 if width <= 8 else 16 if width == 16 else 32
    with st.container(key=f"words_{shown}_file"), st.container(horizontal=True, gap="xxsmall"):
        for bit in range(width - 1, -1, -1):
            st.button(
                f"{word >> bit & 1} {bit}", key=f"bit_{bit}", on_click=bitlab.toggle, args=(bit,),
                type="primary" if bit in st.session_state.flips else "secondary",
            )  # fmt: skip


def _readings(reading: Mapping[str, Any]) -> None:
    digits = -(-reading["width"] // 4)
    words = [f"0x{value:0{digits}X}" for value in reading["word"]]
    render.change(st, "Stored word", *words)
    numbers, values = (
        [float("nan") if v is None else v for v in reading[key]] for key in ("number", "value")
    )
    integers = "int" in reading["dtype"]
    written = map(format_numbers.whole, numbers) if integers else format_numbers.before_and_after(*numbers)
    render.change(st, f"Read as {reading['dtype']}", *written)
    if reading["scale"] is not None:  # else its scale or its zero point is not known
        render.change(st, "Stands for", *format_numbers.before_and_after(*values))
