"""Pictures: tables and arrays in, figures out. Add one: a function and a line in CHARTS.

Nothing here knows streamlit, files or chance, so every figure can be tested and saved as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard import theme, words
from dashboard.attackcharts import four, moved
from dashboard.bitcharts import probabilities, weight_histogram
from dashboard.filmcharts import film
from dashboard.flowcharts import flow
from dashboard.hardcharts import before_after, training
from dashboard.layercharts import agreement, channel_strip, layer_heatmap, plane_histogram
from dashboard.replaycharts import again, readings
from dashboard.shieldcharts import pareto, shields
from dashboard.surfacecharts import heatmap, relief
from resq.measure.spec import SweepSpec

Series = tuple[str, str]  # checkpoint and encoding: what has one colour in all pictures of a page


@dataclass(frozen=True)
class Chart:
    """A kind of picture: its name for people, how to read it, its page, and the function that draws it."""

    title: str
    caption: str
    page: str
    draw: Callable[..., go.Figure]


def series(curves: pd.DataFrame) -> list[Series]:
    """The curves of a table, in order of appearance."""
    return [tuple(pair) for pair in curves[["checkpoint", "encoding"]].drop_duplicates().to_numpy().tolist()]


def order(specs: Sequence[SweepSpec]) -> list[Series]:
    """The series of specs: a curve keeps its colour whichever of them are drawn."""
    return [(spec.checkpoint, spec.encoding) for spec in specs]


def accuracy_vs_ber(
    curves: pd.DataFrame,
    chance: Mapping[str, float],
    order: Sequence[Series] = (),
    chosen: str = "",
    height: int = 0,
) -> go.Figure:
    """Accuracy against bit error rate: log axis, the fault-free point apart at its left.

    Args:
        curves: lines of ``stats.curve(rows, "ber")``.
        chance: data set -> accuracy of guessing.
        order: the series in the order of their colours; default as they come.
        chosen: the dot that is ringed, by ``words.cell_name``.
        height: in pixels, of a small figure without a legend; 0: of a usual one.
    """
    rates = sorted(curves.loc[curves["x"] > 0, "x"].unique()) or [1e-3]
    zero = rates[0] / 10**0.6
    figure = go.Figure()
    for i, name, line in _lines(curves, order):
        clean, faulty = line[line["x"] == 0].assign(at=zero), line[line["x"] > 0]
        faulty = faulty.assign(at=faulty["x"])
        _band(figure, faulty, i, "low", "high")
        _dots(figure, faulty, i, name, "BER")
        _dots(figure, clean, i, name, "BER", legend=faulty.empty)
        _ring(figure, pd.concat([clean, faulty]), "BER", chosen)
    ticks = [10.0**e for e in range(int(np.floor(np.log10(rates[0]))), 1) if 10.0**e >= rates[0] / 1.01]
    ticks = [t for t in ticks if t <= rates[-1] * 1.01] or rates
    xaxis = {
        "type": "log",
        "title": {"text": "bit error rate: probability that a stored bit flips"},
        "tickvals": [zero, *ticks],
        "ticktext": ["0", *map(theme.power, ticks)],
        "range": [np.log10(zero) - 0.12, np.log10(rates[-1]) + 0.12],
    }
    apart = theme.line(theme.GRID, x=rates[0] / 10**0.3, dash="dot", width=2)
    return _accuracy(figure, curves, chance, height, xaxis, [apart])


def accuracy_vs_eps(
    curves: pd.DataFrame,
    chance: Mapping[str, float],
    order: Sequence[Series] = (),
    chosen: str = "",
    height: int = 0,
) -> go.Figure:
    """Accuracy against the attack's budget in 1/255; arguments as for ``accuracy_vs_ber``."""
    figure = go.Figure()
    for i, name, line in _lines(curves, order):
        line = line.assign(at=line["x"])
        _band(figure, line, i, "image_low", "image_high")
        _dots(figure, line, i, name, "eps")
        _ring(figure, line, "eps", chosen)
    xaxis: dict[str, Any] = {"title": {"text": "attack budget: largest change of a pixel, in 1/255"}}
    values = sorted(curves["x"].unique())
    if len(values) > 1 and np.diff(values).min() > (values[-1] - values[0]) / 12:  # else they would overlap
        xaxis |= {"tickvals": values, "ticktext": [f"{v:g}" for v in values]}
    return _accuracy(figure, curves, chance, height, xaxis)


