"""What a report shows of its rows: curves with their conditions, and their numbers. Knows no streamlit."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import charts
from dashboard.charts import theme
from dashboard.format import encodings, sentences
from dashboard.report import bundle
from resq import data
from resq.measure.analysis import stats, stopping_rule

SHARED = {
    "ber": ["data", "fault", "region", "n", "seed"],
    "eps": ["data", "attack", "steps", "restarts", "n", "seed"],
}


def figures(rows: pd.DataFrame, half: float = 0.0) -> Iterator[tuple[str, str, go.Figure, pd.DataFrame]]:
    """(name, under which conditions, figure, its curves), one for all series that share their conditions.

    Args:
        half: at which half-width a rule stopped the maps; their intervals are then the rule's. 0: none did.
    """
    chance = {name: 1 / len(s.classes) for name, s in data.DATASETS.items()}
    for name, shared in SHARED.items():
        curves = stats.curve(rows, name)
        if half and name == "ber":
            curves = stopping_rule.of_rule(curves, rows)
        if curves.empty:
            continue
        for _, each in curves.groupby(shared, sort=False):
            part = stats.longest_series(each)  # maps drawn at several rates are several cells of a point
            own = {d: chance[d] for d in part["data"].unique() if d in chance}
            yield name, sentences.provenance(part, "Conditions"), charts.CHARTS[name].draw(part, own), part


def shown(name: str, where: str, drawn: go.Figure, curves: pd.DataFrame) -> dict[str, object]:
    """What the template shows of a figure."""
    chart = charts.CHARTS[name]
    return {"title": chart.title, "caption": chart.caption, "where": where, "picture": picture(drawn),
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
