"""The Trade-off's widgets; every one is bound to the address, which also keeps the chosen cell."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard import cached
from dashboard.components import chosen, page_frame, query, render
from dashboard.forms import measure_map
from dashboard.model import bit_view

MODES = {"adaptive": "made on the faulty network", "transfer": "made on the fault-free network"}


@dataclass(frozen=True)
class Choice:
    """What the page shows: a network as stored, how it was attacked, and how it is drawn."""

    net: str
    enc: str
    mode: str
    relief: bool


def listed() -> list[str]:
    """Every network: one's own first, then those with stored rows, then those that nobody has measured."""
    known, here = cached.measured_most(), cached.names()
    own = [name for name in here if name.rpartition("/")[2].startswith("own-")]
    return list(dict.fromkeys([*own, *known, *here]))


def choice() -> Choice:
    """The chosen surface, at first that of the network that is measured most."""
    names = listed()
    render.unknown_names("net", names)
    chosen.carry(names)
    with page_frame.group("choice"), st.container(horizontal=True, vertical_alignment="bottom"):
        first = names.index(cached.measured_most()[0])
        net = st.selectbox("Network", names, first, key="net", bind="query-params")
        chosen.keep(net)
        encodings = cached.measured_most(net) or bit_view.encodings([cached.card(net)])
        encodings = sorted(encodings, key=lambda enc: enc != cached.opened_in(net))
        if st.session_state.get("enc") not in encodings:
            st.session_state.pop("enc", None)  # chosen for another network
        enc = st.selectbox("Stored as", encodings, key="enc", bind="query-params")
    render.encodings_in_words([enc])
    with page_frame.group("view"), st.container(horizontal=True, vertical_alignment="bottom"):
        mode = st.segmented_control(
            "Adversarial images", list(MODES), key="mode", default="adaptive", required=True,
            bind="query-params", format_func=str, help="; ".join(f"{k}: {v}" for k, v in MODES.items()),
        )  # fmt: skip
        drawn = st.segmented_control(
            "Drawn as", ["map", "landscape"], key="view", default="map", required=True, bind="query-params"
        )
    mode = mode or "adaptive"  # an empty value in a link chooses none
    return Choice(net, enc, mode, drawn == "landscape")


def threshold() -> float:
    """The accuracy at which a line separates the tiles."""
    with page_frame.group("view", "line"):
        line = st.select_slider(
            "Line at accuracy, %",
            query.with_asked("thr", range(5, 100, 5)),
            50,
            key="thr",
            bind="query-params",
            width=320,
        )
    return int(line) / 100


def elsewhere(at: tuple[float, float]) -> bool:
    """Whether another cell than this has been chosen."""
    return (st.session_state.ber, st.session_state.eps) != at


def opening(cells: pd.DataFrame) -> tuple[float, float]:
    """The cell shown at first: measured, under both threats where one is, least accuracy left."""
    both = cells[(cells["ber"] > 0) & (cells["eps"] > 0)]
    line = (cells if both.empty else both).sort_values("mean", kind="stable").iloc[0]
    return float(line["ber"]), float(line["eps"])


def cell(cells: pd.DataFrame, grid: measure_map.Grid) -> tuple[float, float]:
    """The chosen cell: the keyboard's way to what a click on the map does.

    Args:
        grid: BERs and budgets of tiles that are drawn hatched; they can be chosen too.
    """
    bers, budgets = sorted({*cells["ber"], *grid[0]}), sorted({*cells["eps"], *grid[1]})
    first = opening(cells)
    for key, options in (("ber", bers), ("eps", budgets)):
        if key in st.session_state and st.session_state[key] not in options:
            del st.session_state[key]  # chosen on another surface
    with page_frame.group("cell"), st.container(horizontal=True, vertical_alignment="bottom"):
        ber = st.selectbox(
            "Bit error rate",
            bers,
            bers.index(first[0]),
            key="ber",
            bind="query-params",
            format_func=lambda b: f"{b:g}",
        )
        eps = st.selectbox(
            "Budget eps, 1/255", budgets, budgets.index(first[1]), key="eps", bind="query-params",
            format_func=lambda e: f"{e:g}",
        )  # fmt: skip
    return float(ber), float(eps)


def again(seed: int) -> dict[str, int]:
    """How the chosen cell is measured again; as many images as most stored surfaces have are chosen first."""
    with page_frame.group("live", "options"), st.container(horizontal=True, vertical_alignment="bottom"):
        images, counts = (
            query.with_asked("n", (100, 250, 500, 1000), 1),
            query.with_asked("maps", (2, 5, 10, 20), 1),
        )
        n = st.select_slider("Test images", images, 100, key="n", bind="query-params")
        maps = st.select_slider("Fault maps", counts, 5, key="maps", bind="query-params")
    return {"n": int(n), "maps": int(maps), "seed": seed}


def select_cell(key: str) -> None:
    """Makes the clicked tile the chosen cell; an emptied selection changes nothing."""
    clicked = clicked_cell(st.session_state.get(key))
    if clicked:
        st.session_state.ber, st.session_state.eps = clicked


def clicked_cell(event: object) -> tuple[float, float] | None:
    """BER and budget of the last clicked dot, or None.

    >>> clicked_cell({"selection": {"points": [{"customdata": [0.01, 8.0]}]}})
    (0.01, 8.0)
    """
    selection = event.get("selection", {}) if isinstance(event, dict) else getattr(event, "selection", {})
    points = selection.get("points", []) if hasattr(selection, "get") else []
    if not points or len(points[-1].get("customdata") or ()) != 2:
        return None
    ber, eps = points[-1]["customdata"]
    return float(ber), float(eps)


def resistance() -> str:
    """What the last figure's vertical axis shows."""
    with page_frame.group("resistance"):
        axis = st.segmented_control(
            "Axis",
            ["faults", "attack"],
            key="robust",
            default="faults",
            required=True,
            bind="query-params",
        )
        return axis or "faults"  # an empty value in a link chooses none
