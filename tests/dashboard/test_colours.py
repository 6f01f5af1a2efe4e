"""The figures that pages really show: two series of one picture differ to eyes without green cones."""

import itertools
import json
from typing import Any

import numpy as np
import pytest

from tests.dashboard.test_charts import deuteranope
from tests.pages import fine
from tests.views.test_app import opened

VIEWS = (
    ("start", {}),
    ("bitlab", {"enc": "fp32", "flip": "30", "pixels": "4"}),
    ("bitlab", {"plane": "7", "share": "10"}),
    ("sweep", {"nets": "signs/resnet20/base"}),
    ("layers", {}),
    ("tradeoff", {}),
    ("harden", {}),
    ("replay", {}),
)


def look(trace: dict[str, Any]) -> dict[str, Any]:
    """What tells a trace from another: kind, colour, dash, marker, pattern."""
    marker, line, mode = trace.get("marker", {}), trace.get("line", {}), trace.get("mode", "")
    kind = trace["type"] + ("+fill" if trace.get("fill") else "")
    return {
        "kind": (kind, "lines" in mode, "markers" in mode, "text" in mode),
        "dash": line.get("dash", "solid") if "lines" in mode else None,
        "symbol": marker.get("symbol", "circle") if "markers" in mode else None,
        "pattern": marker.get("pattern", {}).get("shape", ""),
        "colour": line.get("color") if "lines" in mode else marker.get("color"),
    }


def alike(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Whether nothing but a colour tells them apart, and that not clearly (10 in CIELAB)."""
    if any(one[key] != two[key] for key in ("kind", "dash", "symbol", "pattern")):
        return False
    return float(np.linalg.norm(deuteranope(one["colour"]) - deuteranope(two["colour"]))) <= 10


def series(spec: str) -> list[dict[str, Any]]:
    """The traces of a figure that its legend names, with a colour of their own.

    Where a name stands beside its dot (the Trade-off's last figures), words tell the traces apart.
    """
    named = [t for t in json.loads(spec)["data"] if t.get("name") and t.get("showlegend", True)]
    named = [t for t in named if "text" not in t.get("mode", "")]
    return [t for t in named if isinstance(look(t)["colour"], str) and look(t)["colour"].startswith("#")]


def test_alike_is_what_only_a_colour_tells_apart_and_green_cones_alone_can_see():
    red, green = ({"type": "scatter", "mode": "lines", "line": {"color": c}} for c in ("#AA6600", "#808000"))
    assert alike(look(red), look(green))
    dashed = {**green, "line": {"color": "#808000", "dash": "dot"}}
    assert not alike(look(red), look(dashed))


@pytest.mark.parametrize(("page", "query"), VIEWS)
def test_two_series_of_one_figure_differ_to_eyes_without_green_cones(page, query):
    app = opened(page, **query)
    fine(app)
    found = [series(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert found, f"{page} shows no figure"
    pairs = [pair for traces in found for pair in itertools.combinations(traces, 2)]
    assert [(a["name"], b["name"]) for a, b in pairs if alike(look(a), look(b))] == []
