"""Which dots of a curve a line may join: those of the same images and maps, next to each other.

A step between dots of other images is the images' as much as the rate's: accuracy seemed to rise with it.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme

SAME = ["n", "top", "seed", "sample", "images"]  # of maps of one seed and rate, fewer are the first ones


def segments(line: pd.DataFrame) -> list[pd.DataFrame]:
    """The dots in order, cut wherever the next one is of other images or maps."""
    if line.empty:
        return []
    own = line[[name for name in SAME if name in line]]
    changes = (own != own.shift()).any(axis=1).cumsum()
    return [part for _, part in line.groupby(changes)]


def joined(figure: go.Figure, parts: list[pd.DataFrame], i: int) -> None:
    """Solid lines through the dots of each part, where there are several parts; curve ``i``'s colour."""
    for part in parts:
        if len(part) > 1 and len(parts) > 1:
            figure.add_scatter(
                x=part["at"].tolist(), y=part["mean"].tolist(), mode="lines", hoverinfo="skip",
                line={"color": theme.style(i)["color"], "dash": theme.style(i)["dash"], "width": 3},
                showlegend=False, legendgroup=str(i),
            )  # fmt: skip


def bars(parts: list[pd.DataFrame], low: str, high: str) -> dict[str, object]:
    """Upright intervals of dots that no band reaches; {} where all have one, or none an interval."""
    alone = [len(part) == 1 for part in parts for _ in range(len(part))]
    if len(parts) < 2 or not any(alone):
        return {}
    line = pd.concat(parts)
    ends = {"array": line[high] - line["mean"], "arrayminus": line["mean"] - line[low]}
    shown = pd.Series(alone, index=line.index)
    lengths = {name: end.where(shown, 0.0).fillna(0.0).tolist() for name, end in ends.items()}
    return {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, **lengths}
