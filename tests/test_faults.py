"""Which bits flip: what every fault model promises, the laws of each, and the undoing of it."""

import numpy as np
import pytest
from scipy import stats

from resq.core import BitFlips, Encoding, Layout
from resq.memory import faults, quant
from resq.memory.faults import FAULTS, effective_rates, one_bit, region

LAYOUT = Layout(("conv.weight", "deep.conv.weight", "linear.weight"), (1_000, 40, 360), 8)
ENCODINGS = ["int8", "int8-symmetric-tensor", "int5-magnitude", "int4-tmr2", "int8-tmr1", "bf16", "fp32"]
every_model = pytest.mark.parametrize("name", FAULTS)


def _draw(name: str, rate: float, seed: int = 0, where=None) -> BitFlips:
    return FAULTS[name](where or region(LAYOUT), rate, rng=np.random.default_rng(seed))


def _hits(name: str, rate: float, times: int, where=None) -> np.ndarray:
    """How often each bit of LAYOUT flips in ``times`` maps."""
    drawn = np.concatenate([_draw(name, rate, seed, where).addresses for seed in range(times)])
    return np.bincount(drawn, minlength=LAYOUT.n_bits)


def _per_layer(hits: np.ndarray) -> np.ndarray:
    return np.add.reduceat(hits, LAYOUT.starts[:-1])


@every_model
@pytest.mark.parametrize("rate", [1e-4, 0.01, 0.3, 1.0])
def test_flips_are_sorted_distinct_addresses_of_the_memory(name, rate):
    for seed in range(20):
        at = _draw(name, rate, seed).addresses
        assert at.dtype == np.int64
        assert (np.diff(at) > 0).all()
        assert not len(at) or (at[0] >= 0 and at[-1] < LAYOUT.n_bits)


@every_model
def test_the_same_seed_gives_the_same_flips_and_another_seed_others(name):
    first, again, other = _draw(name, 0.01, 3), _draw(name, 0.01, 3), _draw(name, 0.01, 4)
    assert np.array_equal(first.addresses, again.addresses)
    assert np.array_equal(first.onsets, again.onsets)
    assert not np.array_equal(first.addresses, other.addresses)


@every_model
def test_rate_zero_flips_nothing(name):
    assert len(_draw(name, 0.0)) == 0


@every_model
@pytest.mark.parametrize(
    ("rate", "said"), [(2, "got 2 .2 % is written 0.02."), (-0.5, "got -0.5"), (np.nan, "nan")]
)
def test_a_rate_that_is_no_probability_is_refused_with_its_value(name, rate, said):
    with pytest.raises(ValueError, match=rf"rates must lie in \[0, 1\], {said}" if rate == rate else said):
        _draw(name, rate)


@every_model
def test_the_flips_at_a_smaller_rate_are_a_subset_and_at_its_own_rate_all_of_them(name):
    flips = _draw(name, 0.05)
    some, few = flips.at(0.02), flips.at(0.001)
    assert set(few.addresses) < set(some.addresses) < set(flips.addresses)
    assert (np.diff(some.addresses) > 0).all()
    assert np.array_equal(flips.at(0.05).addresses, flips.addresses)


@every_model
def test_a_map_cut_down_to_a_smaller_rate_has_as_many_flips_as_one_drawn_there(name):
    cut = [len(_draw(name, 0.2, seed).at(0.01)) for seed in range(400)]
    drawn = [len(_draw(name, 0.01, 1000 + seed)) for seed in range(400)]
    spread = np.sqrt((np.var(cut) + np.var(drawn)) / 400)
    assert abs(np.mean(cut) - np.mean(drawn)) <= 4 * spread
    assert 0.7 < (np.std(cut) + 1) / (np.std(drawn) + 1) < 1.4


@every_model
def test_only_chosen_layers_and_planes_are_hit_and_all_of_them_are(name):
    where = region(LAYOUT, ["deep.*", "linear.weight"], [7, 2])
    hit = np.flatnonzero(_hits(name, 0.2, 300, where))
    eligible = [a for a in range(LAYOUT.starts[1], LAYOUT.n_bits) if a % 8 in (2, 7)]
    assert hit.tolist() == eligible


