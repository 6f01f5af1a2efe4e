"""Pictures of a class: what it has predicted, and what it measures of a mystery. Counts in, figures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme

THEN, NOW = "as stored", "now"


def votes(choices: Sequence[str], counts: Sequence[int], own: str = "", right: str = "") -> go.Figure:
    """How many of a class have predicted each choice.

    Args:
        choices, counts: of equal length, in the order of the question.
        own: one's own prediction, which is named.
        right: the right choice once it is shown: its bar is green and hatched.
    """
    names = [f"<b>{choice}</b>" if choice == right else choice for choice in choices]
    notes = [" · right" * (choice == right) + " · yours" * (choice == own) for choice in choices]
    figure = go.Figure(
        go.Bar(
            y=names, x=list(counts), orientation="h", cliponaxis=False, textposition="outside",
            text=[f"{count}{note}" for count, note in zip(counts, notes, strict=True)],
            marker={"color": [theme.GREEN if choice == right else theme.BLUE for choice in choices],
                    "pattern": {"shape": ["/" if choice == right else "" for choice in choices]}},
            hovertemplate="%{y}: %{x} of " + str(sum(counts)) + "<extra></extra>",
        )
    )  # fmt: skip
    most = max(counts, default=0)
    return theme.dress(
        figure, height=90 + 46 * len(choices), bargap=0.35,
        room={"l": 20 + theme.width(choices), "r": 90, "t": 12, "b": 48},
        yaxis={"autorange": "reversed", "showgrid": False, "fixedrange": True},
        xaxis={"range": [0, max(4, 1.2 * most)], "dtick": max(1, most // 5),
               "title": {"text": "predictions"}, "fixedrange": True},
    )  # fmt: skip


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


def pixel_moves(moves: np.ndarray) -> go.Figure:
    """By how much the values of pictures are moved, shares of all values in bins of a third of 1/255.

    Args:
        moves: float (values,), in 1/255.
    """
    far = max(1.0, float(np.abs(moves).max()))
    at = np.arange(-np.ceil(far) - 0.5, np.ceil(far) + 0.51, 1 / 3)
    shares = np.histogram(moves, at)[0] / len(moves)
    figure = go.Figure(go.Bar(
        x=(at[:-1] + at[1:]) / 2, y=shares, width=1 / 3, marker={"color": theme.AFTER},
        hovertemplate="moved by %{x:.1f}/255: %{y:.1%} of the values<extra></extra>",
    ))  # fmt: skip
    return theme.dress(
        figure, height=260, room={"l": 84, "r": 16, "t": 12, "b": 58}, bargap=0,
        xaxis={"title": {"text": "moved by, 1/255"}, "fixedrange": True},
        yaxis={"title": {"text": "values"}, "tickformat": ".0%", "fixedrange": True},
    )  # fmt: skip
