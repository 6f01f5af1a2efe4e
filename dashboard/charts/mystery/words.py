"""Pictures of one layer's words, as stored and now. Counts in, figures out."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme

THEN, NOW = "as stored", "now"


def layer_now(edges: np.ndarray, then: np.ndarray, now: np.ndarray) -> go.Figure:
    """The weights of a layer as they were stored and as they are read now.

    Args:
        edges: (bins + 1,); then, now: counts (bins,).
    """
    middle, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    figure = go.Figure()
    figure.add_bar(
        x=middle, y=then, width=width, name=THEN, marker={"color": theme.fade(theme.BEFORE, 0.6)},
        hovertemplate="around %{x:.3g}: %{y} weights as stored<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=middle, y=np.where(now > 0, now, np.nan), mode="lines", name=NOW,
        line={"shape": "hvh", "color": theme.AFTER, "width": 3},
        hovertemplate="around %{x:.3g}: %{y} weights now<extra></extra>",
    )  # fmt: skip
    return theme.dress(
        figure, height=270, room={"l": 84, "r": 16, "t": 34, "b": 58}, bargap=0,
        xaxis={"title": {"text": "weight"}, "fixedrange": True},
        yaxis={"title": {"text": "weights"}, "type": "log", "dtick": 1, "fixedrange": True},
    )  # fmt: skip


def bit_counts(ones: np.ndarray, words: int) -> go.Figure:
    """In how many of a layer's words each bit is 1, as stored and now.

    Args:
        ones: int (2, bits); words: how many the layer has.
    """
    return _by_bit({THEN: ones[0], NOW: ones[1]}, words, "words with a 1")


def bit_changes(risen: np.ndarray, fallen: np.ndarray) -> go.Figure:
    """In how many of a layer's words each bit has changed, and which way.

    Args:
        risen, fallen: int (bits,).
    """
    most = int(max(risen.max(), fallen.max(), 1))
    return _by_bit({"0 became 1": risen, "1 became 0": fallen}, most, "words changed")


def _by_bit(series: dict[str, np.ndarray], most: int, title: str) -> go.Figure:
    """Two bars for each bit, the most significant at the left."""
    figure = go.Figure()
    for (name, counts), colour, shape in zip(
        series.items(), (theme.BEFORE, theme.AFTER), ("", "/"), strict=True
    ):
        bits = [str(bit) for bit in range(len(counts))]
        figure.add_bar(
            x=bits[::-1], y=counts[::-1].tolist(), name=name,
            marker={"color": colour, "pattern": {"shape": shape}},
            hovertemplate="bit %{x}, " + name + ": %{y} words<extra></extra>",
        )  # fmt: skip
    return theme.dress(
        figure, height=260, room={"l": 84, "r": 16, "t": 34, "b": 58}, barmode="group", bargap=0.25,
        xaxis={"title": {"text": "bit, the most significant first"}, "type": "category", "fixedrange": True},
        yaxis={"title": {"text": title}, "range": [0, 1.05 * most], "fixedrange": True},
    )  # fmt: skip