@pytest.mark.parametrize(
    "chosen", [([], []), ([], [0]), (["conv*"], []), (["*conv*"], [1, 6]), (["linear*"], [7])]
)
def test_the_eligible_bits_are_numbered_in_the_order_of_their_addresses(chosen):
    where = region(LAYOUT, *chosen)
    layers, planes = where.layers, where.planes
    brute = [
        LAYOUT.address(LAYOUT.layers[i], word, plane)
        for i in layers
        for word in range(LAYOUT.words[i])
        for plane in planes
    ]
    assert where.addresses(np.arange(where.n_bits)).tolist() == brute


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((["layer9.*"],), r"no layer fits 'layer9\.\*'; known: conv.weight, deep.conv.weight, linear.weight"),
        (((), [8]), r"bit planes must lie in 0\.\.7, got 8"),
        (((), [0, -1]), r"bit planes must lie in 0\.\.7, got -1"),
    ],
)
def test_a_region_that_is_not_there_is_refused(chosen, said):
    with pytest.raises(ValueError, match=said):
        region(LAYOUT, *chosen)


@pytest.mark.parametrize("rate", [1e-3, 0.02, 0.4])
def test_the_number_of_random_flips_is_binomial(rate):
    counts = np.array([len(_draw("random", rate, seed)) for seed in range(1_000)])
    mean, variance = LAYOUT.n_bits * rate, LAYOUT.n_bits * rate * (1 - rate)
    assert abs(counts.mean() - mean) < 4 * np.sqrt(variance / 1_000)
    dispersion = ((counts - mean) ** 2).sum() / variance
    assert stats.chi2.ppf(1e-4, 1_000) < dispersion < stats.chi2.ppf(1 - 1e-4, 1_000)


@pytest.mark.parametrize("name", ["random", "count"])
def test_a_layer_is_hit_in_proportion_to_its_bits(name):
    hits = _per_layer(_hits(name, 0.01, 500))
    expected = hits.sum() * np.diff(LAYOUT.starts) / LAYOUT.n_bits
    assert stats.chisquare(hits, expected).pvalue > 1e-4


@pytest.mark.parametrize("name", ["random", "count", "layer-uniform"])
def test_every_bit_plane_is_as_likely_as_every_other(name):
    planes = _hits(name, 0.01, 500).reshape(-1, 8).sum(axis=0)
    assert stats.chisquare(planes).pvalue > 1e-4


@pytest.mark.parametrize("name", ["random", "count"])
def test_every_bit_is_as_likely_as_every_other(name):
    assert stats.chisquare(_hits(name, 0.02, 1_500)).pvalue > 1e-4


@pytest.mark.parametrize(
    ("rate", "n"), [(0.01, 112), (0.5, 5_600), (1.0, 11_200), (0.00996, 112), (1 / 11_200, 1), (1e-6, 0)]
)
def test_an_exact_count_is_exact(rate, n):
    assert [len(_draw("count", rate, seed)) for seed in range(5)] == [n] * 5


def test_an_exact_count_is_exact_at_every_smaller_rate_too():
    flips = _draw("count", 0.05)
    for rate in np.random.default_rng(0).random(200) * 0.05:
        assert abs(len(flips.at(rate)) - rate * LAYOUT.n_bits) <= 0.5


def test_layer_uniform_flips_each_layer_at_its_effective_rate():
    rate, times = 0.01, 800
    expected = effective_rates(region(LAYOUT), rate)
    trials = times * np.diff(LAYOUT.starts)
    z = (_per_layer(_hits("layer-uniform", rate, times)) - trials * expected) / np.sqrt(
        trials * expected * (1 - expected)
    )
    assert (np.abs(z) < 4).all()
    assert expected[1] > 10 * rate > 10 * expected[0]  # 40 of 1,400 weights take a third of the draws


