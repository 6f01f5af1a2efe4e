"""Words on coloured tiles, of every heatmap: black or white, at a contrast of at least 4.5 (WCAG 2.2)."""

import numpy as np
import pandas as pd
import pytest
from plotly.colors import sample_colorscale, unlabel_rgb

from dashboard.charts import confusion, theme, tradeoff_map
from dashboard.charts.moving.steps import class_steps
from dashboard.charts.words import tile_ink
from resq.measure.analysis import tradeoff
from tests.dashboard.test_charts import attacked, faulty
from tests.moving.test_figures import ROWS, journey

LEAST = 4.5


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
