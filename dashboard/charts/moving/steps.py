"""The same journey for one class after the other, for one picture, and for the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.words import tile_ink
from dashboard.model.moving.journey import AXES, Journey, name

ROW, LETTERS = 26, 13  # pixels


def class_steps(shown: Journey) -> go.Figure:
    """Right answers of each class in each step, over all fault maps."""
    shares = shown.per_class.T
    texts = [["" if np.isnan(s) else f"{100 * s:.0f}" for s in line] for line in shares.tolist()]
    hover = "%{y}, %{x}: %{z:.1%} right<extra></extra>"
    return _tiles(shown, shares, texts, hover)


def picture_steps(shown: Journey, chosen: int) -> go.Figure:
    """How sure the network is of each class for one picture, in each step; the answer is ringed."""
    logits = np.stack([step.logits[chosen] for step in shown.steps], axis=1)
    sure = softmax(logits)
    texts = [["" if not s >= 0.005 else f"{100 * s:.0f}" for s in line] for line in sure.tolist()]
    hover = "%{y}, %{x}: %{z:.1%}, logit %{customdata:.4g}<extra></extra>"
    figure = _tiles(shown, sure, texts, hover, logits)
    columns = _columns(shown)
    there = [(i, int(step.answers[chosen])) for i, step in enumerate(shown.steps)
             if step.answers[chosen] < len(shown.classes)]  # fmt: skip
    return figure.add_scatter(
        x=[columns[i] for i, _ in there], y=[shown.classes[own] for _, own in there], mode="markers",
        marker={"symbol": "square-open", "size": ROW - 4, "color": theme.AFTER, "line": {"width": 3}},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (classes, steps) of logits; NaN in a step in which one of them is no number.

    >>> softmax(np.array([[0.0, np.nan], [0.0, 1.0]])).tolist()
    [[0.5, nan], [0.5, nan]]
    """
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max(0))
    return np.asarray(powers / powers.sum(0))


def accuracy_steps(shown: Journey) -> go.Figure:
    """Accuracy on these pictures in each step, with its 95 % interval."""
    mean = np.array([share["mean"] for share in shown.accuracies])
    low, high = (np.array([share[end] for share in shown.accuracies]) for end in ("low", "high"))
    figure = go.Figure(
        go.Scatter(
            x=_columns(shown), y=mean.tolist(), mode="lines+markers", showlegend=False,
            line={"color": theme.BEFORE}, marker={"size": 9},
            error_y={"type": "data", "symmetric": False, "array": (high - mean).tolist(),
                     "arrayminus": (mean - low).tolist(), "thickness": 1.5},
            customdata=np.stack([low, high], axis=1).tolist(),
            hovertemplate="%{x}: %{y:.1%} right, 95 % %{customdata[0]:.1%} to %{customdata[1]:.1%}"
                          "<extra></extra>",
        )
    )  # fmt: skip
    return theme.dress(
        figure, height=320, room={"l": 70, "r": 16, "t": 12, "b": 64},
        xaxis=_steps_axis(shown),
        yaxis={"tickformat": ".0%", "range": [0, 1.03], "title": {"text": "right answers"},
               "fixedrange": True},
    )  # fmt: skip


def _columns(shown: Journey) -> list[str]:
    return [name(shown.axis, step.value) for step in shown.steps]


def _steps_axis(shown: Journey) -> dict[str, Any]:
    return {"type": "category", "title": {"text": AXES[shown.axis]}, "fixedrange": True, "showgrid": False}


def _tiles(
    shown: Journey, shares: np.ndarray, texts: Sequence[Sequence[str]], hover: str,
    behind: np.ndarray | None = None,
) -> go.Figure:  # fmt: skip
    """Classes by steps, brighter for more."""
    figure = go.Figure()
    for tiles in tile_ink.layers(shares):
        own, tiles["textfont"]["size"] = ~np.isnan(tiles["z"]), LETTERS
        tiles["z"] = [[None if np.isnan(s) else s for s in line] for line in tiles["z"].tolist()]
        figure.add_heatmap(
            x=_columns(shown), y=list(shown.classes), text=np.where(own, np.array(texts), "").tolist(),
            texttemplate="%{text}", hovertemplate=hover,
            customdata=None if behind is None else behind.tolist(), **tiles,
        )  # fmt: skip
    room = {"l": 12 + theme.width(shown.classes, LETTERS), "r": 12, "t": 8, "b": 96}
    return theme.dress(
        figure, height=110 + ROW * len(shown.classes), room=room,
        xaxis={**_steps_axis(shown), "tickangle": -40, "tickfont": {"size": LETTERS}},
        yaxis={"autorange": "reversed", "tickfont": {"size": LETTERS}, "showgrid": False, "fixedrange": True},
    )  # fmt: skip
