"""Pictures of a deployed file. Values in, figures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.format import filewords, numbers


def targets(counts: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """Stored bits of each kind, one bar a kind.

    Args:
        counts: kind -> ``tensors``, ``words`` and ``bits``.
    """
    shown = {filewords.KINDS[kind]: of for kind, of in counts.items() if of["bits"]}
    total = sum(of["bits"] for of in shown.values()) or 1
    most = max((of["bits"] for of in shown.values()), default=1)
    figure = go.Figure()
    figure.add_bar(
        y=list(shown), x=[of["bits"] for of in shown.values()], orientation="h", marker={"color": theme.BLUE},
        text=[f" {of['bits']:,} ({numbers.percent(of['bits'] / total)})" for of in shown.values()],
        textposition="outside", textfont={"size": theme.SIZE - 1, "color": theme.INK}, cliponaxis=False,
        hovertext=[f"{of['words']:,} words in {of['tensors']} tensors" for of in shown.values()],
        hovertemplate="%{y}: %{hovertext}<extra></extra>",
    )  # fmt: skip
    return theme.dress(
        figure, height=30 + 38 * max(1, len(shown)),
        room={"l": 16 + theme.width(shown), "r": 8, "t": 4, "b": 8},
        xaxis={"range": [0, 2.4 * most], "visible": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "showgrid": False, "fixedrange": True}, bargap=0.3, showlegend=False,
    )  # fmt: skip
