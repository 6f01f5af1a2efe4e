"""What protecting some layers is worth, or storing them several times: figures, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import curves, theme
from dashboard.format import numbers
from resq.core import Encoding, commands
from resq.measure.analysis import drawn_images, mixed_encoding

# The sentence is about the largest rate at which all layers protected keep this share of the clean accuracy,
KEPT = 0.9
# and names the smallest set of layers that reaches this share of what protecting all of them gains.
CLOSED = 0.9


def protected(points: pd.DataFrame, chance_level: float) -> go.Figure:
    """Accuracy over the share of weights in protected words, one line per BER.

    Args:
        points: lines of ``mixed_encoding.points``.
        chance_level: accuracy of guessing.
    """
    figure = go.Figure()
    for i, (_, line) in enumerate(points[points["ber"] > 0].groupby("ber")):
        style, name = theme.style(i), f"BER {numbers.power(line['ber'].iloc[0])}"
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
    guess = theme.line(theme.INK, y=chance_level, dash="dash", width=1.5)
    return theme.dress(figure, height=380, room=room, shapes=[guess], hovermode="closest", **named)


def _share(share: float) -> str:
    return "none" if share == 0 else "all" if share == 1 else numbers.percent(share, 0 if share > 0.05 else 1)


def _hover(point: dict[Any, Any]) -> str:
    """All that makes one dot checkable."""
    span = f"{numbers.percent(point['low'])} to {numbers.percent(point['high'])}"
    inside = f"{point['layers']} of {point['of']} layers, {numbers.percent(point['share'])} of the weights"
    return (
        f"<b>{numbers.percent(point['mean'])}</b> at BER "
        f"{numbers.power(point['ber'])}<br>{point['encoding']}<br>"
        f"protected: {inside}<br>"
        f"95 % over {point['maps']} maps and {point['n']} images{drawn_images.note(point['sample'])}: "
        f"{span}<br>seed {point['seed']}, "
        f"weights {point['weights'][:8]}"
    )


def _with_interval(point: pd.Series) -> str:
    """An accuracy with its interval over maps and images."""
    return f"{numbers.percent(point['mean'])} ({100 * point['low']:.1f} to {100 * point['high']:.1f})"


def _rests(point: pd.Series) -> str:
    """On what the figures of a sentence rest, and what their brackets are."""
    return (
        f"In brackets: 95 % over {point['maps']} fault maps (seed {point['seed']}) and "
        f"{drawn_images.described(*point[['sample', 'n', 'data', 'images']])}"
    )


def protected_says(points: pd.DataFrame) -> str:
    """What the figure shows at the largest rate that a wholly protected network stands."""
    first, last = points["encoding"].iloc[0], points["encoding"].iloc[-1]
    at = points[points["ber"] == _telling_rate(points)].set_index("encoding")
    none, whole = at.loc[first], at.loc[last]
    wanted = none["mean"] + CLOSED * (whole["mean"] - none["mean"])
    some = at.iloc[1:-1]
    enough = some[some["mean"] >= wanted]
    chosen = enough.iloc[0] if len(enough) else some.iloc[-1]
    mixture, share = Encoding.parse(str(chosen.name)), numbers.percent(chosen["share"])
    return (
        "Bits flip independently (sampler random). "
        f"At BER {numbers.power(float(chosen['ber']))} all layers as {mixture.base} leave "
        f"{_with_interval(none)} right, all as {mixture.other} {_with_interval(whole)}. With "
        f"{mixture.other} for {chosen['layers']} of {chosen['of']} layers, {share} of the weights, "
        f"it is {_with_interval(chosen)}, in the same memory. {_rests(chosen)}, "
        "the maps common to all; differences are not told here."
    )


def copies(lines: pd.DataFrame, chance_level: float) -> go.Figure:
    """Accuracy over BER, one line per set of layers that is stored several times.

    Args:
        lines: of ``mixed_encoding.copies``.
        chance_level: accuracy of guessing.
    """
    names = {line["encoding"]: _times(line) for line in lines.to_dict("records")}
    named = lines.assign(encoding=lines["encoding"].map(names))
    return curves.accuracy_vs_ber(named, {str(lines["data"].iloc[0]): chance_level})


def _times(line: dict[Any, Any]) -> str:
    """The name of a set of layers in a legend."""
    bits = f"{line['memory']:.2f}".rstrip("0").rstrip(".")
    if not line["layers"]:
        return f"every word once · {bits} bits"
    return f"{line['layers']} of {line['of']} layers {_copies(line['encoding'])} times · {bits} bits"


def _copies(encoding: str) -> int:
    other = Encoding.parse(encoding).other
    return other.copies if other else 1


def copies_says(lines: pd.DataFrame, names: Sequence[str], sizes: Sequence[int]) -> str:
    """What the figure shows at the rate where the fewest copies gain most.

    Args:
        names, sizes: of all layers, in network order.
    """
    once, few = (lines[lines["encoding"] == name].set_index("ber") for name in lines["encoding"].unique()[:2])
    rate = float((few["mean"] - once["mean"]).idxmax())
    before, after = once.loc[rate], few.loc[rate]
    hit, small, large = (
        mixed_encoding.flip_rate_per_layer(sizes, rate),
        int(np.argmin(sizes)),
        int(np.argmax(sizes)),
    )
    more = after["memory"] / before["memory"] - 1
    return (
        f"A sampler that picks a layer first, then a bit in it, hits small layers hardest: at BER "
        f"{numbers.power(rate)} it flips {numbers.percent(hit[small])} of the bits of {_short(names[small])} "
        f"({sizes[small]:,} weights), {numbers.percent(hit[large])} of {_short(names[large])} "
        f"({sizes[large]:,}). With every word stored once {_with_interval(before)} are right; with "
        f"{after['layers']} of {after['of']} layers, {numbers.percent(after['share'], 2)} of the weights, "
        f"stored {_copies(str(after['encoding']))} times and read by majority "
        f"{_with_interval(after)}, in {numbers.percent(more)} more memory. {_rests(after)}."
    )


def _short(layer: str) -> str:
    return layer.removesuffix(".weight")


def measuring(net: str, points: pd.DataFrame, fault: str = "random") -> list[str]:
    """What measures the figure's points in a terminal, one command per encoding."""
    first = points.iloc[0]
    how = ["--ber", commands.listed(sorted(set(points["ber"]))), "--maps", str(points["maps"].max())]
    how += ["--n", str(first["n"]), "--seed", str(first["seed"])]
    how += ["--fault", fault] if fault != "random" else []
    drawn = float(points["top"].max()) if "top" in points else 0.0
    how += ["--top", repr(drawn)] if drawn > max(points["ber"]) else []
    names = dict.fromkeys(points["encoding"])
    return [commands.line(["sweep", net, "--encoding", name, *how]) for name in names]


def _telling_rate(points: pd.DataFrame) -> float:
    """The largest rate at which all layers protected keep KEPT of their clean accuracy, or the least rate."""
    whole = points[points["encoding"] == points["encoding"].iloc[-1]].set_index("ber")["mean"]
    faulty = whole[whole.index > 0]
    resisting = faulty[faulty >= KEPT * whole.get(0.0, 1.0)]
    return float(resisting.index.max() if len(resisting) else faulty.index.min())
