"""The plane of protections: what is kept of the accuracy against stored bits, one picture for three rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.format import numbers
from resq.measure.analysis import drawn_images
from resq.protect.timing.times import IMAGES

ROOM = {"l": 66, "r": 16, "t": 44, "b": 62}
TICKS = (4, 6, 8, 10, 13, 16, 24, 32, 40, 72)


def protection(
    points: pd.DataFrame, rates: Sequence[float], keep: float, most: float, chosen: str = ""
) -> go.Figure:
    """Share of the accuracy kept over bits a weight, dots with intervals, one colour per rate.

    Args:
        points: of ``model.protection.points``, with ``front``, bool: whether nothing beats the point.
        rates: those that are drawn.
        keep: the share that is asked for, a dashed line; ``most``: the budget of bits, a dotted one.
        chosen: the encoding that is ringed.
    """
    figure = go.Figure()
    for i, rate in enumerate(rates):
        at = points[points["ber"] == rate].sort_values("bits")
        style, best = theme.style(i), at[at["front"]]
        figure.add_scatter(
            x=best["bits"], y=best["kept"], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": style["color"], "dash": style["dash"], "width": 2, "shape": "hv"},
        )  # fmt: skip
        figure.add_scatter(
            x=at["bits"], y=at["kept"], mode="markers", name=f"BER {numbers.power(rate)}",
            marker={"color": style["color"], "symbol": style["symbol"], "size": 9},
            error_y={"array": at["kept_high"] - at["kept"], "arrayminus": at["kept"] - at["kept_low"],
                     "color": theme.fade(style["color"], 0.5), "width": 0},
            text=[_hover(line) for line in at.to_dict("records")], hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
        ring = at[at["encoding"] == chosen]
        figure.add_scatter(
            x=ring["bits"], y=ring["kept"], mode="markers", hoverinfo="skip", showlegend=False,
            marker={"symbol": "circle-open", "size": 19, "color": theme.INK, "line": {"width": 2.5}},
        )  # fmt: skip
    return theme.dress(figure, 440, ROOM, showlegend=True, hovermode="closest", **_axes(points, keep, most))


def _axes(points: pd.DataFrame, keep: float, most: float) -> dict[str, Any]:
    low, high = float(points["bits"].min()), float(points["bits"].max())
    ticks = [t for t in TICKS if low / 1.05 <= t <= high * 1.05]
    lines = [theme.line(theme.INK, y=keep, dash="dash", width=1.5)]
    if low <= most <= high:
        lines.append(theme.line(theme.INK, x=most, dash="dot", width=2))
    return {
        "shapes": lines,
        "xaxis": {"type": "log", "title": {"text": "stored bits a weight, log scale"}, "tickvals": ticks,
                  "ticktext": [f"{t}" for t in ticks],
                  "range": [np.log10(low) - 0.04, np.log10(high) + 0.04]},
        "yaxis": {"title": {"text": "accuracy kept"}, "range": [-0.03, 1.05], "tickformat": ".0%"},
    }  # fmt: skip


def _hover(line: dict[Any, Any]) -> str:
    """All that makes one dot checkable."""
    return (
        f"<b>{line['encoding']}</b><br>{numbers.percent(line['kept'])} kept at BER "
        f"{numbers.power(line['ber'])}, {line['bits']:.2f} bits a weight{_time(line)}<br>accuracy "
        f"{numbers.percent(line['mean'])}, 95 % over {line['maps']} maps and {line['n']} images"
        f"{drawn_images.note(line['sample'])}: "
        f"{numbers.percent(line['low'])} to {numbers.percent(line['high'])}<br>seed {line['seed']}, "
        f"weights {line['weights'][:8]}"
    )


def _time(line: dict[Any, Any]) -> str:
    """What decoding was measured to cost, where it was."""
    known = {n: line.get(f"time_{n}", float("nan")) for n in IMAGES}
    text = ", ".join(f"{value:.3g} of {n}" for n, value in known.items() if value == value)
    return f"<br>time of a pass with decoding, over without: {text} images" if text else ""
