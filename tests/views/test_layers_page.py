"""The Layers page without a browser: with rows, without, and with missing pieces."""

import pytest

from dashboard import cached
from dashboard.model import layer_view
from resq import checkpoints
from resq.core.errors import ResqError
from resq.measure.analysis import layer_heatmap
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.store import table
from tests.analysis.test_layer_heatmap import estimate, row
from tests.pages import fine
from tests.views.test_app import NAME, choice, commands, figures, opened, said

LAYERS = ("conv1.weight", "linear.weight")


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """A measured and an estimated heatmap of two layers of the shipped network."""
    weights = checkpoints.card(NAME)["sha256"][:16]
    cells = [(layer, bit) for layer in LAYERS for bit in range(7, -1, -1)]
    shared = {"weights": weights}
    rows = [
        row(layer=layer, bit=bit, map=m, change=2.0**bit / 1000 * (1 + m / 10), **shared)
        for layer, bit in cells for m in range(2)
    ] + [
        estimate(layer=layer, bit=bit, change=2.0**bit / 20_000, channels=[0.0] * 15 + [1e-3],
                 worst=[17, 3], costs=[1e-2, 1e-3], **shared)
        for layer, bit in cells
    ]  # fmt: skip
    frame = layer_heatmap.frame(rows)
    table.write(frame, tmp_path / "signs-resnet20-layers.parquet")
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    return frame


def link(app):
    """The address of the link to the Bit lab."""
    return next(found.proto for found in app.get("page_link"))


def test_the_page_opens_on_stored_rows_with_their_origin(stored):
    app = opened("layers")
    fine(app)
    assert figures(app) == 3  # the agreement of both when its box is opened
    text = said(app)
    for part in (
        "Most harmful per flipped bit: conv1, bit 7",
        "2 fault maps a cell",
        "seed 0",
        "rank correlation",
    ):
        assert part in text


def test_a_link_chooses_the_cell_and_the_page_leads_on_to_its_worst_word(stored):
    app = opened("layers", layer="linear", bit="5")
    fine(app)
    assert "**linear, bit 5**" in said(app)
    proto = link(app)
    assert "weight 17" in proto.label
    for part in ("layer=linear", "w=17", "flip=5", "enc=int8"):
        assert part in proto.query_string


def test_another_of_the_harmful_words_can_be_chosen(stored):
    app = opened("layers", layer="linear", bit="5")
    words = app.radio(key="worst_linear.weight_5")
    assert len(words.options) == 2
    assert "no. 3, channel" in words.options[1]
    words.set_value(1).run()
    fine(app)
    assert "w=3&" in f"{link(app).query_string}&"


def test_layer_and_bit_are_chosen_from_lists_too(stored):
    app = opened("layers")
    app.selectbox(key="layer").set_value("linear.weight").run()
    app.selectbox(key="bit").set_value(0).run()
    fine(app)
    assert "**linear, bit 0**" in said(app)


def test_the_estimate_can_be_looked_at_instead(stored):
    app = opened("layers", kind="estimated")
    fine(app)
    assert "estimated to second order" in said(app)


@pytest.mark.parametrize("query", [
    {"layer": "nope", "bit": "99", "kind": "x", "net": "a/b/c", "enc": "int99"},
    {"layer": "", "bit": "-1", "job": "../../etc"},
])  # fmt: skip
def test_nonsense_in_a_layers_link_falls_back(stored, query):
    app = opened("layers", **query)
    fine(app, "The link names the network", "no longer known here")
    assert "**conv1, bit 7**" in said(app)


def test_without_rows_weights_are_shown_and_what_to_do_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(table, "SHIPPED", tmp_path)
    app = opened("layers")
    fine(app)
    assert "Nothing is stored for signs" in said(app)
    assert "python -m resq sensitivity signs/resnet20/base" in commands(app)
    assert figures(app) == 1, "the layer's weights need no measurement"


