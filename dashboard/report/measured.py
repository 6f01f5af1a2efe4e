"""What a report shows of its rows: curves with their conditions, and their numbers. Knows no streamlit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import charts
from dashboard.charts import theme
from dashboard.format import encodings, sentences
from dashboard.report import bundle
from resq import data
from resq.deployed import network
from resq.measure.analysis import choose, stats, stopping_rule

SHARED = {
    "ber": ["data", "fault", "region", "n", "seed", "precision", "inputs"],
    "eps": ["data", "attack", "steps", "restarts", "n", "seed", "inputs"],
    "joint": [*stats.KEYS],  # a map is of one network in one mode
}
CHART = {"ber": "ber", "eps": "eps", "joint": "surface"}
TILES = (
    "Each tile: the share of test images still right at that bit error rate and that budget at once; "
    "brighter is better. White: where it falls below 50 %. Hatched: not measured, which is not zero."
)


def figures(rows: pd.DataFrame, half: float = 0.0) -> Iterator[tuple[str, str, go.Figure, pd.DataFrame]]:
    """(name, under which conditions, figure, its curves), one for all series that share their conditions.

    Args:
        half: at which half-width a rule stopped the maps; their intervals are then the rule's. 0: none did.
    """
    for name, shared in SHARED.items():
        curves = stats.curve(rows, name)
        if half and name == "ber":
            curves = stopping_rule.of_rule(curves, rows)
        if curves.empty:
            continue
        for _, each in curves.groupby(shared, sort=False, dropna=False):
            part = stats.longest_series(each)  # maps drawn at several rates are several cells of a point
            drawn = _together(part) if name == "joint" else _curves(part, name)
            yield name, _conditions(part, name, rows), drawn, part


def _curves(part: pd.DataFrame, name: str) -> go.Figure:
    chance = {d: 1 / len(s.classes) for d, s in data.DATASETS.items() if d in set(part["data"])}
    return charts.CHARTS[name].draw(part, chance)


def _together(part: pd.DataFrame) -> go.Figure:
    """The map of a network under faults and attack at once, from lines of ``stats.curve`` over "joint"."""
    return charts.CHARTS["surface"].draw(part.rename(columns={"x": "ber"}))


def _conditions(part: pd.DataFrame, name: str, rows: pd.DataFrame) -> str:
    """Under which conditions the lines of a figure were measured; of a map also of which network.

    Args:
        rows: of the whole report: what only some of them have in common is named.
    """
    first = part.iloc[0]
    several = rows.loc[rows["axis"] == "ber", "precision"].nunique() > 1
    passes = [f"{first['precision']} passes"] if name == "ber" and several else []
    own = [*filter(None, [_inputs(part)]), *passes]
    if name != "joint":
        return sentences.provenance(part, " · ".join(["Conditions", *own]))
    source = (
        f"{first['checkpoint']} as {first['encoding']}, {first['mode']} examples, {first['fault']} faults"
    )
    return sentences.provenance(part.assign(x=part["eps"]), " · ".join([source, *own]))


def _inputs(part: pd.DataFrame) -> str:
    """What was said of the input of these lines' deployed files, the same for all; "" where none is one."""
    if not part["checkpoint"].map(network.is_file).any():
        return ""
    return f"inputs {part['inputs'].iloc[0] or 'as the file says'}"


def left_out(rows: pd.DataFrame, lines: Sequence[tuple[str, pd.DataFrame]]) -> str:
    """How many of these rows no figure shows, and why, in a sentence; empty where all are shown.

    Args:
        lines: of each figure its axis, "ber", "eps" or "joint", and its lines of ``stats.curve``.
    """
    shown_rows = pd.Series(False, index=rows.index)
    for axis, part in lines:
        at = [*stats.KEYS, *stats.AXES[axis], "top"]
        drawn = pd.MultiIndex.from_frame(part.rename(columns={"x": stats.AXES[axis][0]})[at])
        shown_rows |= pd.MultiIndex.from_frame(rows[at]).isin(drawn) & (rows["axis"] == axis)
    missing = int((~shown_rows).sum())
    if not missing:
        return ""
    return (
        f"{missing:,} of these {len(rows):,} rows are in no figure: they are of points that were measured "
        f"more than once, with maps drawn at several rates. {choose.RULE}"
    )


def shown(name: str, where: str, drawn: go.Figure, curves: pd.DataFrame) -> dict[str, object]:
    """What the template shows of a figure."""
    chart = charts.CHARTS[CHART[name]]
    title, caption = chart.title, chart.caption
    if name == "joint":
        title, caption = f"{title}: {curves['mode'].iloc[0]} examples", TILES
    if curves["inputs"].iloc[0]:
        title = f"{title}, {_inputs(curves)}"
    return {"title": title, "caption": caption, "where": where, "picture": picture(drawn),
            "numbers": numbers(curves, name)}  # fmt: skip


def picture(drawn: go.Figure) -> Markup:
    """A figure as a part of the page."""
    return Markup(bundle.division(theme.on_white(drawn)))


def numbers(curves: pd.DataFrame, name: str) -> pd.DataFrame:
    """A curve's numbers for people: percent with two digits, the interval that the figure shows.

    Where nothing is random but the images, it is Wilson's over them: also of the accuracy without faults.
    """
    still = (curves["x"] == 0) | (name == "eps")
    low, high = (curves[end].where(~still, curves[f"image_{end}"]) for end in ("low", "high"))
    shown = {
        "network": curves["checkpoint"],
        "stored as": encodings.column(curves["encoding"]),
        "eps / 255" if name == "eps" else "BER": curves["x"].map("{:g}".format),
        **({"eps / 255": curves["eps"].map("{:g}".format)} if name == "joint" else {}),
        "accuracy %": (100 * curves["mean"]).map("{:.2f}".format),
        "95 % low": (100 * low).map("{:.2f}".format),
        "95 % high": (100 * high).map("{:.2f}".format),
        "over": still.map({True: "images (Wilson)", False: "maps and images"}),
        "maps": curves["maps"],
        **({} if name == "eps" else {"maps drawn at": curves["top"].map("{:g}".format).mask(still, "")}),
        "n": curves["n"],
        "seed": curves["seed"],
        **encodings.exact(curves["encoding"]),
    }
    return pd.DataFrame(shown).replace("nan", "one map")
