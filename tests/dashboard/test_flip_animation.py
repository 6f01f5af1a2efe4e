"""The film of the Layers page: nested maps, frames that a slider and a button play, and the page."""

import numpy as np
import pytest
import streamlit as st

from dashboard import charts
from dashboard.format import numbers, tables
from dashboard.model import flip_animation
from resq import checkpoints
from resq.cli import options, parser
from resq.core import Encoding, seeds
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.memory import faults
from resq.memory.guards import layers as guarded
from tests.pages import fine
from tests.views.test_app import NAME, figures, opened, said


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def found(small):
    return flip_animation.film(small(Encoding.parse("int8")), "deep.conv.weight", "random")


@pytest.mark.parametrize("fault", flip_animation.MODELS)
def test_every_fault_model_flips_no_fewer_bits_at_a_larger_rate_and_none_at_zero(small, fault):
    counts = flip_animation.film(small(Encoding.parse("int4-tmr2")), "conv.weight", fault).counts
    assert counts.shape == (len(flip_animation.BERS), 8)
    assert not counts[0].any()
    assert (np.diff(counts, axis=0) >= 0).all()
    assert counts[-1].sum() > 0


def test_what_is_drawn_bit_by_bit_is_what_the_counts_say(found):
    # 40 words, so all are drawn.
    assert found.memory.shape == (8, 40)
    for ber, counts in zip(flip_animation.BERS[1:], found.counts[1:], strict=True):
        assert (found.thresholds <= ber).sum(1).tolist() == counts.tolist()


def test_the_same_seed_draws_the_same_film_and_another_seed_another(small):
    model = small(Encoding.parse("int8"))
    one, same, other = (flip_animation.film(model, "conv.weight", "random", seed) for seed in (1, 1, 2))
    assert np.array_equal(one.thresholds, same.thresholds)
    assert not np.array_equal(one.thresholds, other.thresholds)


@pytest.mark.parametrize("fault", ["random", "burst-word"])
def test_the_command_beside_the_film_measures_these_very_flips(fault):
    bench = FaultyNetwork(checkpoints.load(NAME), Encoding.parse("int8"))
    shown = flip_animation.film(bench.model, "linear.weight", fault, seed=3)
    words = flip_animation.command(shown, NAME, "int8").split()
    spec = options.spec(parser().parse_args(words[3:]), n=1000)
    flips = sweep.fault_map(spec, bench, 0)
    assert [len(flips.at_rate(ber)) for ber in spec.bers[1:]] == shown.counts[1:].sum(1).tolist()
    assert spec.bers == flip_animation.BERS


def test_there_is_a_frame_and_a_step_of_the_slider_for_every_rate(found):
    drawn = charts.CHARTS["film"].draw(found)
    names = [numbers.power(ber) for ber in flip_animation.BERS]
    assert [frame.name for frame in drawn.frames] == names
    assert [step.args[0][0] for step in drawn.layout.sliders[0].steps] == names
    assert [button.label for button in drawn.layout.updatemenus[0].buttons] == ["▶ Play", "Pause"]
    assert not (np.asarray(drawn.frames[0].data[0].z) == 2).any()
    assert tuple(drawn.frames[-1].data[1].x) == tuple(found.counts[-1])
    shown = flip_animation.BERS[drawn.layout.sliders[0].active]
    assert (np.asarray(drawn.data[0].z) == 2).sum() == (found.thresholds <= shown).sum()


def test_the_table_has_a_line_per_rate_and_the_top_bit_first(found):
    table = tables.film(found.counts, flip_animation.BERS)
    assert list(table)[:2] == ["BER", "bit 7"]
    assert table["bit 0"].tolist() == found.counts[:, 0].tolist()


def test_a_link_opens_the_film_of_its_layer_and_without_it_there_is_none():
    app = opened("layers", layer="linear", film="true", draw="3")
    fine(app)
    assert "stored bits of linear are flipped" in said(app)
    assert "seed 3" in said(app)
    assert figures(app) == figures(opened("layers", layer="linear")) + 1


@pytest.mark.parametrize(
    "query", [{"film": "x", "kindof": "y", "draw": "-1"}, {"film": "true", "kindof": ""}]
)
def test_nonsense_about_the_film_falls_back(query):
    fine(opened("layers", **query))


def test_the_film_of_an_encoding_with_copies_has_a_row_for_every_stored_bit():
    app = opened("layers", enc="int4-tmr2", film="true")
    fine(app)
    assert NAME in app.selectbox(key="net").value


@pytest.mark.parametrize("name", ["int8", "int8-secded", "int8-spw"])
def test_check_bits_that_lie_elsewhere_are_no_planes_of_the_words(name):
    model = checkpoints.load(NAME).quantized(Encoding.parse(name))
    shown = flip_animation.film(model, list(model.weights)[3], "random")
    bits, flips = shown.words * shown.counts.shape[1], shown.counts[-1].sum()
    rate = flip_animation.BERS[-1]
    assert abs(flips - rate * bits) < 4 * (bits * rate * (1 - rate)) ** 0.5


GUARDED = ["int4-secded", "int4-secded0", "int8-symmetric-inplace", "int8-cep", "fp16-mset", "int8-radar8",
           "int8-x3", "int8+int4-tmr2-x3@1"]  # fmt: skip


@pytest.mark.parametrize("name", GUARDED)
def test_the_bits_that_are_drawn_are_those_that_are_stored(name):
    """Eight planes were drawn of four-bit words, and of words that hold their own checks the bits as read."""
    model = checkpoints.load(NAME).quantized(Encoding.parse(name))
    layer = list(model.weights)[1]
    q, shown = model.weights[layer], flip_animation.film(model, layer, "random")
    stored = guarded.written(q)[0][: flip_animation.SHOWN].astype(np.int64)
    assert shown.memory.tolist() == [(stored >> b & 1).tolist() for b in range(q.encoding.word_bits)]
    rate, bits = flip_animation.BERS[-1], q.words.size * q.encoding.copies * q.encoding.word_bits
    assert f"of {bits:,} stored bits of layer1.0.conv1 are flipped" in flip_animation.sentence(shown)
    assert abs(shown.counts[-1].sum() - rate * bits) < 4 * (bits * rate * (1 - rate)) ** 0.5


@pytest.mark.parametrize("name", ["int8-symmetric-inplace", "int8-cep", "int4-secded"])
@pytest.mark.parametrize(("fault", "falls"), [("stuck-at-0", 1), ("stuck-at-1", 0)])
def test_a_stuck_cell_flips_no_bit_that_is_drawn_as_what_it_is_stuck_at(name, fault, falls):
    model = checkpoints.load(NAME).quantized(Encoding.parse(name))
    shown = flip_animation.film(model, list(model.weights)[1], fault)
    struck = np.isfinite(shown.thresholds)
    assert struck.sum() > 10
    assert (shown.memory[struck] == falls).all()


@pytest.mark.parametrize(("name", "checks"), [("int4-secded", 1152), ("fp16-limits", 240), ("int8", 0)])
def test_the_sentence_counts_the_check_bits_that_are_not_drawn(name, checks):
    model = checkpoints.load(NAME).quantized(Encoding.parse(name))
    layer = list(model.weights)[1]
    shown = flip_animation.film(model, layer, "random")
    assert shown.checks == checks
    assert shown.counts[-1].sum() + shown.struck == len(
        faults.random(faults.region(model, [layer]), flip_animation.BERS[-1], rng=seeds.rng(0, "map", 0))
    )
    said = f"and {shown.struck:,} of its {checks:,} check bits, which are not drawn."
    assert (said in flip_animation.sentence(shown)) == bool(checks)
