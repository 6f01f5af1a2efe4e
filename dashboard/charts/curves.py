"""Accuracy over the bit error rate and over the attack's budget: lines, dots and bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import segments, theme
from dashboard.format import encodings, numbers, sentences
from resq.measure.specs.sweep_spec import SweepSpec

Series = tuple[str, str]  # checkpoint and encoding: what has one colour in all pictures of a page


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
    metric: str = "accuracy",
) -> go.Figure:
    """Accuracy against bit error rate: log axis, the fault-free point apart at its left.

    Args:
        curves: lines of ``stats.curve(rows, "ber")``.
        chance: data set -> accuracy of guessing.
        order: the series in the order of their colours; default as they come.
        chosen: the dot that is ringed, by ``sentences.cell_name``.
        height: in pixels, of a small figure without a legend; 0: of a usual one.
        metric: what was counted, of ``stats.METRICS``; guessing is a level of accuracy alone.
    """
    rates = sorted(curves.loc[curves["x"] > 0, "x"].unique()) or [1e-3]
    zero = rates[0] / 10**0.6
    figure = go.Figure()
    for i, name, line in _lines(curves, order):
        clean, faulty = line[line["x"] == 0].assign(at=zero), line[line["x"] > 0]
        faulty = faulty.assign(at=faulty["x"])
        _curve(figure, faulty, i, name, "BER", ("low", "high"), metric)
        _dots(figure, clean, i, name, "BER", legend=faulty.empty, metric=metric)
        _ring(figure, pd.concat([clean, faulty]), "BER", chosen)
    ticks = [10.0**e for e in range(int(np.floor(np.log10(rates[0]))), 1) if 10.0**e >= rates[0] / 1.01]
    ticks = [t for t in ticks if t <= rates[-1] * 1.01] or rates
    xaxis = {
        "type": "log",
        "title": {"text": "bit error rate: probability of a flip"},
        "tickvals": [zero, *ticks],
        "ticktext": ["0", *map(numbers.power, ticks)],
        "range": [np.log10(zero) - 0.12, np.log10(rates[-1]) + 0.12],
    }
    apart = theme.line(theme.GRID, x=rates[0] / 10**0.3, dash="dot", width=2)
    levels = chance if metric == "accuracy" else {}
    return _accuracy(figure, curves, levels, height, xaxis, [apart], sentences.METRICS[metric])


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
        line = eps_bounds(line.assign(at=line["x"]))
        _curve(figure, line, i, name, "eps", ("eps_low", "eps_high"))
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
    encoding_names = encodings.told_apart(dict.fromkeys(e for _, e in order))
    lines = []
    for i, (checkpoint, encoding) in enumerate(order):
        line = curves[(curves["checkpoint"] == checkpoint) & (curves["encoding"] == encoding)]
        if not line.empty:
            encoding_name = encoding_names[encoding]
            name = (
                encoding_name
                if one_network
                else checkpoint
                if one_encoding
                else f"{checkpoint} · {encoding_name}"
            )
            lines.append((i, name, line.sort_values("x")))
    return lines


def eps_bounds(line: pd.DataFrame) -> pd.DataFrame:
    """The interval of each dot over budgets: over maps too where bits flip, none of one, else over images."""
    flipped = line["ber"] > 0 if "ber" in line else line["maps"] > 1
    ends = {f"eps_{end}": line[end].where(flipped, line[f"image_{end}"]) for end in ("low", "high")}
    return line.assign(**ends)


def _curve(
    figure: go.Figure,
    line: pd.DataFrame,
    i: int,
    name: str,
    axis: str,
    ends: tuple[str, str],
    metric: str = "accuracy",
) -> None:
    """Bands and solid lines through dots of the same images and maps; a dotted line passes others."""
    parts = segments.segments(line)
    for part in parts:
        _band(figure, part, i, *ends)
    segments.joined(figure, parts, i)
    _dots(figure, line, i, name, axis, metric=metric, parts=parts, ends=ends)


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


def _dots(
    figure: go.Figure,
    line: pd.DataFrame,
    i: int,
    name: str,
    axis: str,
    legend: bool = True,
    metric: str = "accuracy",
    parts: Sequence[pd.DataFrame] = (),
    ends: tuple[str, str] = ("low", "high"),
) -> None:
    if line.empty:
        return
    style = theme.style(i)
    solid = {"color": style["color"], "dash": style["dash"], "width": 3}
    eye = {"color": style["color"], "dash": "dot", "width": 1.5}
    figure.add_scatter(
        x=line["at"].tolist(),
        y=line["mean"].tolist(),
        mode="lines+markers",
        name=name,
        line=eye if len(parts) > 1 else solid,
        error_y=segments.bars(list(parts), *ends),
        marker={"symbol": style["symbol"], "size": 10, "color": style["color"]},
        text=[sentences.hover(point, axis, metric) for point in line.to_dict("records")],
        customdata=[[sentences.cell_name(point, axis)] for point in line.to_dict("records")],
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate="%{text}<extra></extra>",
        showlegend=legend,
        legendgroup=str(i),
    )


def _ring(figure: go.Figure, line: pd.DataFrame, axis: str, chosen: str) -> None:
    """A circle around the dot of this name; clicks go through it."""
    for dot in line.to_dict("records"):
        if sentences.cell_name(dot, axis) == chosen:
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
    counted: str = "accuracy",
) -> go.Figure:
    known = {data: chance[data] for data in dict.fromkeys(curves["data"]) if data in chance}
    levels = [theme.line(theme.INK, y=level, dash="dash", width=1.5) for level in known.values()]
    # A small figure is often about a network near chance, so there the words stand above it.
    above = {"x": 1, "xanchor": "right", "y": 1, "yref": "y domain"}
    labels = [
        {"text": f"{'dashed: ' * bool(height)}chance, {data}: {numbers.percent(level)}",
         "font": {"size": 14, "color": theme.INK}, "xref": "x domain", "yanchor": "bottom",
         "showarrow": False, **(above if height else {"x": 0, "xanchor": "left", "y": level})}
        for data, level in known.items()
    ]  # fmt: skip
    yaxis = {"title": {"text": counted}, "range": [0, 1.03], "tickformat": ".0%", "dtick": 0.2}
    return theme.dress(
        figure, height=height or 420,
        room={"l": 90, "r": 18, "t": 28 if height else 40, "b": 62},
        xaxis=xaxis, yaxis=yaxis, showlegend=not height,
        shapes=[*shapes, *levels], annotations=labels,
    )  # fmt: skip