def _lines(curves: pd.DataFrame, order: Sequence[Series]) -> list[tuple[int, str, pd.DataFrame]]:
    """Number (its colour), name and points of each curve; the name leaves out what all have in common."""
    order = list(order) or series(curves)
    one_encoding = len({e for _, e in order}) == 1 and len(order) > 1
    one_network = len({c for c, _ in order}) == 1 and len(order) > 1
    found = []
    for i, (checkpoint, encoding) in enumerate(order):
        line = curves[(curves["checkpoint"] == checkpoint) & (curves["encoding"] == encoding)]
        if not line.empty:
            name = encoding if one_network else checkpoint if one_encoding else f"{checkpoint} · {encoding}"
            found.append((i, name, line.sort_values("x")))
    return found


def _band(figure: go.Figure, line: pd.DataFrame, i: int, low: str, high: str) -> None:
    known = line.dropna(subset=[low, high])
    if len(known) < 2:
        return
    figure.add_scatter(
        x=[*known["at"], *known["at"][::-1]],
        y=[*known[high], *known[low][::-1]],
        fill="toself",
        fillcolor=theme.fade(theme.style(i)["color"], 0.18),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=str(i),
    )


def _dots(figure: go.Figure, line: pd.DataFrame, i: int, name: str, axis: str, legend: bool = True) -> None:
    if line.empty:
        return
    style = theme.style(i)
    figure.add_scatter(
        x=line["at"].tolist(),
        y=line["mean"].tolist(),
        mode="lines+markers",
        name=name,
        line={"color": style["color"], "dash": style["dash"], "width": 3},
        marker={"symbol": style["symbol"], "size": 10, "color": style["color"]},
        text=[words.hover(point, axis) for point in line.to_dict("records")],
        customdata=[[words.cell_name(point, axis)] for point in line.to_dict("records")],
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate="%{text}<extra></extra>",
        showlegend=legend,
        legendgroup=str(i),
    )


def _ring(figure: go.Figure, line: pd.DataFrame, axis: str, chosen: str) -> None:
    """A circle around the dot of this name; clicks go through it."""
    for dot in line.to_dict("records"):
        if words.cell_name(dot, axis) == chosen:
            marker = {"symbol": "circle-open", "size": 22, "color": theme.VERMILLION, "line": {"width": 4}}
            figure.add_scatter(
                x=[dot["at"]], y=[dot["mean"]], mode="markers", marker=marker, hoverinfo="skip",
                showlegend=False, cliponaxis=False, unselected={"marker": {"opacity": 1}},
            )  # fmt: skip


def _accuracy(
    figure: go.Figure,
    curves: pd.DataFrame,
    chance: Mapping[str, float],
    height: int,
    xaxis: dict[str, Any],
    shapes: Sequence[dict[str, Any]] = (),
) -> go.Figure:
    known = {data: chance[data] for data in dict.fromkeys(curves["data"]) if data in chance}
    levels = [theme.line(theme.INK, y=level, dash="dash", width=1.5) for level in known.values()]
    words = [
        {"text": f"chance, {data}: {theme.percent(level)}", "font": {"size": 14, "color": theme.INK},
         "x": 0, "xref": "x domain", "xanchor": "left", "y": level, "yanchor": "bottom", "showarrow": False}
        for data, level in known.items()
    ]  # fmt: skip
    yaxis = {"title": {"text": "accuracy"}, "range": [0, 1.03], "tickformat": ".0%", "dtick": 0.2}
    return theme.dress(
        figure, height=height or 420,
        room={"l": 90, "r": 18, "t": 10 if height else 40, "b": 62},
        xaxis=xaxis, yaxis=yaxis, showlegend=not height,
        shapes=[*shapes, *levels], annotations=words,
    )  # fmt: skip


