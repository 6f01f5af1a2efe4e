"""Pictures of the Bit lab: one answer and one layer, before and after. Arrays in, figures out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.plain.figure import PlainFigure
from dashboard.format import numbers

GAP = "\u00a0\u00a0"  # plotly trims ordinary blanks at the start of a label


def probabilities(
    classes: Sequence[str],
    before: np.ndarray,
    after: np.ndarray | None = None,
    label: int = -1,
    most: int = 16,
) -> go.Figure:
    """How sure the network is of each class, before and after the flips.

    Args: as of ``answer_bars``, which is what a page sends.
    """
    return answer_bars(classes, before, after, label, most).whole()


def answer_bars(
    classes: Sequence[str],
    before: np.ndarray,
    after: np.ndarray | None = None,
    label: int = -1,
    most: int = 16,
) -> PlainFigure:
    """The same, not checked.

    Args:
        before, after: float (classes,) that sum to 1; NaN where the network gives no answer.
        label: what the picture shows, written bold.
        most: with more classes than this, only the likeliest ten.
    """
    shown = np.arange(len(classes))
    if len(classes) > most:
        top = np.fmax(before, before if after is None else np.nan_to_num(after))
        shown = np.sort(np.argsort(-top, kind="stable")[:10])
    names = [f"<b>{classes[i]}</b>" if i == label else classes[i] for i in shown.tolist()]
    traces = [_bars(names, before[shown], "as stored", theme.BEFORE, "")]
    if after is not None:
        traces.append(_bars(names, after[shown], "with the flips", theme.AFTER, "/"))
    labels, room = _labels(names, before[shown], None if after is None else after[shown])
    return theme.dressed(
        [*traces, labels], height=64 + 19 * len(shown), room=_room(names, room), barmode="group", bargap=0.22,
        bargroupgap=0.0, showlegend=after is not None,
        yaxis={"autorange": "reversed", "showgrid": False, "tickfont": {"size": 14}, "fixedrange": True,
               "dtick": 1},
        # Upright: on a projector three words under so narrow an axis would be turned, and cut.
        xaxis={"range": [0, 1], "tickvals": [0, 0.5, 1], "ticktext": ["0%", "", "100%"], "tickangle": 0,
               "fixedrange": True},
    )  # fmt: skip


def _room(names: Sequence[str], labels: float) -> dict[str, float]:
    """The classes at the left, the shares below, the legend above; right the words behind a bar."""
    return {
        "l": 12 + theme.width([name.removeprefix("<b>").removesuffix("</b>") for name in names], 14),
        "r": 16 + labels,
        "t": 34,
        "b": 30,
    }


def _bars(names: list[str], values: np.ndarray, name: str, colour: str, shape: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "y": names,
        "x": np.nan_to_num(values).tolist(),
        "orientation": "h",
        "name": name,
        "marker": {
            "color": colour,
            "line": {"color": colour, "width": 1},
            "pattern": {
                "shape": shape,
                "fgcolor": "white",
                "fillmode": "overlay",
                "size": 7,
                "solidity": 0.3,
            },
        },
        "hovertemplate": "%{y}: %{x:.2%}<extra>" + name + "</extra>",
    }


def _labels(names: list[str], before: np.ndarray, after: np.ndarray | None) -> tuple[dict[str, Any], float]:
    """One label behind the longer bar of each class that matters; two would overlap. The longest's pixels."""
    then = before if after is None else after
    longer = np.nan_to_num(np.fmax(before, then))
    texts = [
        (
            ""
            if long < 0.02
            else f"{GAP}{_tenths(b)} %"
            if after is None
            else f"{GAP}{_tenths(b)} → {_tenths(a)} %"
        )
        for b, a, long in zip(before, then, longer, strict=True)
    ]
    labels = {
        "type": "scatter",
        "x": longer.tolist(),
        "y": names,
        "mode": "text",
        "text": texts,
        "textposition": "middle right",
        "textfont": {"size": 14, "color": theme.INK},
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return labels, theme.width([text.replace(" ", "") for text in texts], 16)


def _tenths(share: float) -> str:
    """Percent with one digit, as the verdict says them; never 100 or 0 for what is not."""
    if np.isnan(share):
        return "?"
    written = numbers.percent(share).removesuffix(f"{numbers.THIN}%")
    return written.replace("over ", ">").replace("under ", "<")


def weight_histogram(
    edges: np.ndarray, counts: np.ndarray, before: float, after: float, faulty: np.ndarray | None = None
) -> go.Figure:
    """Where one weight lies among those of its layer, before and after.

    Args: as of ``weight_marks``, which is what a page sends.
    """
    return weight_marks(edges, counts, before, after, faulty).whole()


def weight_marks(
    edges: np.ndarray, counts: np.ndarray, before: float, after: float, faulty: np.ndarray | None = None
) -> PlainFigure:
    """The same, not checked.

    Args:
        edges, counts: of the layer as stored, (bins + 1,) and (bins,).
        faulty: counts of the layer with a share of a bit plane flipped, in the same bins.
    """
    middle, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": middle.tolist(),
            "y": counts.tolist(),
            "width": width,
            "name": "the layer's weights",
            "marker": {"color": theme.fade(theme.GREY, 0.55)},
            "hovertemplate": "around %{x:.3g}: %{y} weights<extra></extra>",
        }
    ]
    if faulty is not None:
        traces.append(
            {
                "type": "scatter",
                "x": middle.tolist(),
                "y": [float(n) if n > 0 else None for n in faulty],
                "mode": "lines",
                "line": {"shape": "hvh", "color": theme.AFTER, "width": 2},
                "name": "with the plane's flips",
                "hovertemplate": "around %{x:.3g}: %{y} weights<extra></extra>",
            }
        )
    left, right = float(edges[0]), float(edges[-1])
    room = (right - left) * 0.06
    marks = [_mark(before, "before", theme.BEFORE, "solid", (left, right), LINE)]
    if not _same(before, after):
        marks.append(_mark(after, "after", theme.AFTER, "dash", (left, right), 0.0))
    return theme.dressed(
        traces, height=225, room={"l": 84, "r": 16, "t": 44, "b": 58}, showlegend=False, bargap=0,
        shapes=[shape for shapes, _ in marks for shape in shapes], annotations=[label for _, label in marks],
        xaxis={"title": {"text": "weight"}, "range": [left - room, right + room], "fixedrange": True},
        yaxis={"title": {"text": "weights"}, "type": "log", "dtick": 1, "fixedrange": True},
    )  # fmt: skip