def test_layer_uniform_is_what_drawing_layer_then_weight_then_bit_gives():
    where, rate, times = region(LAYOUT), 0.02, 400
    chance = np.random.default_rng(0)
    odd = np.zeros(LAYOUT.n_bits)
    for _ in range(times):
        # The number of draws is Poisson around rate x bits, as the closed form has it.
        layer = chance.integers(0, 3, chance.poisson(rate * LAYOUT.n_bits))
        bit = (chance.random(len(layer)) * np.diff(LAYOUT.starts)[layer]).astype(np.int64)
        odd += np.bincount(LAYOUT.starts[layer] + bit, minlength=LAYOUT.n_bits) % 2
    trials = times * np.diff(LAYOUT.starts)
    expected = effective_rates(where, rate)
    z = (_per_layer(odd) - trials * expected) / np.sqrt(trials * expected * (1 - expected))
    assert (np.abs(z) < 4).all()


def test_one_chosen_bit_is_one_address_that_flips_at_any_rate():
    flips = one_bit(LAYOUT, "linear.weight", 2, 7)
    assert flips.addresses.tolist() == [8 * 1_040 + 2 * 8 + 7]
    assert len(flips.at(0.0)) == 1
    with pytest.raises(ValueError, match=r"linear.weight has weights 0\.\.359, got 360"):
        one_bit(LAYOUT, "linear.weight", 360, 0)


def _changed_bits(before, after) -> list[int]:
    """Addresses of the bits in which two models differ, looked up one by one."""
    found = []
    for name, q in before.weights.items():
        different = q.words.reshape(-1) ^ after.weights[name].words.reshape(-1)
        for word in np.flatnonzero(different).tolist():
            mask = int(different[word])
            found += [before.layout.address(name, word, b) for b in range(32) if mask >> b & 1]
    return found


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", FAULTS)
def test_exactly_the_listed_bits_flip(small, name, encoding):
    model = small(Encoding.parse(encoding))
    flips = _draw(name, 0.02, where=region(model.layout))
    assert _changed_bits(model, quant.flip(model, flips)) == flips.addresses.tolist()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_flipping_twice_restores_every_word_bit_for_bit(small, encoding):
    model = small(Encoding.parse(encoding))
    flips = _draw("random", 0.1, where=region(model.layout))
    twice = quant.flip(quant.flip(model, flips), flips)
    for name, q in model.weights.items():
        assert twice.weights[name].words.tobytes() == q.words.tobytes()


def test_the_given_model_is_not_changed_and_untouched_layers_are_shared(small):
    model = small(Encoding(8))
    before = {name: q.words.tobytes() for name, q in model.weights.items()}
    flipped = quant.flip(model, one_bit(model.layout, "deep.conv.weight", 5, 7))
    assert {name: q.words.tobytes() for name, q in model.weights.items()} == before
    assert flipped.weights["conv.weight"] is model.weights["conv.weight"]
    assert flipped.weights["linear.weight"] is model.weights["linear.weight"]
    assert flipped.weights["deep.conv.weight"] is not model.weights["deep.conv.weight"]
    assert flipped.floats is model.floats


def test_a_fault_moves_no_scale_and_no_zero_point(small):
    model = small(Encoding(8))
    flipped = quant.flip(model, _draw("random", 0.5, where=region(model.layout)))
    for name, q in model.weights.items():
        assert flipped.weights[name].scale is q.scale
        assert flipped.weights[name].zero is q.zero


@pytest.mark.parametrize("at", [[-1], [11_200], [5, 999_999]])
def test_addresses_outside_the_memory_are_refused_with_their_span(small, at):
    flips = BitFlips(np.array(at), np.zeros(len(at)))
    with pytest.raises(ValueError, match=rf"span {at[0]}\.\.{at[-1]}, the model has bits 0\.\.11199"):
        quant.flip(small(Encoding(8)), flips)


def test_no_flips_share_every_layer(small):
    model = small(Encoding(8))
    nothing = _draw("random", 0.0, where=faults.region(model.layout))
    assert quant.flip(model, nothing).weights == model.weights
