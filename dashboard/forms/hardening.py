"""The Harden page's form; what it says stands in the address and becomes a HardenSpec."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import cached
from dashboard.components import chosen as chosen_network
from dashboard.components import page_frame, query, render
from dashboard.model.hardening_run import FIRST, HardenSpec
from resq.core import Encoding

SCALES = (0.1, 0.3, 0.5, 1.0, 2.0)


def form(names: list[str]) -> HardenSpec:
    """The run that the form describes."""
    presets = cached.presets()
    render.unknown_names("net", names)
    with page_frame.group("base"), st.container(horizontal=True, vertical_alignment="bottom"):
        chosen_network.carry(names)
        net = st.selectbox("Start from", names, key="net", bind="query-params")
        chosen_network.keep(net)
        preset = st.selectbox(
            "Preset", list(presets), list(presets).index("quick") if "quick" in presets else 0,
            key="preset", bind="query-params", on_change=forget,
        )  # fmt: skip
    about, stages = presets[preset]
    st.caption(about)
    with page_frame.group("stages"):
        chosen = st.pills(
            "Stages, from left to right", list(dict.fromkeys(stages)), selection_mode="multi",
            default=list(dict.fromkeys(stages)), key="stages", bind="query-params", format_func=stage_name,
        )  # fmt: skip
        stage_names = tuple(name for name in dict.fromkeys(stages) if name in chosen)
        changes = options(stage_names, stages)
    with page_frame.group("effort"), st.container(horizontal=True, vertical_alignment="bottom"):
        scales = query.with_asked("scale", SCALES)
        scale = st.select_slider("Epochs, times the preset's", scales, 1.0, key="scale", bind="query-params")
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params", format="%d")
    return HardenSpec(net, preset, stage_names, changes, float(scale), int(seed))


def forget() -> None:
    """Another preset has stages and options of its own: what was chosen in the one before is let go."""
    query.forget(("stages", *FIRST))


def options(stage_names: tuple[str, ...], stages: dict[str, dict[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """The main option of each stage, where it differs from the preset's."""
    changes = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in stage_names:
            if name not in FIRST:
                continue
            option, label, choices = FIRST[name]
            usual, choices = stages[name][option], possible(choices, stages[name])
            values = (
                sorted({*choices, usual})
                if not isinstance(usual, str)
                else list(dict.fromkeys([usual, *choices]))
            )
            # Named after its stage, so that the address holds it (state.PARAMS).
            value = st.selectbox(
                f"{stage_name(name)}: {label}", values, values.index(usual), key=name, bind="query-params"
            )
            if value != usual:
                changes.append((f"{name}.{option}", value))
    return tuple(changes)


def possible(choices: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """Of a stage's choices those that go with its other options: layers apart want words of the same length.

    >>> possible(("int8", "int8-mse", "int4-tmr2", "int4"), {"apart": "int4-tmr2"})
    ('int8', 'int8-mse')
    """
    if not options.get("apart"):
        return choices
    apart = Encoding.parse(options["apart"])
    return tuple(c for c in choices if c != str(apart) and Encoding.parse(c).word_bits == apart.word_bits)


def stage_name(name: str) -> str:
    """A stage's name for people."""
    return name.replace("_", "-")
