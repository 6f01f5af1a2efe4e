"""By how much pictures are moved. Arrays in, figures out."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme


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
