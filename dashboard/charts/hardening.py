"""Pictures of the Harden page: how training goes, and what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.format import numbers
from dashboard.model import hardening_run

LINES = (("loss", "loss", theme.GREY, "y2"), ("accuracy", "on its training images", theme.BLUE, "y"),
         ("valid", "on validation images", theme.VERMILLION, "y"))  # fmt: skip
BARS = (("clean", "clean", theme.BLUE, ""), ("faulty", "under faults", theme.VERMILLION, "/"),
        ("attacked", "under attack", theme.GREEN, "x"))  # fmt: skip


def training(rows: Sequence[dict[str, Any]], total: int) -> go.Figure:
    """Loss and accuracies over the epochs of all stages.

    Args:
        rows: one per epoch with stage, epoch and what was measured.
        total: epochs of the whole run, the width of the figure.
    """
    figure = go.Figure()
    for i, (key, name, colour, axis) in enumerate(LINES):
        points = [(k + 1, row[key], row["stage"]) for k, row in enumerate(rows) if row.get(key) is not None]
        style = theme.style(i)
        figure.add_scatter(
            x=[p[0] for p in points], y=[p[1] for p in points], text=[p[2] for p in points],
            name=name, yaxis=axis,
            mode="lines+markers", line={"color": colour, "dash": style["dash"], "width": 3},
            marker={"symbol": style["symbol"], "size": 9, "color": colour},
            hovertemplate="%{text}, epoch %{x} of the run: %{y:.4g}<extra>" + name + "</extra>",
        )  # fmt: skip
    names = [row["stage"] for row in rows]
    for k in range(1, len(rows)):
        if names[k] != names[k - 1]:
            figure.add_vline(x=k + 0.5, line={"color": theme.GRID, "dash": "dot", "width": 2})
    theme.dress(figure, height=340, room={"l": 84, "r": 60, "t": 40, "b": 62})
    figure.update_xaxes(title_text="epoch of the whole run", range=[0.5, total + 0.5])
    figure.update_yaxes(title_text="accuracy", tickformat=".0%", range=[0, 1.03])
    lettering = {"font": {"size": theme.SIZE, "color": theme.INK}}
    loss = {"overlaying": "y", "side": "right", "title": {"text": "loss", **lettering}, "rangemode": "tozero"}
    figure.update_layout(
        yaxis2={**loss, "tickfont": lettering["font"], "showgrid": False, "tickmode": "auto"}
    )
    return figure.update_layout(showlegend=True)


def _noise(looks: Sequence[dict[str, Any]], key: str) -> dict[str, Any]:
    """Bars of the 95 % intervals, over images and, under faults, over maps."""
    spans = [(look[key], *hardening_run.interval(look, key)) for look in looks]
    up, down = [high - v for v, _, high in spans], [v - low for v, low, _ in spans]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": theme.INK,
            "thickness": 2, "width": 5}  # fmt: skip


def before_after(looks: Sequence[dict[str, Any]]) -> go.Figure:
    """Three bars per point in time: clean, under faults, under attack.

    Args:
        looks: of ``hardening_run.looks``.
    """
    figure = go.Figure()
    names = [
        look["after"] if i == 0 else f"after {look['after']}".replace("_", "-")
        for i, look in enumerate(looks)
    ]
    for key, name, colour, shape in BARS:
        values = [look[key] for look in looks]
        figure.add_bar(
            x=names,
            y=values,
            name=name,
            text=[numbers.percent(v, 0) for v in values],
            textposition="inside",
            insidetextanchor="start",
            error_y=_noise(looks, key),
            marker={
                "color": colour,
                "pattern": {"shape": shape, "fgcolor": "white", "solidity": 0.3, "fillmode": "overlay"},
            },
            customdata=[_hover(look) for look in looks],
            hovertemplate="%{x}, " + name + ": %{y:.2%}<br>%{customdata}<extra></extra>",
        )
    theme.dress(figure, height=380)
    figure.update_yaxes(title_text="accuracy", tickformat=".0%", range=[0, 1.12])
    return figure.update_layout(barmode="group", showlegend=True)


def _hover(look: dict[str, Any]) -> str:
    return (
        f"stored as {look['encoding']}, {look['bits']} bits a weight<br>"
        f"n = {look['n']} validation images; BER {numbers.power(look['rate'])}, {look['maps']} maps; "
        f"{hardening_run.attack(look)} on {look['n_attacked']}; seed {look['seed']}"
    )
