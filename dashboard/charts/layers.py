"""Pictures of the Layers page: which layers and bits matter, one cell in detail. Tables in, figures out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.plain.figure import PlainFigure
from dashboard.format import numbers
from dashboard.model import layer_view

CLICKABLE = 1000  # cells; an overlay of more SVG points takes seconds to draw


def layer_heatmap(
    cells: pd.DataFrame, totals: pd.DataFrame, names: Sequence[tuple[str, int, int]]
) -> go.Figure:
    """Layers by stored bits, coloured by the change of the loss per flipped bit; beside it, layer totals.

    Where no layer has a total the heatmap takes all the width.

    Args:
        cells: lines of ``layers.cells``.
        totals: lines of ``layer_view.totals``.
        names: (name, highest bit, lowest bit) of the fields of a stored word.
    """
    layers, bits = list(dict.fromkeys(cells["layer"])), sorted(cells["bit"].unique(), reverse=True)
    row, figure = _row_height(len(layers)), go.Figure()
    wide = cells.pivot(index="layer", columns="bit", values="shown").loc[layers, bits]
    z = np.log10(wide.to_numpy(float), where=wide.to_numpy(float) > 0, out=np.full(wide.shape, np.nan))
    low, high = _decades(z)
    figure.add_heatmap(
        z=z, x=bits, y=list(range(len(layers))), colorscale="Cividis", zmin=low, zmax=high, xgap=2, ygap=2,
        hoverinfo="skip", colorbar=_bar(low, high, _counted(cells)),
    )  # fmt: skip
    _blanks(figure, cells, layers)
    _clicks(figure, cells, layers, row)
    bars = _bars(cells) if totals["mean"].notna().any() else ""
    if bars:
        _totals(figure, totals, layers)
    labels, shapes = _fields(names)
    return theme.dress(
        figure, height=66 + row * len(layers), room=_room(layers, row), annotations=labels, shapes=shapes,
        hoverdistance=-1, hovermode="closest", bargap=0.25, **_axes(layers, bits, row, bars),
    )  # fmt: skip


def outlined(figure: go.Figure | PlainFigure, chosen: tuple[str, int]) -> PlainFigure:
    """The heatmap with one cell, by layer and bit, outlined; the one given stays as it is.

    Not drawn anew: a click asks for this.
    """
    spec = figure.to_dict()
    layout, (layer, bit) = spec["layout"], chosen
    layers, bits = list(layout["yaxis"]["ticktext"]), list(layout["xaxis"]["tickvals"])
    if layer.removesuffix(".weight") in layers and bit in bits:
        box = _outline(bit, layers.index(layer.removesuffix(".weight")))
        layout = {**layout, "shapes": [box, *layout.get("shapes", ())]}
    return PlainFigure(spec["data"], layout)


def _row_height(n: int) -> int:
    return 27 if n <= 22 else 21 if n <= 40 else 16


def _decades(z: np.ndarray) -> tuple[float, float]:
    """Whole powers of ten around the values, at most nine: what lies below takes the darkest colour."""
    if np.isnan(z).all():
        return -6.0, 0.0
    low, high = float(np.floor(np.nanmin(z))), float(np.ceil(np.nanmax(z)))
    return max(low, high - 9), max(high, low + 1)


def _counted(cells: pd.DataFrame) -> str:
    """What a cell's colour counts."""
    return layer_view.COUNTED.get(str(cells["kind"].iloc[0]), "loss per flipped bit")


def _bar(low: float, high: float, counted: str) -> dict[str, object]:
    ticks = np.arange(low, high + 0.5, max(1, round((high - low) / 6)))
    font = {"size": theme.SIZE - 2, "color": theme.INK}
    return {
        "title": {"text": counted, "side": "right", "font": font}, "thickness": 14, "x": 1.02,
        "tickvals": ticks.tolist(), "ticktext": [numbers.power(10.0**t) for t in ticks], "tickfont": font,
    }  # fmt: skip


