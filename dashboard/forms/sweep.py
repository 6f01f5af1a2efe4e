"""Widgets that make the Sweep's specs, and the address bar that holds them.

Every widget is bound to a query parameter; see bitcontrols.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import cached
from dashboard.components import chosen, page_frame, query, render
from dashboard.format.sentences import FAULT_NAMES, METRICS
from dashboard.model import bit_view
from resq.measure.specs.sweep_spec import SweepSpec, fault_models

BERS = {
    "few": (0.0, 1e-4, 1e-3, 1e-2, 1e-1),
    "more": (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1),
}
EPS = {"few": (0.0, 1.0, 2.0, 4.0, 8.0), "more": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)}
USUAL: dict[str, Any] = {"fault": "random", "maps": 10, "n": 1000, "seed": 0, "attack": "pgd", "steps": 20,
                         "points": "few", "parts": "both"}  # fmt: skip


def selection(names: list[str], usual: list[str]) -> tuple[list[str], list[str]]:
    """The chosen checkpoints and encodings.

    Args:
        usual: encodings chosen at first.
    """
    left, right = st.columns([2, 3])
    chosen.carry(names, "nets")
    nets = left.multiselect("Networks", names, names[:1], key="nets", bind="query-params")
    options = bit_view.encodings(map(cached.card, nets), st.query_params.get_all("encs"))
    encs = right.pills(
        "Stored as",
        options,
        selection_mode="multi",
        default=usual,
        key="encs",
        bind="query-params",
        wrap=True,
    )
    with right:
        render.encodings_in_words(options)
    if nets:
        chosen.keep(nets[-1])
    return nets, encs


def metric() -> str:
    """What the figure under flipped bits counts, of ``stats.METRICS``."""
    counted = st.segmented_control(
        "Counted under flipped bits", list(METRICS), key="metric", default="accuracy", required=True,
        bind="query-params",
        help="sdc1: the share of answers that are another and nothing shows it; sdc10, sdc20: of those whose "
        "confidence moved by more than 10 or 20 %; due: of images without an answer",
    )  # fmt: skip
    return counted or "accuracy"


def settings() -> dict[str, Any]:
    """What else decides the numbers; the fields of a spec.

    The box's widgets are drawn once it is opened or a link sets one of them: closed and as usual they would
    only be waited for.
    """
    box = st.expander("Settings: faults, attack, images, seed", icon=":material/tune:", key="settings",
                      on_change="rerun")  # fmt: skip
    drawn = bool(box.open or page_frame.touched("settings") or st.session_state.get("settings_drawn"))
    st.session_state.settings_drawn = drawn
    with box:
        values = _settings() if drawn else USUAL
    points, parts = BERS[values["points"]], values["parts"]
    return {
        **{name: values[name] for name in ("fault", "maps", "n", "seed", "attack", "steps")},
        "bers": points if parts != "attack" else (),
        "eps": EPS[values["points"]] if parts != "faults" else (),
    }


def _settings() -> dict[str, Any]:
    """The widgets of the box; an empty value in a link is the usual one."""
    query.fault_name_in_address("fault")
    left, right = st.columns(2)
    with left:
        values = {
            "fault": st.selectbox("Fault model", list(fault_models()), key="fault", bind="query-params",
                                  format_func=lambda name: FAULT_NAMES.get(name, name)),
            "maps": _slider("Fault maps", (2, 5, 10, 20, 50), "maps"),
            "n": _slider("Test images", (100, 250, 500, 1000, 2000, 4000), "n"),
            "seed": st.number_input("Seed", 0, 2**31 - 1, USUAL["seed"], key="seed", bind="query-params",
                                    format="%d"),
        }  # fmt: skip
    with right:
        values |= {
            "attack": _segments("Attack", ["pgd", "fgsm"], "attack", str.upper),
            "steps": _slider("Attack steps", (5, 10, 20, 50), "steps"),
            "points": _segments("Points on each curve", list(BERS), "points"),
            "parts": _segments("Measure live", ["both", "faults", "attack"], "parts"),
        }
    return {name: USUAL[name] if value is None else value for name, value in values.items()}


def _slider(label: str, options: tuple[int, ...], key: str) -> int:
    known = query.with_asked(key, options, 1)
    return int(st.select_slider(label, known, USUAL[key], key=key, bind="query-params"))


def _segments(
    label: str, options: list[str], key: str, spelled: Callable[[str], str] = lambda name: name
) -> str | None:
    """One of a few; None where a link gives an empty value, whatever is required."""
    return st.segmented_control(label, options, key=key, default=USUAL[key], required=True,
                                bind="query-params", format_func=spelled)  # fmt: skip


def spec_file(nets: list[str], encs: list[str], options: dict[str, Any]) -> str:
    """The chosen sweeps as TOML that ``python -m resq sweep FILE.toml`` runs."""
    fields = {"checkpoint": nets, "encoding": encs, **options}
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]  # JSON's lists are TOML's too
    return "\n".join(["# python -m resq sweep FILE.toml --out rows.parquet", *lines]) + "\n"


def specs(nets: list[str], encs: list[str], options: dict[str, Any]) -> list[SweepSpec]:
    """One spec per checkpoint and encoding: the same seed, so the same random numbers for all."""
    return [SweepSpec(checkpoint=net, encoding=enc, **options) for net in nets for enc in encs]
