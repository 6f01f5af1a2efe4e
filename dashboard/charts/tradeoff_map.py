"""Pictures of the Trade-off: accuracy under faults and attacks together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.words import tile_ink
from dashboard.format import numbers, sentences
from resq.measure.analysis import tradeoff

SHARE = "%{z:.0%}"  # what a tile says
INK = {"size": theme.SIZE, "color": theme.INK}
BAR = {"title": {"text": "accuracy", "side": "right", "font": INK}, "tickfont": INK, "tickformat": ".0%",
       "thickness": 16}  # fmt: skip


def heatmap(
    cells: pd.DataFrame,
    chosen: tuple[float, float] | None = None,
    threshold: float = 0.5,
    planned: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> go.Figure:
    """Accuracy over BER and budget, one tile per cell; tiles that were not measured are hatched.

    Each tile says its accuracy, so no bar of colours does: it would take a third of the time to draw.

    Args:
        cells: of ``tradeoff.cells``.
        chosen: BER and budget of the framed tile.
        threshold: accuracy at which a line separates the tiles.
        planned: BERs and budgets that are, or could be, measured: their tiles are there, hatched.
    """
    bers, budgets, z = tradeoff.grid(cells, *planned)
    x, y = np.arange(len(budgets)), np.arange(len(bers))
    figure = go.Figure()
    for tiles in tile_ink.layers(z):
        tiles["textfont"]["size"] = theme.SIZE
        figure.add_heatmap(x=x, y=y, hoverinfo="skip", texttemplate=SHARE, **tiles)
    _targets(figure, cells, bers, budgets)
    # Dark below light: between light tiles, and on a white page, one of the two is always seen.
    path = _border(z, threshold)
    shapes = [
        {"type": "path", "path": path, "line": {"color": colour, "width": width}}
        for colour, width in (("#333333", 9), ("white", 5))
    ]
    missing = " ".join(_hatch(i, j) for j, i in np.ndindex(*z.shape) if np.isnan(z[j, i]))
    shapes.append({"type": "path", "path": missing, "line": {"color": theme.GREY, "width": 1}})
    if chosen and chosen[0] in bers and chosen[1] in budgets:
        shapes.append(_frame(budgets.index(chosen[1]), bers.index(chosen[0])))
    fixed = {"fixedrange": True, "showgrid": False}
    return theme.dress(
        figure, height=120 + 44 * max(4, len(bers)),
        room={"l": 96, "r": 16, "t": 8, "b": 64},
        hoverdistance=-1, hovermode="closest", showlegend=False,
        shapes=[shape for shape in shapes if shape.get("path") != ""],
        xaxis={"tickvals": x, "ticktext": [f"{e:g}" for e in budgets], "range": [-0.5, len(budgets) - 0.5],
               "title": {"text": "attack budget eps, 1/255"}, **fixed},
        yaxis={"tickvals": y, "ticktext": [numbers.power(b) for b in bers], "range": [-0.5, len(bers) - 0.5],
               "title": {"text": "bit error rate"}, **fixed},
    )  # fmt: skip


def _frame(i: int, j: int) -> dict[str, Any]:
    """A frame around one tile."""
    box = {"x0": i - 0.5, "x1": i + 0.5, "y0": j - 0.5, "y1": j + 0.5}
    return {"type": "rect", **box, "line": {"color": theme.VERMILLION, "width": 5}}


def _targets(figure: go.Figure, cells: pd.DataFrame, bers: list[float], budgets: list[float]) -> None:
    """Invisible dots over the tiles: clicks on a heatmap itself are not reported."""
    known = {(line["ber"], line["eps"]): sentences.cell(line) for line in cells.to_dict("records")}
    places = [(ber, eps) for ber in bers for eps in budgets]
    figure.add_scatter(
        x=[budgets.index(eps) for _, eps in places],
        y=[bers.index(ber) for ber, _ in places],
        mode="markers",
        marker={"opacity": 0, "size": 14},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[list(place) for place in places],
        text=[known.get(place, f"{sentences.place(*place)}<br>not run") for place in places],
        hovertemplate="%{text}<extra></extra>",
    )


def _border(z: np.ndarray, threshold: float) -> str:
    """A path along the sides that tiles below the threshold share with others.

    Plotly's own contours hang on holes, and would draw between tiles what nobody measured.
    """
    low, known = z < threshold, ~np.isnan(z)
    parts = []
    for j, i in np.ndindex(*z.shape):
        if i + 1 < z.shape[1] and known[j, i] and known[j, i + 1] and low[j, i] != low[j, i + 1]:
            parts.append(f"M{i + 0.5:g},{j - 0.5:g}L{i + 0.5:g},{j + 0.5:g}")
        if j + 1 < z.shape[0] and known[j, i] and known[j + 1, i] and low[j, i] != low[j + 1, i]:
            parts.append(f"M{i - 0.5:g},{j + 0.5:g}L{i + 0.5:g},{j + 0.5:g}")
    return " ".join(parts)


def _hatch(i: int, j: int, lines: int = 4) -> str:
    """Slanted lines across one tile and its frame, as a path: tiles side by side stay apart."""
    left, low, size = i - 0.49, j - 0.48, (0.98, 0.96)

    def at(a: float, b: float) -> str:
        return f"{left + size[0] * a:g},{low + size[1] * b:g}"

    parts = [f"M{at(0, 0)}L{at(1, 0)}L{at(1, 1)}L{at(0, 1)}Z"]
    for k in range(1, 2 * lines):
        a, b = max(0.0, k / lines - 1), min(1.0, k / lines)
        parts.append(f"M{at(a, b)}L{at(b, a)}")
    return " ".join(parts)


def relief(cells: pd.DataFrame) -> go.Figure:
    """The same cells as a landscape; holes where nothing was measured.

    Only powers of ten are named on the axis of rates: all of them lie over each other as the picture turns.
    """
    bers, budgets, z = tradeoff.grid(cells)
    figure = go.Figure(
        go.Surface(
            z=z, x=np.arange(len(budgets)), y=np.arange(len(bers)), cmin=0, cmax=1, colorscale=tile_ink.SCALE,
            colorbar=BAR, hovertemplate="accuracy %{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    theme.dress(figure, height=520)
    grey = {"color": theme.INK, "gridcolor": theme.GRID, "backgroundcolor": "rgba(0,0,0,0)",
            "tickfont": {"size": theme.SIZE - 4}}  # fmt: skip
    marked = [j for j, ber in enumerate(bers) if numbers.power(ber).startswith(("0", "10"))]
    figure.update_layout(
        scene={
            "xaxis": {"title": {"text": "eps, 1/255"}, "tickvals": list(range(len(budgets))),
                      "ticktext": [f"{e:g}" for e in budgets], **grey},
            "yaxis": {"title": {"text": "BER"}, "tickvals": marked,
                      "ticktext": [numbers.power(bers[j]) for j in marked], **grey},
            "zaxis": {"title": {"text": "accuracy"}, "range": [0, 1], "tickformat": ".0%", "nticks": 3,
                      **grey},
            "camera": {"eye": {"x": 1.8, "y": 1.7, "z": 1.1}},
            "aspectratio": {"x": 1, "y": 1, "z": 0.7},
        },
        dragmode="orbit",
    )  # fmt: skip
    return figure
