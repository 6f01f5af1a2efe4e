"""How far flipped bits move what each layer gives: bars from the input to the answer."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.format import sentences

LEAST, MOST = 1e-4, 10.0  # relative changes at the ends of the axis, which is logarithmic
AXIS = "bars: 0.01 % to 10 times, logarithmic"


def height(change: float) -> float:
    """A relative change as a height in 0..1, of its logarithm; beyond the ends of the axis, the end.

    >>> height(0), height(1e-4), round(height(0.1), 3), height(math.inf)
    (0.0, 0.0, 0.6, 1.0)
    """
    if change <= LEAST:
        return 0.0
    return min(1.0, math.log(change / LEAST) / math.log(MOST / LEAST))


# Boxes and no drawing: the browser's half of the pages takes an svg out of what it is given.
BAR = f"flex:1;background:{theme.AFTER}"
ROW = "display:flex;align-items:flex-end;gap:2px;height:56px"
ENDS = "display:flex;justify-content:space-between;font-size:12px"  # the text's own colour


def sparkline(trace: Mapping[str, float], description: str) -> str:
    """The bars as a small drawing in HTML: it follows a flip at once, where a figure would take 50 ms.

    Args:
        trace: layer -> relative change, in order of computation.
        description: what it shows, for people who cannot see it.
    """
    bars = []
    for name, change in trace.items():
        tall, tooltip = (
            2 + 50 * height(change),
            f"{name.removesuffix('.weight')}: {sentences.change_of(change)}",
        )
        bars.append(f'<i title="{html.escape(tooltip)}" style="{BAR};height:{tall:.1f}px"></i>')
    ends = f'<div style="{ENDS}"><span>first layer</span><span>{AXIS}</span><span>answer</span></div>'
    row = f'<div style="{ROW}">{"".join(bars)}</div>'
    return f'<div class="trace" role="img" aria-label="{html.escape(description)}">{row}{ends}</div>'


def trace(changes: Mapping[str, float]) -> go.Figure:
    """Relative change of every layer's output, on a logarithmic axis cut at ``LEAST`` and ``MOST``."""
    names = [name.removesuffix(".weight") for name in changes]
    heights = [min(max(change, LEAST), MOST) for change in changes.values()]
    figure = go.Figure(
        go.Bar(
            x=names, y=heights, marker={"color": theme.AFTER},
            text=[sentences.change_of(change) for change in changes.values()], textposition="none",
            hovertemplate="%{x}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    ticks = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
    return theme.dress(
        figure, height=300, room={"l": 90, "r": 16, "t": 12, "b": 24 + theme.width(names, 13)},
        xaxis={"tickangle": -90, "tickfont": {"size": 13}},
        yaxis={"type": "log", "range": [-4, 1], "tickvals": ticks,
               "ticktext": ["0.01 %", "0.1 %", "1 %", "10 %", "100 %", "10 times"],
               "title": {"text": "relative change"}},
    )  # fmt: skip