def test_an_encoding_with_longer_words_forgets_a_bit_that_it_does_not_have(stored):
    app = opened("layers", enc="fp32", bit="30")
    app.selectbox(key="enc").set_value("int8").run()
    fine(app)
    assert app.selectbox(key="bit").value == 7


def test_rows_of_other_weights_are_called_so(stored, tmp_path):
    table.write(stored.assign(weights="f" * 16), tmp_path / "signs-resnet20-layers.parquet")
    app = opened("layers")
    assert any("other weights" in warning.value for warning in app.warning)


def test_a_broken_heatmap_file_is_a_sentence(stored, tmp_path):
    (tmp_path / "signs-resnet20-layers.parquet").write_bytes(b"nothing")
    app = opened("layers")
    fine(app, "is not a readable parquet file")
    assert "is not a readable parquet file" in said(app)


def test_without_torch_stored_heatmaps_and_weights_are_shown(stored, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "resq.measure.engine.faulty_network", None)
    app = opened("layers")
    fine(app)
    assert figures(app) == 3


def test_a_stale_measurement_in_a_layers_link_is_a_sentence(stored):
    app = opened("layers", job="0123456789ab")
    fine(app, "no longer known here")
    assert "no longer known here" in said(app)


class Running:
    """A measurement that has made some of its rows."""

    id, state, active, seconds, left, total, done = "x", "running", True, 2.0, 10.0, 32, 0.5

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self.rows = rows


def test_rows_made_here_stand_before_stored_ones(stored):
    fresh = [row(layer="conv1.weight", bit=7, map=m, change=5.0) for m in range(2)]
    found = cached.heatmap(NAME, "int8", Running(fresh))
    assert found.own == ("measured",)
    assert len(found.cells["measured"]) == 1
    assert len(found.cells["instant"]) == 16
    assert cached.heatmap(NAME, "int8").own == ()


@pytest.mark.sorry("measurements wait")
def test_both_buttons_begin_a_job_of_their_own(stored, monkeypatch):
    begun = []

    class Fake:
        def start(self, specs, visitor, speeds):
            begun.append(specs[0])
            raise ResqError("2 measurements wait")

        def get(self, key):
            return None

    monkeypatch.setattr(cached, "measurements", Fake)
    app = opened("layers")
    choice(app, "button", "estimate").click().run()
    choice(app, "button", "measure_layers").click().run()
    again = layer_view.specs(cached.heatmap(NAME, "int8").rows)
    assert begun == [again["instant"], again["measured"]]  # as they were, on the images that the page tells
    assert {spec.n for spec in begun} != {LayerSpec(NAME).n}
    assert "2 measurements wait" in said(app)


def test_the_share_of_answers_that_a_flip_changes_is_a_switch_of_the_heatmap(stored, tmp_path):
    told = stored[stored["kind"] == "measured"].assign(
        kind="pvf", flips=1, change=lambda rows: rows["bit"] / 10 + rows["map"] / 100
    )
    both = layer_heatmap.frame([*stored.to_dict("records"), *told.to_dict("records")])
    table.write(both, tmp_path / "signs-resnet20-layers.parquet")
    app = opened("layers", kind="PVF")
    fine(app)
    n = told["n"].iloc[0]
    words = f"one flipped bit changes 70.5\u202f% of the answers to {n} images (95 % over 2 single flips:"
    assert words in said(app)
    assert "2 single flips a cell" in said(app)
    app = opened("layers")
    assert "Most harmful per flipped bit" in said(app)
    assert "2 flips at once" not in said(app)


def test_the_shipped_network_has_a_heatmap_of_pvf():
    app = opened("layers", net=NAME, enc="int8", kind="PVF")
    fine(app)
    assert "single flips changed an answer" in said(app)
    assert "16 single flips a cell" in said(app)


def test_the_most_harmful_cell_is_told_with_its_interval(stored):
    assert "95 % of this cell alone, over 2 maps, " in said(opened("layers"))
