"""Colours of figures: two series differ to eyes without green cones, and words on tiles can be read."""

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plotly.colors import sample_colorscale, unlabel_rgb

from dashboard.charts import confusion, theme, tradeoff_map
from dashboard.charts.moving.steps import class_steps
from dashboard.charts.words import tile_ink
from resq.measure.analysis import tradeoff
from tests.dashboard.test_charts import attacked, deuteranope, faulty
from tests.moving.test_figures import ROWS, journey
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


LEAST = 4.5  # contrast of words on their tile (WCAG 2.2)


def tile(share: float) -> float:
    """Luminance of the tile of a share."""
    return tile_ink.luminance(unlabel_rgb(sample_colorscale("Cividis", [share])[0]))


def of_hex(colour: str) -> float:
    """Luminance of ``#rrggbb``."""
    return tile_ink.luminance([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def test_luminance_and_contrast_are_those_of_the_guidelines():
    assert tile_ink.luminance([255, 255, 255]) == pytest.approx(1)
    assert tile_ink.contrast(1.0, of_hex("#767676")) == pytest.approx(
        4.54, abs=0.01
    )  # the known limit of grey
    assert tile_ink.contrast(of_hex("#7C7B78"), 1.0) < LEAST  # white on khaki is what could not be read


def test_words_read_on_every_tile_of_the_scale():
    for share in np.linspace(0, 1, 201):
        assert tile_ink.contrast(tile(share), of_hex(tile_ink.ink(share))) >= LEAST, share


def heatmaps(figure, most: float = 1.0) -> int:
    """How many tiles with words a figure has; each is checked."""
    seen = 0
    for trace in (t for t in figure.data if t.type == "heatmap" and t.texttemplate):
        z = np.array(trace.z, float)
        for value in z[~np.isnan(z)]:
            assert tile_ink.contrast(tile(value / most), of_hex(trace.textfont.color)) >= LEAST, value
            seen += 1
    return seen


def test_every_heatmap_with_words_takes_its_ink_from_there():
    cells = tradeoff.cells(pd.concat([faulty(), attacked()]), "transfer")
    assert heatmaps(tradeoff_map.heatmap(cells)) == len(cells)
    shown = journey(ROWS, "ber")
    known = int((~np.isnan(shown.per_class)).sum())
    assert heatmaps(class_steps(shown)) == known


def test_the_words_of_changed_answers_read_on_their_tiles_too():
    counts = np.array([[10, 9, 5, 1, 0], [0, 20, 4, 0, 0], [1, 2, 30, 0, 0], [8, 8, 8, 8, 0]])
    figure = confusion.flow(counts, list("abcd"))
    tiles, words = figure.data[1], figure.data[2]
    z, seen = np.array(tiles.z, float), 0
    for x, y, colour in zip(words.x, words.y, words.textfont.color, strict=True):
        if np.isnan(z[y, x]):
            assert colour == theme.INK  # which the page's style sheet makes dark on light, light on dark
            continue
        seen += 1
        assert tile_ink.contrast(tile(z[y, x] / tiles.zmax), of_hex(colour)) >= LEAST
    assert seen == 9
