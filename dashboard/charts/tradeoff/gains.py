"""Picture of the Trade-off: what each hardening gives against both threats, one pair of arrows a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.words import label_sides
from dashboard.format import asymmetry_sentences as sentences

ATTACKS, FAULTS = "change of R_A: against attacks", "change of R_F: against faults"
ROOM = {"l": 84, "r": 24, "t": 56, "b": 62}
LETTERS = {"a": "A", "f": "F"}
STEPS = 65  # points of an ellipse
EDGE = 0.07  # of the picture: between the outermost heads and its sides, where ellipses and names have room
LETTER = 0.011  # width of a letter, as a share of a picture as wide as the page


def gains(studies: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """Arrows from the network trained on clean to A and to F, with ellipses, a colour for each study.

    The shadow of an ellipse on an axis is the 95 % interval of that effect. A study of one seed has none.

    Args:
        studies: the ``arrows`` of each, as ``asymmetry.summary`` has them, by what people call it.
    """
    figure = go.Figure()
    every = [(LETTERS.get(name, name), of) for arrows in studies.values() for name, of in arrows.items()]
    heads = [(of["R_A"]["mean"], of["R_F"]["mean"]) for _, of in every]
    sides = iter(_sides([name for name, _ in every], heads))
    for number, (name, arrows) in enumerate(studies.items()):
        look = theme.style(number)
        for model, change in arrows.items():
            ends, letter = (_effect(change["R_A"]), _effect(change["R_F"])), LETTERS.get(model, model)
            _ellipse(figure, ends, change["together"], letter, look["color"])
            _arrow(figure, ends, (letter, name), look, sentences.arrow(name, model, change), next(sides))
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name=name, showlegend=True,
            line={"color": look["color"], "dash": look["dash"], "width": 3},
        )  # fmt: skip
    zero = {"zeroline": True, "zerolinecolor": theme.INK, "zerolinewidth": 1}
    return theme.dress(
        figure, 480, ROOM, showlegend=True,
        xaxis={"title": {"text": ATTACKS}, "tickformat": "+.2f", **zero},
        yaxis={"title": {"text": FAULTS}, "tickformat": "+.2f", **zero},
    )  # fmt: skip


def _sides(names: Sequence[str], heads: Sequence[tuple[float, float]]) -> list[str]:
    """On which side of each arrow's head its name stands, so that names do not overlap, nor hide an arrow.

    >>> _sides(["A", "flat", "multi"], [(0.3, -0.2), (0.01, 0.01), (0.011, 0.012)])
    ['middle right', 'bottom right', 'middle right']
    """
    if not heads:
        return []
    ends = np.vstack([np.asarray(heads, dtype=float), np.zeros(2)])
    low, room = ends.min(axis=0), np.ptp(ends, axis=0) + 1e-9
    shares = EDGE + (1 - 2 * EDGE) * (ends - low) / room
    *points, (h, v) = [(float(right), float(up)) for right, up in shares]
    return label_sides.places(points, names, [(h, v, *point) for point in points], LETTER)


def _effect(effect: Mapping[str, Any]) -> tuple[float, float]:
    """The mean of an effect and half of its interval; NaN without one."""
    high = effect["high"]
    return float(effect["mean"]), float("nan") if high is None else float(high) - float(effect["mean"])


def _ellipse(
    figure: go.Figure, ends: Sequence[tuple[float, float]], together: float | None, letter: str, colour: str
) -> None:
    """The region whose shadows are both intervals, tilted as the noise of both goes together."""
    (x, wide), (y, tall) = ends
    if together is None or not np.isfinite([wide, tall]).all():
        return
    turn = np.linspace(0, 2 * np.pi, STEPS)
    tilted = together * np.cos(turn) + np.sqrt(1 - together**2) * np.sin(turn)
    figure.add_scatter(
        x=(x + wide * np.cos(turn)).tolist(), y=(y + tall * tilted).tolist(), mode="lines", fill="toself",
        hoverinfo="skip", showlegend=False, name=f"95 % of {letter}", opacity=0.35,
        line={"color": colour, "width": 1},
    )  # fmt: skip


def _arrow(
    figure: go.Figure,
    ends: Sequence[tuple[float, float]],
    of: tuple[str, str],
    look: Mapping[str, str],
    text: str,
    side: str,
) -> None:
    """From nothing gained to the mean of both effects, with the network's letter beside its head."""
    (x, _), (y, _) = ends
    figure.add_scatter(
        x=[0, x], y=[0, y], mode="lines+markers+text", name=" of ".join(of), showlegend=False,
        text=["", of[0]],
        textposition=side, textfont={"size": theme.SIZE, "color": theme.INK}, cliponaxis=False,
        line={"color": look["color"], "dash": look["dash"], "width": 3},
        marker={"symbol": "arrow", "angleref": "previous", "size": [0, 14], "color": look["color"]},
        hovertext=["", text], hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
