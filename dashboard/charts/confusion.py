"""Which class becomes which under faults: counts in, a figure and sentences out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.words import tile_ink
from dashboard.format import numbers

NOTHING = "no number"
LETTERS = 14  # pixels, of the classes' names
GREYS = [[0, theme.fade(theme.INK, 0.06)], [1, theme.fade(theme.INK, 0.2)]]  # none; answers that stayed


def flow(counts: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Answers as stored (lines) and with the flips (columns), coloured by the share of a line that changed.

    Args:
        counts: of ``flow.summed``: int (classes, classes + 1). Answers that stayed are told, not coloured.
    """
    names, n = _columns(counts, classes), len(classes)
    shares = counts[:, : len(names)] / np.maximum(counts.sum(1, keepdims=True), 1)
    stayed = np.eye(n, len(names), dtype=bool)
    changed = np.where(stayed | (counts[:, : len(names)] == 0), np.nan, shares)
    texts = [["" if not s >= 0.02 else f"{100 * s:.0f}" for s in line] for line in shares.tolist()]
    figure = go.Figure()
    figure.add_heatmap(
        z=stayed.astype(int).tolist(), colorscale=GREYS, showscale=False,
        hoverinfo="skip", xgap=2, ygap=2,
    )  # fmt: skip
    figure.add_heatmap(
        z=changed, colorscale=tile_ink.SCALE, zmin=0, zmax=_most(changed), xgap=2, ygap=2,
        hoverinfo="skip", colorbar={"title": {"text": "share of the line's answers", "side": "right"},
                                    "tickformat": ".1~%", "thickness": 16},
    )  # fmt: skip
    places = list(zip(*np.nonzero(counts[:, : len(names)]), strict=True))  # nothing is told of empty tiles
    figure.add_scatter(
        x=[int(j) for _, j in places], y=[int(i) for i, _ in places], mode="markers+text", showlegend=False,
        marker={"opacity": 0, "size": 14}, text=[texts[i][j] for i, j in places],
        textfont={"size": 13, "color": [_ink(changed, i, j) for i, j in places]},
        customdata=[[classes[i], names[j], int(counts[i, j]), float(shares[i, j])] for i, j in places],
        hovertemplate="%{customdata[0]} → %{customdata[1]}: %{customdata[2]} answers, "
                      "%{customdata[3]:.1%}<extra></extra>",
    )  # fmt: skip
    return theme.dress(
        figure, height=190 + 25 * n, room=_room(names), hoverdistance=-1, hovermode="closest",
        xaxis={**_axis(names, "answer with the flips, %"), "tickangle": -40,
               "range": [-0.5, len(names) - 0.5]},
        yaxis={**_axis(classes, "answer as stored"), "range": [n - 0.5, -0.5]},
    )  # fmt: skip


def _axis(names: Sequence[str], title: str) -> dict[str, Any]:
    return {"tickvals": list(range(len(names))), "ticktext": list(names), "tickfont": {"size": LETTERS},
            "title": {"text": title}, "showgrid": False, "fixedrange": True}  # fmt: skip


def _room(names: Sequence[str]) -> dict[str, float]:
    """The names at the left, aslant below, and the scale at the right."""
    longest = theme.width(names, LETTERS)
    return {"l": 46 + longest, "r": 112, "t": 8, "b": 62 + 0.65 * longest, "autoexpand": False}


def _columns(counts: np.ndarray, classes: Sequence[str]) -> list[str]:
    """The classes, and what is no number where there is any."""
    return [*classes, NOTHING] if counts[:, -1].any() else list(classes)


def _ink(changed: np.ndarray, i: int, j: int) -> str:
    """Text that reads on its tile; on the grey ones of answers that stayed in the page's own grey."""
    if np.isnan(changed[i, j]):
        return theme.INK
    return tile_ink.ink(float(changed[i, j]) / _most(changed))


def _most(changed: np.ndarray) -> float:
    """The share that takes the brightest colour."""
    return float(np.nanmax(changed, initial=0.02))


def changes(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Every change that was seen, the commonest first, as a table for people."""
    names, lines = [*classes, NOTHING], counts.sum(1)
    rows = [
        {"as stored": names[i], "with the flips": names[j], "answers": int(counts[i, j]),
         "of the line %": round(100 * counts[i, j] / lines[i], 2)}
        for i, j in zip(*np.nonzero(counts), strict=True) if i != j
    ]  # fmt: skip
    columns = ["as stored", "with the flips", "answers", "of the line %"]
    return pd.DataFrame(rows, columns=columns).sort_values("answers", ascending=False, kind="stable")


def finding(counts: np.ndarray, classes: Sequence[str]) -> str:
    """What the picture shows: how many answers change, the commonest change, where most of them go."""
    table, total = changes(counts, classes), int(counts.sum())
    if table.empty:
        return f"None of {total:,} answers changes."
    changed, first = int(table["answers"].sum()), table.iloc[0]
    into = table.groupby("with the flips", sort=False)["answers"].sum()
    return (
        f"{changed:,} of {total:,} answers change ({numbers.percent(changed / total)}). Most often "
        f"{first['as stored']} becomes {first['with the flips']}: "
        f"{first['of the line %']:.0f}{numbers.THIN}% "
        f"of its answers. Of all that change, {numbers.percent(into.max() / changed, 0)} become "
        f"{into.idxmax()}."
    )