def _blanks(figure: go.Figure, cells: pd.DataFrame, layers: list[str]) -> None:
    """A small mark where nothing can be told from zero: an empty cell would look like one not measured."""
    blank = cells[~(cells["shown"] > 0) & cells["mean"].notna()]
    figure.add_scatter(
        x=blank["bit"], y=[layers.index(name) for name in blank["layer"]], mode="markers", hoverinfo="skip",
        marker={"size": 3, "color": theme.INK}, showlegend=False,
    )  # fmt: skip


def _clicks(figure: go.Figure, cells: pd.DataFrame, layers: list[str], row: int) -> None:
    """Transparent points over the cells: clicks on a heatmap itself are not reported."""
    if len(cells) > CLICKABLE:
        return
    clear = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=cells["bit"], y=[layers.index(name) for name in cells["layer"]], mode="markers", showlegend=False,
        marker={"opacity": 0, "size": row * 0.7}, selected=clear, unselected=clear,
        customdata=cells[["layer", "bit"]].to_numpy().tolist(),
        text=cells["hover"].tolist(), hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _totals(figure: go.Figure, totals: pd.DataFrame, layers: list[str]) -> None:
    at = totals.set_index("layer").reindex(layers)
    keep = {"marker": {"opacity": 1}}
    ends = {"array": at["half"], "arrayminus": at["below"]}
    figure.add_bar(
        y=list(range(len(layers))), x=at["mean"].clip(lower=0), orientation="h", showlegend=False,
        marker={"color": theme.BLUE}, selected=keep, unselected=keep,
        error_x={**ends, "color": theme.INK, "thickness": 1.5, "width": 3},
        customdata=[[name] for name in layers],
        text=[layer_view.total_hover(name, at.iloc[i]) for i, name in enumerate(layers)],
        textposition="none", hovertemplate="%{text}<extra></extra>", xaxis="x2", yaxis="y2",
    )  # fmt: skip


def _room(layers: list[str], row: int) -> dict[str, float]:
    """The layers at the left, the bits below, what they mean above, the scale at the right."""
    names = [name.removesuffix(".weight") for name in layers]
    return {"l": 14 + theme.width(names, min(theme.SIZE, row - 3)), "r": 104, "t": 30, "b": 60}


