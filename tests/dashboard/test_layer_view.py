"""The Layers page's figures and sentences, from tables that can be checked with a pencil."""

import numpy as np
import pandas as pd
import pytest

from dashboard import charts
from dashboard.charts import layers as layers_charts
from dashboard.model import bit_plane, layer_view
from resq.core import Encoding
from resq.measure.analysis import layer_heatmap, stats
from resq.memory import quant
from tests.analysis.test_layer_heatmap import estimate, row

FIELDS = [("code", 1, 0)]


def rows() -> list[dict[str, object]]:
    """Two layers of two bits: three cells measured, one of them noise; all estimated."""
    measured = {("a", 1): (0.2, 0.3), ("a", 0): (-0.1, 0.1), ("b", 1): (0.02, 0.03)}
    found = [
        row(layer=layer, bit=bit, map=m, change=c)
        for (layer, bit), changes in measured.items()
        for m, c in enumerate((*changes, *changes))
    ]
    return found + [
        estimate(layer=layer, bit=bit, change=c, channels=[0.0, 2 * c], worst=[5, 1], costs=[0.5, 0.1])
        for layer, bit, c in (("a", 1, 0.03), ("a", 0, 1e-4), ("b", 1, 2e-3), ("b", 0, -1e-5))
    ]


@pytest.fixture
def found() -> layer_view.Heatmap:
    return layer_view.heatmap(layer_heatmap.frame(rows()))


def traces(figure, kind: str) -> list:
    return [t for t in figure.data if t.type == kind]


def test_the_top_bit_stands_at_the_left_and_cells_of_noise_are_dots(found):
    figure = charts.CHARTS["layers"].draw(found.cells["measured"], found.totals["measured"], FIELDS)
    heatmap = traces(figure, "heatmap")[0]
    assert list(heatmap.x) == [1, 0]
    assert figure.layout.xaxis.range[0] > figure.layout.xaxis.range[1]
    assert heatmap.z[0][0] == pytest.approx(np.log10(0.25 / 10))
    assert np.isnan(heatmap.z[0][1]), "its interval holds zero"
    dots = next(t for t in traces(figure, "scatter") if t.marker.size == 3)
    assert (list(dots.x), list(dots.y)) == ([0], [0])


def test_every_cell_can_be_clicked_and_says_what_it_is(found):
    figure = charts.CHARTS["layers"].draw(found.cells["instant"], found.totals["instant"], FIELDS)
    clicks = next(t for t in traces(figure, "scatter") if t.customdata is not None)
    assert [list(c) for c in clicks.customdata] == [["a", 1], ["a", 0], ["b", 1], ["b", 0]]
    assert clicks.marker.opacity == 0


def test_the_chosen_cell_is_outlined_on_a_figure_of_its_own(found):
    figure = charts.CHARTS["layers"].draw(found.cells["instant"], found.totals["instant"], FIELDS)
    before = figure.to_json()
    drawn = layers_charts.outlined(figure, ("b", 0)).whole()
    outline = next(s for s in drawn.layout.shapes if s.type == "rect")
    assert (outline.x0, outline.x1, outline.y0, outline.y1) == (-0.5, 0.5, 0.5, 1.5)
    other = layers_charts.outlined(figure, ("c", 0)).whole()
    assert not [s for s in other.layout.shapes if s.type == "rect"]
    assert figure.to_json() == before, "all visitors share it"


def test_a_click_names_layer_and_bit_a_bar_the_layer_alone_and_an_empty_one_nothing():
    assert layer_view.clicked_cell([{"customdata": ["conv1.weight", 7]}]) == ("conv1.weight", 7)
    assert layer_view.clicked_cell([{"customdata": ["conv1.weight"]}]) == ("conv1.weight", None)
    assert layer_view.clicked_cell([]) is layer_view.clicked_cell([{"x": 1}]) is None


def test_sixty_layers_are_drawn_and_too_many_cells_are_not_clickable():
    many = [estimate(layer=f"layer{i}", bit=b, change=1e-4) for i in range(62) for b in range(32)]
    seen = layer_view.heatmap(layer_heatmap.frame(many))
    figure = charts.CHARTS["layers"].draw(seen.cells["instant"], seen.totals["instant"], FIELDS)
    assert not [t for t in traces(figure, "scatter") if t.customdata is not None]
    assert figure.layout.height < 1200


