"""What protecting some layers is worth: a figure, and what it shows in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard import theme
from resq.core import Encoding

# The sentence is about the largest rate at which all layers protected keep this share of the clean accuracy,
KEPT = 0.9
# and names the smallest set of layers that reaches this share of what protecting all of them gains.
CLOSED = 0.9


def protected(points: pd.DataFrame, chance: float) -> go.Figure:
    """Accuracy over the share of weights in protected words, one line per BER.

    Args:
        points: lines of ``apart.points``.
        chance: accuracy of guessing.
    """
    figure = go.Figure()
    for i, (_, line) in enumerate(points[points["ber"] > 0].groupby("ber")):
        style, name = theme.style(i), f"BER {theme.power(line['ber'].iloc[0])}"
        figure.add_scatter(
            x=np.sqrt(line["share"]), y=line["mean"], mode="lines+markers", name=name,
            line={"color": style["color"], "dash": style["dash"], "width": 2.5},
            marker={"color": style["color"], "symbol": style["symbol"], "size": 9},
            error_y={"array": line["high"] - line["mean"], "arrayminus": line["mean"] - line["low"],
                     "color": theme.fade(style["color"], 0.5), "width": 0},
            text=[_hover(point) for point in line.to_dict("records")], hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    sets = points.drop_duplicates("encoding")
    named: dict[str, Any] = {
        "xaxis": {"title": {"text": "share of the weights in protected words, square-root scale"},
                  "range": [-0.04, 1.04], "tickvals": np.sqrt(sets["share"]).tolist(),
                  "ticktext": [_share(share) for share in sets["share"]]},
        "yaxis": {"title": {"text": "accuracy"}, "range": [0, 1.02], "tickformat": ".0%"},
    }  # fmt: skip
    room = {"l": 66, "r": 16, "t": 44, "b": 62}
    guess = theme.line(theme.INK, y=chance, dash="dash", width=1.5)
    return theme.dress(figure, height=380, room=room, shapes=[guess], hovermode="closest", **named)


def _share(share: float) -> str:
    return "none" if share == 0 else "all" if share == 1 else theme.percent(share, 0 if share > 0.05 else 1)


def _hover(point: dict[Any, Any]) -> str:
    """All that makes one dot checkable."""
    span = f"{theme.percent(point['low'])} to {theme.percent(point['high'])}"
    inside = f"{point['layers']} of {point['of']} layers, {theme.percent(point['share'])} of the weights"
    return (
        f"<b>{theme.percent(point['mean'])}</b> at BER {theme.power(point['ber'])}<br>{point['encoding']}<br>"
        f"protected: {inside}<br>"
        f"95 % over {point['maps']} maps: {span}<br>n = {point['n']}, seed {point['seed']}, "
        f"weights {point['weights'][:8]}"
    )


def protected_says(points: pd.DataFrame) -> str:
    """What the figure shows at the largest rate that a wholly protected network stands."""
    first, last = points["encoding"].iloc[0], points["encoding"].iloc[-1]
    at = points[points["ber"] == _telling(points)].set_index("encoding")
    none, whole = at.loc[first], at.loc[last]
    wanted = none["mean"] + CLOSED * (whole["mean"] - none["mean"])
    some = at.iloc[1:-1]
    enough = some[some["mean"] >= wanted]
    chosen = enough.iloc[0] if len(enough) else some.iloc[-1]
    mixture, share = Encoding.parse(str(chosen.name)), theme.percent(chosen["share"])
    return (
        f"At BER {theme.power(float(chosen['ber']))} all layers as {mixture.base} leave "
        f"{theme.percent(none['mean'])} right, all as {mixture.other} {theme.percent(whole['mean'])}. With "
        f"{mixture.other} for {chosen['layers']} of {chosen['of']} layers, {share} of the weights, "
        f"it is {theme.percent(chosen['mean'])}, in the same memory."
    )


def commands(net: str, points: pd.DataFrame) -> list[str]:
    """What measures the figure's points in a terminal, one command per encoding."""
    rates = ",".join(f"{ber:g}" for ber in sorted(set(points["ber"])))
    first = points.iloc[0]
    how = f"--ber {rates} --maps {points['maps'].max()} --n {first['n']} --seed {first['seed']}"
    return [
        f"python -m resq sweep {net} --encoding {name} {how}" for name in dict.fromkeys(points["encoding"])
    ]


def _telling(points: pd.DataFrame) -> float:
    """The largest rate at which all layers protected keep KEPT of their clean accuracy, or the least rate."""
    whole = points[points["encoding"] == points["encoding"].iloc[-1]].set_index("ber")["mean"]
    faulty = whole[whole.index > 0]
    kept = faulty[faulty >= KEPT * whole.get(0.0, 1.0)]
    return float(kept.index.max() if len(kept) else faulty.index.min())