def _outline(bit: int, y: int) -> dict[str, Any]:
    box = {"x0": bit - 0.5, "x1": bit + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    return {"type": "rect", **box, "line": {"color": theme.VERMILLION, "width": 4}}


def _bars(cells: pd.DataFrame) -> str:
    """What the bars are."""
    pvf = cells["kind"].iloc[0] == "pvf"
    return "all bits of the layer" if pvf else f"layer alone at BER {numbers.power(layer_view.BER)}"


def _axes(layers: list[str], bits: list[int], row: int, bars: str) -> dict[str, dict[str, Any]]:
    """The axes of the heatmap, and of what stands beside it if ``bars`` says what that is."""
    size = {"size": min(theme.SIZE, row - 3), "color": theme.INK}
    bit = {"range": [bits[0] + 0.5, bits[-1] - 0.5], "tickvals": bits, "fixedrange": True, "showgrid": False,
           "title": {"text": "stored bit"}}  # fmt: skip
    total = {"title": {"text": bars}, "rangemode": "tozero",
             "nticks": 4, "fixedrange": True}  # fmt: skip
    layer = {"range": [len(layers) - 0.5, -0.5], "tickvals": list(range(len(layers))), "tickfont": size,
             "showgrid": False, "ticktext": [name.removesuffix(".weight") for name in layers],
             "fixedrange": True}  # fmt: skip
    if not bars:
        return {"xaxis": {**bit, "domain": [0, 1]}, "yaxis": layer}
    return {
        "xaxis": {**bit, "domain": [0, 0.725]},
        "xaxis2": {**total, "domain": [0.745, 1], "anchor": "y2"},
        "yaxis": layer,
        "yaxis2": {**layer, "matches": "y", "anchor": "x2", "showticklabels": False, "tickvals": []},
    }


def _fields(names: Sequence[tuple[str, int, int]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the bits mean, above them, and lines between those that mean different things."""
    font = {"size": theme.SIZE - 2, "color": theme.INK}
    labels = [
        {"x": (high + low) / 2, "xref": "x", "y": 1, "yref": "y domain", "yanchor": "bottom", "text": name,
         "showarrow": False, "font": font}
        for name, high, low in names
    ]  # fmt: skip
    return labels, [theme.line(theme.INK, x=low - 0.5, width=2) for _, _, low in names if low]


def agreement(pairs: pd.DataFrame) -> go.Figure:
    """Measured against estimated change per flipped bit, one dot per cell above its own noise, log axes.

    Args:
        pairs: lines of ``layers.pairs``.
    """
    shown = pairs[pairs["clear"] & (pairs["instant"] > 0) & (pairs["measured"] > 0)]
    figure = go.Figure()
    ends = [1e-6, 1e-2]
    if len(shown):
        both = shown[["instant", "measured"]].to_numpy(float)
        ends = [float(both.min()) / 2, float(both.max()) * 2]
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": theme.INK, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=shown["instant"], y=shown["measured"], mode="markers",
        error_y={"array": shown["high"] - shown["measured"], "width": 0,
                 "color": theme.fade(theme.BLUE, 0.35)},
        marker={"color": theme.BLUE, "size": 8}, customdata=shown[["layer", "bit"]].to_numpy().tolist(),
        text=[
            f"<b>{str(cell['layer']).removesuffix('.weight')}, bit {cell['bit']}</b>"
            f"<br>estimated {numbers.number(cell['instant'])}<br>measured {numbers.number(cell['measured'])}"
            for cell in shown.to_dict("records")
        ],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    axis = {"type": "log", "exponentformat": "power", "dtick": 1 if ends[1] / ends[0] < 1e5 else 2}
    named: dict[str, Any] = {
        "xaxis": {"title": {"text": "estimated"}, **axis},
        "yaxis": {"title": {"text": "measured"}, **axis},
    }
    room = {"l": 84, "r": 16, "t": 8, "b": 62}
    return theme.dress(figure, height=330, room=room, showlegend=False, **named)


def plane_histogram(edges: np.ndarray, before: np.ndarray, after: np.ndarray) -> go.Figure:
    """The layer's weights as stored, and with the bit flipped in every word.

    Args:
        edges: (bins + 1,); before, after: counts (bins,).
    """
    middle, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    figure = go.Figure()
    figure.add_bar(
        x=middle, y=before, width=width, name="as stored", marker={"color": theme.fade(theme.BEFORE, 0.6)},
        hovertemplate="around %{x:.3g}: %{y} weights as stored<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=middle, y=np.where(after > 0, after, np.nan), mode="lines",
        name="with this bit flipped in every word",
        line={"shape": "hvh", "color": theme.AFTER, "width": 3},
        hovertemplate="around %{x:.3g}: %{y} weights with the bit flipped<extra></extra>",
    )  # fmt: skip
    return theme.dress(
        figure, height=270,
        room={"l": 84, "r": 16, "t": 34, "b": 58},
        bargap=0, xaxis={"title": {"text": "weight"}, "fixedrange": True},
        yaxis={"title": {"text": "weights"}, "type": "log", "dtick": 1, "fixedrange": True},
    )  # fmt: skip


def channel_strip(changes: np.ndarray) -> go.Figure:
    """One bar of colour per output channel: the expected change of the loss per flipped bit in it.

    Args:
        changes: float (channels,).
    """
    figure = go.Figure(go.Heatmap(
        z=[changes], x=list(range(len(changes))), colorscale="Cividis", zmin=0, showscale=True,
        hovertemplate="channel %{x}: %{z:.2e} per flipped bit<extra></extra>",
        colorbar={"thickness": 14, "nticks": 3, "exponentformat": "power",
                  "tickfont": {"size": theme.SIZE - 2, "color": theme.INK}},
    ))  # fmt: skip
    bare = {"showgrid": False, "fixedrange": True}
    return theme.dress(
        figure, height=150,
        room={"l": 12, "r": 84, "t": 8, "b": 58},
        xaxis={"title": {"text": "output channel"}, **bare},
        yaxis={"showticklabels": False, **bare},
    )  # fmt: skip
