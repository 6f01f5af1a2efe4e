"""What protecting only some layers is worth, where measured: a finding, its figure in a box, its numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cached, charts
from dashboard.charts.storage import mixed_encoding
from dashboard.components import page_frame, render
from dashboard.format import tables


def protected(net: str, enc: str) -> None:
    """Only the layers that flips harm most lie in protected words."""
    points = cached.protected(net, enc)
    if not points.empty:
        finding = cached.cached_figure(mixed_encoding.protected_says, _key(net, enc), points)
        _describe(net, enc, "protected", points, finding, tables.protected, {}, "random")


def copied(net: str, enc: str) -> None:
    """Small layers are stored several times, and a sampler picks a layer first."""
    lines, layout = cached.copies(net, enc), cached.words_of(net, enc).read
    if not lines.empty:
        finding = cached.cached_figure(
            mixed_encoding.copies_says, _key(net, enc), lines, layout.layers, layout.words
        )
        fault = "layer-uniform"
        where = {"fault": fault, "n": int(lines["n"].iloc[0])}
        _describe(net, enc, "copies", lines, finding, tables.copies, where, fault)


def _key(net: str, enc: str) -> tuple[str, str, str]:
    """What, with the stored rows, decides all that is said of these words."""
    return net, str(cached.card(net)["sha256"]), enc


def _describe(
    net: str,
    enc: str,
    name: str,
    points: pd.DataFrame,
    finding: str,
    table: Callable[[pd.DataFrame], pd.DataFrame],
    where: dict[str, Any],
    fault: str,
) -> None:
    """One such finding: ``where`` is what the Sweep's address says beside network and encodings."""
    chart, chance = charts.CHARTS[name], 1 / len(cached.classes(cached.card(net)["data"]))
    draw = partial(cached.cached_figure, chart.draw, _key(net, enc), points, chance)
    encs = list(dict.fromkeys(points["encoding"]))
    st.header(chart.title, anchor=False)
    st.markdown(finding)
    render.opened(f"box_{name}", "More layers or fewer, at every error rate", name, draw, finding)
    page_frame.link("sweep", "Their curves, side by side", nets=net, encs=encs, **where)
    with page_frame.group("more", name):
        render.numbers(
            lambda: ({name: table(points)}, {name: draw()}),
            None,
            cached.cached_figure(mixed_encoding.measuring, (*_key(net, enc), fault), net, points, fault),
            key=f"numbers_{name}",
            called=f"{net} {enc}",
        )
