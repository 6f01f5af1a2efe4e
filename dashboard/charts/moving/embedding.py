"""Pictures that move over a plane of features while a rate or a budget grows: one frame for each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.moving import slider
from dashboard.format import numbers
from dashboard.model.moving import regions
from dashboard.model.moving.journey import Journey, Step, classes_of, name

TELLING = 0.2  # share of answers that have changed in the frame that is shown first
HEAD = 0.16  # of the height, above the plane: what the step says of the network
LABEL = 13
BELOW = -0.13  # of the plane's height: the legend begins under the axis
RING = {"symbol": "circle-open", "size": 13, "color": theme.INK, "line": {"width": 1.5}}


def embedding(shown: Journey, chosen: int = -1) -> go.Figure:
    """The plane with its regions and pictures; the slider moves them in the browser.

    Args:
        chosen: number of a picture whose path is drawn; -1: none.
    """
    at = telling_step(shown)
    figure = go.Figure(_frame(shown, at, chosen))
    labels = [name(shown.axis, step.value) for step in shown.steps]
    figure.frames = [
        go.Frame(data=_frame(shown, i, chosen), traces=list(range(len(figure.data))), name=label)
        for i, label in enumerate(labels)
    ]
    left, right, low, high = shown.box
    over = HEAD * (high - low)
    shares = [numbers.percent(share) for share in shown.about["shares"]]
    axis = {"showgrid": False, "fixedrange": True, "showticklabels": False}
    theme.dress(
        figure, height=680, hovermode="closest",
        xaxis={**axis, "range": [left, right],
               "title": {"text": f"component 1: {shares[0]} of the variance"}},
        yaxis={**axis, "range": [low, high + over],
               "title": {"text": f"component 2: {shares[1]}"}},
    )  # fmt: skip
    return figure.update_layout(
        updatemenus=[slider.buttons()], sliders=[slider.slider(labels, at, shown.axis)],
        legend={"orientation": "h", "yanchor": "top", "y": BELOW, "x": 0, "font": {"size": LABEL}},
        margin={"t": 126},
    )  # fmt: skip


def telling_step(shown: Journey) -> int:
    """The first step in which many answers have changed; the last one where there is none."""
    first = shown.steps[0].answers
    share = [float((step.answers != first).mean()) for step in shown.steps]
    return next((i for i, changed in enumerate(share) if changed >= TELLING), len(share) - 1)


def _frame(shown: Journey, at: int, chosen: int) -> list[Any]:
    """The traces of one step, the same ones in the same order in each."""
    step = shown.steps[at]
    classes = range(len(shown.classes))
    return [
        *(_region(shown, step, own) for own in classes), _region_names(shown, step), _ways(shown, step),
        *(_pictures(shown, step, own) for own in classes), _wrong(shown, step), _path(shown, at, chosen),
        _says(shown, at),
    ]  # fmt: skip


def _region(shown: Journey, step: Step, own: int) -> go.Scatter:
    """Where the head gives a class."""
    corners = step.regions.get(own, np.empty((0, 2)))
    x, y = _closed(corners)
    return go.Scatter(
        x=x, y=y, mode="lines", fill="toself", fillcolor=theme.fade(theme.style(own)["color"], 0.13),
        line={"width": 1, "color": theme.fade(theme.INK, 0.5)}, hoverinfo="skip", showlegend=False,
        legendgroup=shown.classes[own],
    )  # fmt: skip


def _closed(corners: np.ndarray) -> tuple[list[float | None], list[float | None]]:
    if not len(corners):
        return [None], [None]
    round_ = np.concatenate([corners, corners[:1]])
    return round_[:, 0].tolist(), round_[:, 1].tolist()


def _region_names(shown: Journey, step: Step) -> go.Scatter:
    middles = np.array([regions.middle(corners) for corners in step.regions.values()]).reshape(-1, 2)
    return go.Scatter(
        x=middles[:, 0].tolist(), y=middles[:, 1].tolist(), mode="text", hoverinfo="skip", showlegend=False,
        text=[f"<i>{shown.classes[own]}</i>" for own in step.regions],
        textfont={"size": LABEL, "color": theme.INK},
    )  # fmt: skip


def _ways(shown: Journey, step: Step) -> go.Scatter:
    """A line from where each picture lay clean to where it lies."""
    pairs = np.stack([shown.steps[0].shown, step.shown, np.full_like(step.shown, np.nan)], axis=1)
    x, y = (_plain(pairs[:, :, i].reshape(-1)) for i in (0, 1))
    return go.Scatter(
        x=x, y=y, mode="lines", line={"width": 1, "color": theme.fade(theme.INK, 0.35)}, hoverinfo="skip",
        showlegend=False, connectgaps=False,
    )  # fmt: skip


def _pictures(shown: Journey, step: Step, own: int) -> go.Scatter:
    """The pictures of a class, in its colour and shape."""
    which = np.flatnonzero(shown.labels == own)
    look, answered = theme.style(own), classes_of(shown, step.answers[which])
    return go.Scatter(
        x=_plain(step.shown[which, 0]), y=_plain(step.shown[which, 1]), mode="markers",
        name=shown.classes[own], legendgroup=shown.classes[own], showlegend=bool(len(which)),
        ids=[str(i) for i in which],
        marker={"color": look["color"], "symbol": look["symbol"], "size": 8,
                "line": {"width": 0.5, "color": "white"}},
        customdata=[[int(i), word] for i, word in zip(which, answered, strict=True)],
        hovertemplate=f"picture %{{customdata[0]}}: {shown.classes[own]}, answered %{{customdata[1]}}"
                      "<extra></extra>",
    )  # fmt: skip


def _wrong(shown: Journey, step: Step) -> go.Scatter:
    """Rings around those that are answered wrongly."""
    wrong = step.shown[step.answers != shown.labels]
    return go.Scatter(
        x=_plain(wrong[:, 0]), y=_plain(wrong[:, 1]), mode="markers", name="answered wrongly", marker=RING,
        hoverinfo="skip", showlegend=True,
    )  # fmt: skip


def _path(shown: Journey, at: int, chosen: int) -> go.Scatter:
    """The way of one picture up to this step."""
    places = [step.shown[chosen] for step in shown.steps[: at + 1]] if chosen >= 0 else []
    path = np.array(places).reshape(-1, 2)
    sizes = [5] * max(0, len(path) - 1) + [16] * min(1, len(path))
    return go.Scatter(
        x=_plain(path[:, 0]), y=_plain(path[:, 1]), mode="lines+markers", name=f"picture {chosen}",
        showlegend=chosen >= 0, hoverinfo="skip", line={"width": 3, "color": theme.INK},
        marker={"size": sizes or 5, "symbol": "circle-open", "color": theme.INK, "line": {"width": 3}},
    )  # fmt: skip


def _says(shown: Journey, at: int) -> go.Scatter:
    """What the step says of the whole network, over the plane."""
    step, share = shown.steps[at], shown.accuracies[at]
    right, n = int((step.answers == shown.labels).sum()), len(shown.labels)
    away = ((step.beyond, "on the edge lie beyond it"), (step.nowhere, "are nowhere"))
    off = "".join(f" · {count} {what}" for count, what in away if count)
    maps = f"; {share['maps']} maps: {numbers.percent(share['mean'])}" if share["maps"] > 1 else ""
    strain = f"{'BER' if shown.axis == 'ber' else 'eps'} {name(shown.axis, step.value)}"
    strain = (strain if step.value else "as stored") + f" · {step.flips:,} flipped bits" * bool(step.flips)
    left, _, _, high = shown.box
    height = shown.box[3] - shown.box[2]
    return go.Scatter(
        x=[left], y=[high + HEAD * height], mode="text", hoverinfo="skip", showlegend=False,
        text=[f"<b>{right} of {n} right</b>{maps}<br>{strain}{off}"],
        textposition="bottom right", textfont={"size": theme.SIZE, "color": theme.INK}, cliponaxis=False,
    )  # fmt: skip


def _plain(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
