"""Figures as papers print them: on white, one column wide, their words inside the picture."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dashboard import charts
from dashboard.charts import theme
from dashboard.format import tables
from dashboard.report import bundle, html_report, measured, paper
from resq.core.errors import ResqError
from resq.measure.analysis import stats
from resq.measure.store import table

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figure():
    rows = table.shipped()
    same = (rows["checkpoint"] == "signs/resnet20/base") & rows["fault"].isin(["none", "random"])
    found = rows[same & (rows["axis"] == "ber") & rows["encoding"].isin(["int8", "int8-symmetric-tensor"])]
    return charts.CHARTS["ber"].draw(stats.longest_series(stats.curve(found, "ber")), {"signs": 1 / 16})


@pytest.fixture(scope="module")
def browser():
    if not html_report.browser():
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")


def test_a_png_is_one_column_wide_at_print_density_and_white_at_its_edges(figure, browser):
    picture = Image.open(io.BytesIO(paper.drawn(figure, "png"))).convert("RGB")
    assert picture.width == round(paper.COLUMN * paper.DOTS) * paper.DENSE
    pixels = np.asarray(picture)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edges == 255).all()  # nothing, a legend least of all, is cut by an edge
    assert (pixels < 128).any()


def test_an_svg_holds_the_whole_legend_in_words_and_no_font_of_the_page(figure, browser):
    root = ET.fromstring(paper.drawn(figure, "svg"))
    assert float(root.get("width")) == round(paper.COLUMN * paper.DOTS)
    words = {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}
    assert {"int8", "int8-symmetric-tensor"} <= words
    fonts = set(re.findall(r"font-family: ([^;]+);", ET.tostring(root, "unicode")))
    assert fonts
    assert all(font.replace('"', "").replace("&quot;", "").startswith("Arial") for font in fonts)


def test_a_pdf_is_one_page_of_the_figures_size(figure, browser):
    raw = paper.drawn(figure, "pdf")
    assert raw.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", raw)) == 1
    box = [float(x) for x in re.search(rb"/MediaBox\s*\[([^\]]+)\]", raw)[1].split()]
    assert box[2] == pytest.approx(paper.COLUMN * 72, abs=1.5)


def test_what_is_drawn_on_white_has_the_data_of_the_page_and_leaves_it_alone(figure):
    before = figure.to_json()
    small = paper.column(figure)
    assert figure.to_json() == before
    for own, there in zip(small.data, figure.data, strict=True):
        assert list(own.y) == list(there.y)
        assert list(own.x) == list(there.x)
    assert theme.INK not in small.to_json()


def test_without_a_browser_it_is_a_sentence(figure, monkeypatch):
    monkeypatch.setattr(html_report, "browser", lambda: "")
    with pytest.raises(ResqError, match="needs Chromium or Chrome"):
        paper.drawn(figure, "svg")


def test_an_interactive_file_needs_no_network_and_is_smaller_than_half_of_plotly(figure):
    page = bundle.page(figure)
    assert len(page) < 2_400_000
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)


def test_an_accuracy_without_faults_has_wilsons_interval_in_tables_and_reports():
    lines = pd.DataFrame({
        "checkpoint": ["a/b/c"] * 2, "encoding": ["int8"] * 2, "x": [0.0, 1e-2], "mean": [0.88, 0.5],
        "low": [0.88, 0.4], "high": [0.88, 0.6], "image_low": [0.849, 0.46], "image_high": [0.906, 0.54],
        "maps": [5, 5], "n": [500, 500], "seed": [0, 0], "map_low": [0.88, 0.41], "map_high": [0.88, 0.59],
        "least": [0.88, 0.3], "top": [0.0, 0.0], "flips": [0, 9], "weights": ["w"] * 2, "images": ["i"] * 2,
        "code": ["c"] * 2,
    })  # fmt: skip
    shown = measured.numbers(lines, "ber")
    assert list(shown["95 % low"]) == ["84.90", "40.00"]
    assert list(shown["over"]) == ["images (Wilson)", "maps and images"]
    assert list(tables.curves(lines, "ber")["95 % high"]) == [90.6, 60.0]