CHARTS: dict[str, Chart] = {
    "training": Chart(
        "How training goes",
        "One dot per epoch, stages from left to right, a dotted line between them. Grey: loss, at the right.",
        "harden",
        training,
    ),
    "before_after": Chart(
        "What each stage changed",
        "Accuracy on validation images: clean, under random faults, under attack; in the words that the "
        "weights are stored in at that point.",
        "harden",
        before_after,
    ),
    "surface": Chart(
        "Accuracy under both",
        "Each tile: the share of test images still right at that BER and that budget; brighter is better. "
        "White: where accuracy falls below the line you set. Hatched: not run, which is not zero.",
        "tradeoff",
        heatmap,
    ),
    "relief": Chart(
        "Accuracy under both",
        "Height and colour: the share of test images still right. Drag to turn. Holes were not run.",
        "tradeoff",
        relief,
    ),
    "slice_ber": Chart(
        "A column of the map",
        "Accuracy over BER at the chosen budget; band: 95 % over fault maps.",
        "tradeoff",
        accuracy_vs_ber,
    ),
    "slice_eps": Chart(
        "A row of the map",
        "Accuracy over the budget at the chosen BER; band: 95 % over images.",
        "tradeoff",
        accuracy_vs_eps,
    ),
    "shields": Chart(
        "What each shield gives against each threat",
        "Right: resists faults better. Up: resists attack better. Arrows start at the network without a "
        "shield; one that points right and up helps against both. Circles: a study's four networks (00 none, "
        "a attack, f faults, af both), each the mean of its seeds, the small dots. Diamonds: in stages.",
        "tradeoff",
        shields,
    ),
    "pareto": Chart(
        "What resistance costs",
        "Each dot is a network as stored, larger where it takes more memory; small dots are the seeds of a "
        "study. The dotted line joins those that no other beats in both.",
        "tradeoff",
        pareto,
    ),
    "ber": Chart(
        "Accuracy under flipped bits",
        "Each dot is a mean over fault maps: other draws of which bits flip, nested so that a curve follows "
        "the same maps to the right. The band is the 95 % interval of that mean over maps; dashed: guessing.",
        "sweep",
        accuracy_vs_ber,
    ),
    "eps": Chart(
        "Accuracy under attack",
        "Each dot: the share of images still right after every pixel was moved by at most eps against the "
        "network. The band is the 95 % Wilson interval over images; dashed: guessing.",
        "sweep",
        accuracy_vs_eps,
    ),
    "probabilities": Chart(
        "How sure the network is",
        "One bar per class, solid as stored, hatched with the flips; bold: what the picture shows.",
        "bitlab",
        probabilities,
    ),
    "moved": Chart(
        "The picture before and after",
        "Every pixel of the attacked picture differs by at most eps from the clean one. In the difference, "
        "grey is no change and full colour a change by eps.",
        "bitlab",
        moved,
    ),
    "four": Chart(
        "Pixels moved, bits flipped",
        "One bar per class: left the clean picture, right, hatched, the attacked one; above the weights as "
        "stored, below with the flips. Bold: what the picture shows; of many classes the likeliest six.",
        "bitlab",
        four,
    ),
    "weight": Chart(
        "Where the weight lies in its layer",
        "Grey: how many weights of the layer lie where, on a log scale; the lines: this weight; orange "
        "steps: the layer with the plane's flips.",
        "bitlab",
        weight_histogram,
    ),
    "layers": Chart(
        "What one flipped bit adds to the loss",
        "Each cell is one stored bit of one layer's weights; the brighter, the more harm a flip does, on a "
        "log scale. A dot: not told from zero. Bars: the layer alone at a bit error rate of 10⁻³, all its "
        "bits summed, with the 95 % interval over fault maps. Click a cell or a bar.",
        "layers",
        layer_heatmap,
    ),
    "film": Chart(
        "Bits flip as the error rate grows",
        "Play it, or move the slider. Left: one column per stored word, pale 0 and grey 1; orange has "
        "flipped and stays so, since the map of a rate holds those of all smaller rates. Right: how many "
        "bits of each plane have flipped, on a log scale; dashed: words times the rate. Independent faults "
        "hit every plane alike: where a high bit does more harm, each of its flips does.",
        "layers",
        film,
    ),
    "agreement": Chart(
        "Does the estimate rank the cells as the measurement does?",
        "Each dot is a cell whose measured change stands above its own noise; on the dashed line both agree. "
        "The faint lines are 95 % intervals over fault maps.",
        "layers",
        agreement,
    ),
    "plane": Chart(
        "The layer's weights before and after",
        "Blue: how many weights lie where, as stored, on a log scale. Orange steps: the same with this bit "
        "flipped in every word of the layer.",
        "layers",
        plane_histogram,
    ),
    "channels": Chart(
        "Where in the layer it hurts",
        "One stripe per output channel: the estimated change of the loss per flipped bit in it.",
        "layers",
        channel_strip,
    ),
    "flow": Chart(
        "Which class becomes which",
        "One line per answer as stored, one column per answer with the flips, over all fault maps; the "
        "number is the share of the line in %, from 2 % on. Grey: answers that stayed. A bright column is a "
        "class that swallows others.",
        "sweep",
        flow,
    ),
    "cell_again": Chart(
        "Stored and measured again",
        "The stored cell, its 95 % interval over fault maps dashed, and the same cell measured on this "
        "machine.",
        "sweep",
        again,
    ),
    "readings": Chart(
        "What the claim could mean",
        "One row per reading of the open conditions. The open diamond and its line: the figure as quoted, "
        "never measured here. Circle: measured here, with its 95 % interval over fault maps and images; grey "
        "square: the unhardened network under the same reading. A reading is consistent where the circle's "
        "interval reaches the line.",
        "replay",
        readings,
    ),
    "again": Chart(
        "Stored and measured again",
        "The stored cell, its 95 % interval over fault maps dashed, and the same cell measured on this "
        "machine; the open diamond is the quoted figure.",
        "replay",
        again,
    ),
}