def test_a_layers_total_sums_its_bits_at_a_bit_error_rate(found):
    # Per flipped bit 0.025 and 0 in layer a, 432 words, BER 1e-3.
    total = found.totals["measured"].set_index("layer").loc["a"]
    assert total["mean"] == pytest.approx(0.025 * 432 * 1e-3)
    cells = found.cells["measured"]
    halves = (cells["high"] - cells["mean"])[cells["layer"] == "a"] * 0.432
    assert total["half"] == pytest.approx(np.sqrt((halves**2).sum()))


def test_a_pvf_has_a_bar_per_layer_and_says_where_no_flip_changed_an_answer():
    # Of eight flips each: half of all answers change in bit 1, none in bit 0.
    shares = {1: 0.5, 0: 0.0}
    told = [row(kind="pvf", layer="a", bit=b, map=m, flips=1, change=c, linear=0.0, usual=0.0)
            for b, c in shares.items() for m in range(8)]  # fmt: skip
    seen = layer_view.heatmap(layer_heatmap.frame(told))
    bar = seen.totals["pvf"].iloc[0]
    low, high = stats.wilson(0.25, 16)
    assert (bar["mean"], bar["mean"] - bar["below"], bar["mean"] + bar["half"]) == pytest.approx(
        (0.25, low, high)
    )
    said = seen.findings["pvf"]
    assert "a, bit 1, is the most telling: one flipped bit changes 50.0" in said
    assert "In 1 of 2 cells none of 8 single flips changed an answer: there it is at most 32" in said
    figure = charts.CHARTS["layers"].draw(seen.cells["pvf"], seen.totals["pvf"], FIELDS)
    assert figure.layout.xaxis2.title.text == "all bits of the layer"


def test_a_partial_heatmap_is_drawn():
    seen = layer_view.heatmap(layer_heatmap.frame([row(layer="a", bit=1)]))
    figure = charts.CHARTS["layers"].draw(seen.cells["measured"], seen.totals["measured"], FIELDS)
    assert traces(figure, "heatmap")
    assert "nothing can be told from zero" in layer_view.finding(seen.cells["measured"])


def test_the_agreement_shows_cells_above_their_noise(found):
    figure = charts.CHARTS["agreement"].draw(found.pairs)
    dots = next(t for t in traces(figure, "scatter") if t.mode == "markers")
    assert sorted(dots.y) == pytest.approx([0.0025, 0.025])
    assert "too few" in layer_view.agreement(found.agreement)


def test_a_plane_before_and_after():
    # Codes 0 and 255 of a range 0..255: the top bit moves both by 128 steps of 1.
    q = quant.quantize(np.float32([[0, 255, 0, 255]]), Encoding.parse("int8"))
    cell = bit_plane.cell(q, 7)
    assert cell.moved == pytest.approx(128)
    assert cell.before.sum() == cell.after.sum() == 4
    assert cell.outside == 0


def test_the_worst_words_say_what_they_hold_and_what_they_become():
    q = quant.quantize(np.float32([[0, 255], [0, 255]]), Encoding.parse("int8"))
    assert bit_plane.worst(q, 7, [1, 2], [0.5, 0.25]) == [
        "255 → 127 adds about +0.5 · no. 1, channel 0",
        "0 → 128 adds about +0.25 · no. 2, channel 1",
    ]


def test_the_fields_stand_over_their_bits_the_top_one_first():
    assert layer_view.fields("int8") == [("code", 7, 0)]
    assert layer_view.fields("int8-symmetric") == [("sign", 7, 7), ("code", 6, 0)]
    assert [name for name, _, _ in layer_view.fields("int4-tmr2")] == ["copies of 2", "copies of 3", "code"]
    assert layer_view.top("fp32") == 30


def test_the_measurement_with_the_most_maps_is_shown():
    two = layer_heatmap.frame(
        [row(n=100), row(n=50, seed=1), row(n=50, seed=1, map=1), row(n=50, seed=1, map=2)]
    )
    assert set(layer_view.of(two, "signs/resnet20/base", "int8")["seed"]) == {1}
    assert layer_view.of(two, "signs/resnet20/base", "fp32").empty


def test_the_estimate_of_a_cell_names_its_words(found):
    estimate_ = bit_plane.estimated(found, "b", 1)
    assert estimate_.worst == (5, 1)
    assert "channel 1" in bit_plane.strip_says(estimate_)
    assert bit_plane.estimated(found, "b", 7) is None


