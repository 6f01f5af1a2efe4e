"""Figures of results, drawn by the dashboard's charts: the one place in this package that asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from resq import data
from resq.core.errors import LackingError
from resq.measure.analysis import stats, tradeoff

TITLE = 34  # pixels of the line above a picture that says what it is of


def _lacking(error: ImportError) -> LackingError:
    return LackingError(f"figures want plotly, which is not installed ({error}); pip install plotly")


def accuracy(rows: pd.DataFrame) -> Any:
    """Accuracy over the bit error rate, over the budget, and of joint rows a map of both for each mode.

    Where the rows are of several of these, the pictures stand below each other in one figure, each under a
    title that says what it is of; a map always has one, for its mode.
    """
    try:
        pictures = _pictures(rows)
    except ImportError as error:
        raise _lacking(error) from None
    alone = len(pictures) == 1 and "joint" not in set(rows["axis"])
    return next(iter(pictures.values())) if alone else _stacked(pictures)


def _pictures(rows: pd.DataFrame) -> dict[str, Any]:
    """Title -> figure: under flipped bits, under attack, under both in each mode."""
    from dashboard.charts import curves, tradeoff_map

    pictures = {}
    of_axis = {"ber": ("flipped bits", curves.accuracy_vs_ber), "eps": ("attack", curves.accuracy_vs_eps)}
    for axis, (what, draw) in of_axis.items():
        lines = stats.curve(rows, axis)
        if len(lines):
            chance = {name: 1 / len(data.source(name).classes) for name in set(lines["data"])}
            pictures[f"Accuracy under {what}"] = draw(lines, chance)
    for mode in rows.loc[rows["axis"] == "joint", "mode"].unique():
        of_mode = tradeoff_map.heatmap(tradeoff.cells(rows, str(mode)))
        pictures[f"Accuracy under both: {mode} examples"] = of_mode
    return pictures


def _stacked(pictures: Mapping[str, Any]) -> Any:
    """The pictures below each other in one figure, as high as they are, each on axes of its own."""
    layouts = [picture.layout.to_plotly_json() for picture in pictures.values()]
    whole = _frame(layouts)
    traces: list[dict[str, Any]] = []
    for number, (title, picture) in enumerate(pictures.items()):
        layout, at = layouts[number], str(number + 1) if number else ""
        whole |= _axes(layout, at, _domain(layouts, number))
        whole["shapes"] += [_moved(each, at) for each in layout.get("shapes", ())]
        whole["annotations"] += [_moved(each, at) for each in layout.get("annotations", ())]
        whole["annotations"].append(_title(title, at, layout))
        named = {trace["name"] for trace in traces if "name" in trace}
        traces += [_on_axes(trace.to_plotly_json(), at, named) for trace in picture.data]
    return type(next(iter(pictures.values())))(traces, whole)


def _frame(layouts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The layout around pictures below each other, before their axes; sizes in pixels."""
    first, last = layouts[0], layouts[-1]
    sides = {side: max(layout["margin"][side] for layout in layouts) for side in "lr"}
    return {
        **first,
        "height": sum(layout["height"] + TITLE for layout in layouts),
        "margin": {**sides, "t": first["margin"]["t"] + TITLE, "b": last["margin"]["b"]},
        "legend": {**first["legend"], "y": 1},  # it stands off by shares of the height: now too far
        "shapes": [],
        "annotations": [],
    }


def _domain(layouts: Sequence[Mapping[str, Any]], number: int) -> list[float]:
    """Where a picture stands between 0 and 1, the lower and the upper end of what is inside the margins."""
    frame = _frame(layouts)
    inner = frame["height"] - frame["margin"]["t"] - frame["margin"]["b"]
    above = sum(layout["height"] + TITLE for layout in layouts[:number]) - frame["margin"]["t"]
    top = above + TITLE + layouts[number]["margin"]["t"]
    end = above + TITLE + layouts[number]["height"] - layouts[number]["margin"]["b"]
    return [max(0.0, 1 - end / inner), min(1.0, 1 - top / inner)]


def _axes(layout: Mapping[str, Any], at: str, domain: list[float]) -> dict[str, Any]:
    """A picture's axes under the number that they have in the whole, "" of the first."""
    return {
        f"xaxis{at}": {**layout["xaxis"], "anchor": f"y{at}"},
        f"yaxis{at}": {**layout["yaxis"], "anchor": f"x{at}", "domain": domain},
    }


def _moved(part: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A shape or words of a picture, on the axes of this number."""
    refs = {f"{axis}ref": str(part.get(f"{axis}ref", axis)).replace(axis, f"{axis}{at}", 1) for axis in "xy"}
    return {**part, **refs}


def _on_axes(trace: dict[str, Any], at: str, named: set[str]) -> dict[str, Any]:
    """A trace on the axes of this number; a curve that an upper picture has is in the legend once."""
    once = {"showlegend": False} if trace.get("name") in named else {}
    return {**trace, "xaxis": f"x{at}", "yaxis": f"y{at}", **once}


def _title(text: str, at: str, layout: Mapping[str, Any]) -> dict[str, Any]:
    """A line of text above a picture, and above the room of its legend."""
    return {"text": text, "x": 0, "y": 1, "xref": f"x{at} domain", "yref": f"y{at} domain", "xanchor": "left",
            "yanchor": "bottom", "yshift": layout["margin"]["t"], "showarrow": False,
            "font": layout["xaxis"]["tickfont"]}  # fmt: skip


def heatmap(cells: pd.DataFrame) -> Any:
    """Layers by stored bits, coloured by what one flipped bit adds to the loss."""
    try:
        from dashboard.charts import layers
        from dashboard.model import layer_view
    except ImportError as error:
        raise _lacking(error) from None
    shown = layer_view.shown(cells)
    top = int(shown["bit"].max())
    encoding = str(shown["encoding"].iloc[0])
    names = [("stored word", top, 0)] if encoding == "as stored" else layer_view.fields(encoding)
    return layers.layer_heatmap(shown, layer_view.totals(shown), names)
