"""Words stored several times: where their copies lie, what a majority of them reads, who counts them."""

import math

import numpy as np
import pytest
import torch

from dashboard.model import bit_plane, flip_animation, layer_view
from resq import checkpoints, data
from resq.attacks import bit_search
from resq.claims import leaderboard
from resq.core import BitFlips, Encoding
from resq.measure.analysis import mixed_encoding
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sensitivity, taylor
from resq.measure.run.sweep import pixels
from resq.measure.store import table
from resq.memory import faults, flipping
from resq.memory.faults import FAULTS
from tests.claims.test_claims import maps
from tests.pages import fine
from tests.views.test_app import NAME, opened, said

THRICE = "int8+int8-x3@1"  # of the 1,000, 40 and 360 weights of ``small``, the 40 three times


def _flips(*addresses: int) -> BitFlips:
    return BitFlips(np.array(sorted(addresses), dtype=np.int64), np.zeros(len(addresses)))


def _images(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    images = data.load("signs", "test").first(n)
    return pixels(images), torch.from_numpy(images.y)


def _decoded_the_long_way(model, flips: BitFlips) -> dict[str, np.ndarray]:
    """Every copy written out bit by bit, flipped, and voted on."""
    found, memory = {}, np.zeros(model.n_bits, bool)
    memory[flips.addresses] = True
    for i, (name, q) in enumerate(model.weights.items()):
        wrong = memory[model.layout.starts[i] : model.layout.starts[i + 1]]
        stored = (q.words.reshape(-1)[:, None] >> np.arange(q.encoding.word_bits) & 1).astype(bool)
        copies = wrong.reshape(q.encoding.copies, *stored.shape) ^ stored
        read = copies.sum(0) * 2 > q.encoding.copies
        found[name] = (read << np.arange(q.encoding.word_bits)).sum(1).reshape(q.words.shape)
    return found


def test_a_layer_in_three_copies_takes_three_times_its_bits_and_moves_those_behind_it(small):
    model = small(Encoding.parse(THRICE))
    assert model.layout.words == (1000, 120, 360)
    assert model.read.words == (1000, 40, 360)
    assert model.n_bits == 8 * (1000 + 120 + 360)
    assert Encoding.parse(THRICE).memory([1000, 40, 360]) == pytest.approx(model.n_bits / 1400)


def test_two_of_three_copies_decide_and_one_does_not(small):
    model = small(Encoding.parse(THRICE))
    first, copy = model.layout.address("deep.conv.weight", 7, 5), 40 * 8
    assert not flipping.by_layer(model, _flips(first))
    assert not flipping.by_layer(
        model, _flips(first, first + copy + 1)
    )  # two bits of two copies are not two votes
    for pair in ((0, 1), (0, 2), (1, 2)):
        ((layer, index, mask),) = flipping.by_layer(model, _flips(*(first + k * copy for k in pair)))
        assert (layer, index.tolist(), mask.tolist()) == ("deep.conv.weight", [7], [1 << 5])


@pytest.mark.parametrize("encoding", [THRICE, "int4-tmr2+int4-tmr2-x9@0.2", "int5-x5", "int8-tmr1-x7"])
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_read_is_what_writing_out_every_copy_gives(small, name, encoding):
    model = small(Encoding.parse(encoding))
    for seed, rate in enumerate((0.01, 0.3, 0.6)):
        flips = FAULTS[name](faults.region(model), rate, rng=np.random.default_rng(seed))
        after = flipping.flip(model, flips)
        for layer, words in _decoded_the_long_way(model, flips).items():
            assert np.array_equal(after.weights[layer].words, words), (layer, rate)


def test_a_region_counts_and_finds_the_ones_of_every_copy(small):
    model = small(Encoding.parse(THRICE))
    where = faults.region(model, ["deep*"], [0, 7])
    at = where.addresses(np.arange(where.n_bits))
    once = model.weights["deep.conv.weight"].words.reshape(-1)
    bits = np.stack([once & 1, once >> 7 & 1], axis=1).reshape(-1)
    assert where.bit_values(at).tolist() == np.tile(bits, 3).astype(bool).tolist()
    assert where.ones == 3 * bits.sum()


def test_a_majority_fails_at_a_smaller_rate_first_and_stays_wrong(small):
    model = small(Encoding.parse("int8-x5"))
    flips = FAULTS["random"](faults.region(model), 0.5, rng=np.random.default_rng(0))
    before: set[int] = set()
    for rate in (0.1, 0.2, 0.3, 0.5):
        wrong = set(flipping.misread(model, flips.at_rate(rate)).tolist())
        assert before < wrong
        before = wrong


def test_the_smallest_layer_takes_its_share_of_flips_and_reads_none_of_them(small):
    """Under the sampler that picks a layer first, which is what copies of small layers are for."""
    alone, nine = (small(Encoding.parse(name)) for name in ("int8", "int8+int8-x9@1"))
    wrong = []
    for model in (alone, nine):
        drawn = [FAULTS["layer-uniform"](faults.region(model), 1e-2, rng=np.random.default_rng(s))
                 for s in range(50)]  # fmt: skip
        starts = model.read.starts
        wrong.append(sum(np.histogram(flipping.misread(model, f), starts)[0] for f in drawn))
    assert wrong[0][1] > 1000
    assert wrong[1][1] < 0.02 * wrong[0][1]


def test_a_single_flip_in_a_copied_layer_costs_nothing_in_both_heatmaps():
    checkpoint = checkpoints.load(NAME)
    bench = FaultyNetwork(checkpoint, Encoding.parse("int8+int8-x3@0"))
    x, y = _images(48)
    first, second = checkpoint.weights[:2]
    rows = [
        *taylor.estimate(bench, x, y),
        *sensitivity.measured(bench, x, y, maps=1, layers=[first, second], planes=[7]),
    ]
    change = {(row["kind"], row["layer"]): row["change"] for row in rows if row["bit"] == 7}
    assert change["instant", first] == change["measured", first] == 0
    assert change["instant", second] > 0
    assert change["measured", second] > 0


def test_the_attacker_leaves_a_layer_alone_whose_copies_outvote_him():
    bench = FaultyNetwork(checkpoints.load(NAME), Encoding.parse("int8+int8-x3@0-18"))
    steps = list(bit_search.search(bench, *_images(8), 3))
    assert steps
    assert {step.layer for step in steps} == {bench.model.read.layers[19]}


def test_a_film_counts_the_bits_of_all_copies_and_draws_the_first(small):
    one, three = (
        flip_animation.film(small(Encoding.parse(e)), "deep.conv.weight", "random") for e in ("int8", THRICE)
    )
    assert (one.words, three.words) == (40, 120)
    assert np.array_equal(one.memory, three.memory)
    assert one.thresholds.shape == three.thresholds.shape


def test_a_plane_of_a_copied_layer_stays_as_it_is(small):
    q = small(Encoding.parse(THRICE)).weights["deep.conv.weight"]
    assert bit_plane.cell(q, 7).moved == 0


def test_the_parts_of_a_word_have_their_names_where_only_the_copies_differ():
    assert layer_view.fields("int4-tmr2+int4-tmr2-x9@0") == layer_view.fields("int4-tmr2")
    assert layer_view.fields("int8+int4-tmr2@0") != layer_view.fields("int8")


def test_the_leaderboard_counts_every_copy_and_says_nothing_where_sizes_are_unknown():
    sizes = checkpoints.sizes(NAME)
    rows = table.frame(maps(900, encoding="int8+int8-x9@0", checkpoint=NAME, data="signs"))
    bits = leaderboard.board(rows).iloc[0]["stored_bits"]
    assert bits == pytest.approx(8 * (1 + 8 * sizes[0] / sum(sizes)))
    elsewhere = maps(900, encoding="int8+int8-x9@0", checkpoint="signs/resnet20/elsewhere", data="signs")
    assert math.isnan(leaderboard.board(table.frame(elsewhere)).iloc[0]["stored_bits"])


def test_copies_are_another_memory_and_no_mixture_in_the_same():
    rows = table.frame([row for e in ("int8", "int8+int8-x9@0", "int8-x9") for row in maps(900, encoding=e)])
    assert mixed_encoding.points(rows, [10, 10], "int8").empty


def test_the_bit_lab_says_that_the_copies_outvote_a_flip():
    app = opened("bitlab", enc="int8+int8-x9@0", layer="conv1", flip="7")
    fine(app)
    assert "stored 9 times" in said(app)
    assert "the others outvote them" in said(app)
    other = opened("bitlab", enc="int8+int8-x9@0", layer="layer1.0.conv1", flip="7")
    assert "9 times" not in said(other)