def test_the_accuracy_that_a_cell_loses_has_its_interval():
    """A loss of 2.1 points of 48 images under 16 flips stood without one."""
    lost = [row(layer="a", bit=1, map=m, change=0.2, correct=c) for m, c in enumerate((90, 80, 85, 85))]
    seen = layer_view.heatmap(layer_heatmap.frame(lost))
    at = seen.at[("measured", "a", 1)]
    words = bit_plane.Cell(np.zeros(2), np.zeros(1), np.zeros(1), 0.1, 0.0)
    said = bit_plane.sentence(words, seen, "a", 1)
    low, high = (-100 * at[end] for end in ("drop_high", "drop_low"))
    assert low < -100 * at["drop"] < high
    assert f"({low:+.1f} to {high:+.1f}: 95 % over 4 maps, on the same images)".replace("-", "−") in said


def test_a_layer_whose_interval_holds_zero_is_not_called_the_most_harmful(found):
    """conv1 of a network was, at +0.0022 ± 0.0055."""
    cells = found.cells["measured"]
    wide = cells.assign(high=cells["mean"] + 1, low=cells["mean"] - 1)
    assert "At an equal bit error rate no layer is told from zero" in layer_view.finding(wide)
    assert "Most harmful at an equal bit error rate" not in layer_view.finding(wide)
    assert "Most harmful at an equal bit error rate" in layer_view.finding(cells)


def test_sentences_name_the_worst_cell_and_the_worst_layer(found):
    said = layer_view.finding(found.cells["measured"])
    assert "a, bit 1, of 3 cells (+0.025" in said
    assert isinstance(layer_view.readable(found.cells["measured"]), pd.DataFrame)
    assert "4 fault maps a cell" in layer_view.provenance(found.cells["measured"], "Stored rows")


def _stored_as(encoding: str) -> layer_view.Heatmap:
    frame = layer_heatmap.frame([one for one in rows() if one["kind"] == "measured"])
    return layer_view.heatmap(frame.assign(encoding=encoding, words=4000))


@pytest.mark.parametrize("encoding", ["int8-x3", "int8-secded", "int8-spw", "int8-radar32"])
def test_copied_and_checked_words_have_no_bar_at_a_bit_error_rate(encoding):
    """They had one, 4.2 times too high of three copies and 0 of words with a code each."""
    seen = _stored_as(encoding)
    assert seen.totals["measured"]["mean"].isna().all()
    said = seen.findings["measured"]
    assert "Most harmful per flipped bit: a, bit 1" in said
    assert "Most harmful at an equal bit error rate" not in said
    assert "No layer has a bar: copies and codes undo a flip that is alone" in said
    assert (
        f"`python -m resq sweep signs/resnet20/base --encoding {encoding} --layers a --ber 0,0.001`" in said
    )
    figure = charts.CHARTS["layers"].draw(seen.cells["measured"], seen.totals["measured"], FIELDS)
    assert not traces(figure, "bar")
    assert tuple(figure.layout.xaxis.domain) == (0, 1)
    assert "each of 10 bits flipped at once: +0.025" in seen.cells["measured"]["hover"].iloc[0]


def test_a_copied_layer_among_others_is_the_one_without_a_bar():
    seen = _stored_as("int8+int8-x3@0")
    bars = seen.totals["measured"].set_index("layer")["mean"]
    assert np.isnan(bars["a"])
    assert bars["b"] == pytest.approx(0.0025 * 4000 * 1e-3)
    said = seen.findings["measured"]
    assert "Most harmful at an equal bit error rate, of the layers with a bar: b (+0.01" in said
    assert "1 of 2 layers has no bar" in said
    hovers = seen.cells["measured"].set_index("layer")["hover"]
    assert "10 of 12,000 flipped" in hovers["a"].iloc[0]
    assert "10 of 4,000 flipped" in hovers["b"]
    figure = charts.CHARTS["layers"].draw(seen.cells["measured"], seen.totals["measured"], FIELDS)
    (bar,) = traces(figure, "bar")
    assert [np.isnan(x) for x in bar.x] == [True, False]
    assert "no bar" in bar.text[0]


def test_the_words_of_a_file_as_stored_keep_their_bars():
    assert _stored_as("as stored").totals["measured"]["mean"].notna().all()