LINE = 1.25 * theme.SIZE  # pixels from one line of words to the next


def _same(a: float, b: float) -> bool:
    return a == b or (np.isnan(a) and np.isnan(b))


def _mark(
    value: float,
    word: str,
    colour: str,
    dash: str,
    span: tuple[float, float],
    above: float,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A line at the value and its words; only words with an arrow at the edge where it lies far outside."""
    inside = span[0] <= value <= span[1]
    at = float(np.clip(np.nan_to_num(value, nan=span[1]), *span))
    shapes = [theme.line(colour, x=at, dash=dash, width=3)] if inside else []
    arrow = "" if inside else (" →" if at == span[1] else "← ")
    text = f"{word} {numbers.number(value)}"
    place = (at - span[0]) / (span[1] - span[0])
    label = {
        "x": at,
        "y": 1.0,
        "yshift": above,  # in pixels, so that it lies in the room above the axes however high the figure is
        "yref": "paper",
        "yanchor": "bottom",
        "text": f"<b>{text}{arrow}</b>" if arrow != "← " else f"<b>← {text}</b>",
        "showarrow": False,
        "xanchor": "left" if place < 0.2 else "right" if place > 0.8 else "center",
        "font": {"size": theme.SIZE, "color": colour},
    }
    return shapes, label
