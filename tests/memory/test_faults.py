"""Which bits flip: what every fault model promises, the laws of each, and the undoing of it."""

import numpy as np
import pytest
from scipy import stats

from resq.core import BitFlips, Encoding, Layout
from resq.memory import bursts, faults, flipping, protected, quant
from resq.memory.faults import FAULTS, effective_rates, one_bit, region

LAYOUT = Layout(("conv.weight", "deep.conv.weight", "linear.weight"), (1_000, 40, 360), 8)
SHAPES = {"conv.weight": (10, 4, 5, 5), "deep.conv.weight": (8, 5, 1, 1), "linear.weight": (6, 60)}
CHANCE = np.random.default_rng(8)
MODEL = quant.quantize_model(
    {name: CHANCE.normal(0.02, 0.1, shape).astype(np.float32) for name, shape in SHAPES.items()},
    tuple(SHAPES),
    Encoding(8, "symmetric", "tensor"),
)
# The stored bits of LAYOUT one by one, looked up the slow way.
STORED = np.concatenate([np.unpackbits(q.words.reshape(-1, 1), axis=1, bitorder="little").reshape(-1)
                         for q in MODEL.weights.values()]).astype(bool)  # fmt: skip
ENCODINGS = [
    "int8",
    "int8-symmetric-tensor",
    "int5-magnitude",
    "int4-tmr2",
    "int8-tmr1",
    "bf16",
    "fp32",
    "int8+int4-tmr2@1",
]
# The places in two bytes where real hammering was seen to flip, and whether a zero became a one there.
HAMMERED = {4: False, 0: True, 6: True, 7: False, 8: True, 14: True}
LOCAL = np.concatenate([np.arange(n) for n in np.diff(LAYOUT.starts)])
TAKES_ONES, TAKES_ZEROS = ("stuck-at-0", "1-to-0"), ("stuck-at-1", "0-to-1")
every_model = pytest.mark.parametrize("name", FAULTS)
# SEC-DED takes whole rows, and may flip a bit of its own where three are wrong: it has tests of its own.
every_plain_model = pytest.mark.parametrize("name", [name for name in FAULTS if name != "sec-ded"])


def _draw(name: str, rate: float, seed: int = 0, where=None) -> BitFlips:
    return FAULTS[name](where or region(MODEL), rate, rng=np.random.default_rng(seed))


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
    first, again, other = _draw(name, 0.1, 3), _draw(name, 0.1, 3), _draw(name, 0.1, 4)
    assert np.array_equal(first.addresses, again.addresses)
    assert np.array_equal(first.thresholds, again.thresholds)
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


@every_plain_model
def test_the_flips_at_a_smaller_rate_are_a_subset_and_at_its_own_rate_all_of_them(name):
    flips = _draw(name, 0.4)
    some, few = flips.at_rate(0.2), flips.at_rate(0.01)
    assert set(few.addresses) < set(some.addresses) < set(flips.addresses)
    assert (np.diff(some.addresses) > 0).all()
    assert np.array_equal(flips.at_rate(0.4).addresses, flips.addresses)


@every_model
def test_a_map_cut_down_to_a_smaller_rate_has_as_many_flips_as_one_drawn_there(name):
    cut = [len(_draw(name, 0.2, seed).at_rate(0.01)) for seed in range(400)]
    drawn = [len(_draw(name, 0.01, 1000 + seed)) for seed in range(400)]
    spread = np.sqrt((np.var(cut) + np.var(drawn)) / 400)
    assert abs(np.mean(cut) - np.mean(drawn)) <= 4 * spread
    assert 0.7 < (np.std(cut) + 1) / (np.std(drawn) + 1) < 1.4


def _can_flip(name: str) -> np.ndarray:
    """The bits that a fault model can flip, given what is stored: all, the ones or the zeros."""
    if name == "rowhammer":
        return np.array([HAMMERED.get(a % 16) == (not bit) for a, bit in zip(LOCAL, STORED, strict=True)])
    return STORED if name in TAKES_ONES else ~STORED if name in TAKES_ZEROS else np.ones(len(STORED), bool)


@every_plain_model
def test_only_chosen_layers_and_planes_are_hit_and_all_that_can_flip_are(name):
    where = region(MODEL, ["deep.*", "linear.weight"], [7, 2])
    hit = np.flatnonzero(_hits(name, 0.2, 300, where))
    able = _can_flip(name)
    assert hit.tolist() == [a for a in range(LAYOUT.starts[1], LAYOUT.n_bits) if a % 8 in (2, 7) and able[a]]


def _expected(name: str, rate: float) -> float:
    """The exact expectation of the number of flips, from the sentence that each model begins with."""
    ones, bits = int(STORED.sum()), LAYOUT.n_bits
    special = {
        "layer-uniform": float(effective_rates(region(LAYOUT), rate) @ np.diff(LAYOUT.starts)),
        "stuck-at-0": rate * ones,
        "stuck-at-1": rate * (bits - ones),
        "1-to-0": min(ones, rate * bits),
        "0-to-1": min(bits - ones, rate * bits),
        "rowhammer": rate * int(_can_flip("rowhammer").sum()),
        "threefold": (3 * rate**2 - 2 * rate**3) * bits,
    }
    return special.get(name, rate * bits)


@every_plain_model
@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0])
def test_the_mean_number_of_flips_is_the_exact_expectation(name, rate):
    counts = np.array([len(_draw(name, rate, seed)) for seed in range(100)])
    spread = counts.std() / np.sqrt(len(counts))
    assert abs(counts.mean() - _expected(name, rate)) <= 4 * spread + 1e-9


@pytest.mark.parametrize("name", [*TAKES_ONES, *TAKES_ZEROS])
@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_flips_in_one_direction_are_binomial_over_the_bits_that_can_flip(name, rate):
    counts = np.array([len(_draw(name, rate, seed)) for seed in range(300)])
    able = int(_can_flip(name).sum())
    share = _expected(name, rate) / able
    dispersion = ((counts - able * share) ** 2).sum() / (able * share * (1 - share))
    assert stats.chi2.ppf(1e-4, 300) < dispersion < stats.chi2.ppf(1 - 1e-4, 300)


@pytest.mark.parametrize("name", TAKES_ONES)
def test_after_flips_to_zero_the_afflicted_bits_store_zero(name):
    flips = _draw(name, 1.0)
    after = flipping.flip(MODEL, flips)
    assert {int(q.words.max()) for q in after.weights.values()} == {0}
    assert len(flips) == STORED.sum()


def test_a_stuck_cell_flips_only_where_the_stored_bit_differs_so_the_two_kinds_share_no_flip():
    zero, one = _draw("stuck-at-0", 0.3), _draw("stuck-at-1", 0.3)
    assert STORED[zero.addresses].all()
    assert not STORED[one.addresses].any()
    both = np.union1d(zero.addresses, one.addresses)  # same seed: the same cells, stuck at either value
    assert np.array_equal(both, _draw("random", 0.3).addresses)


@pytest.mark.parametrize("name", [*TAKES_ONES, *TAKES_ZEROS])
def test_a_model_that_looks_at_the_words_says_so_when_it_has_only_their_layout(name):
    with pytest.raises(ValueError, match=r"depends on the stored words: region\(model\)"):
        _draw(name, 0.1, where=region(LAYOUT))


@pytest.mark.parametrize("chosen", [((), ()), (("linear*",), ()), ((), (7, 2)), (("*conv*",), (0,))])
def test_a_region_knows_the_bits_stored_in_it(chosen):
    where = region(MODEL, *chosen)
    at = where.addresses(np.arange(where.n_bits))
    assert np.array_equal(where.bit_values(at), STORED[at])
    assert where.ones == STORED[at].sum()
    assert np.array_equal(np.flatnonzero(where.eligible(np.arange(LAYOUT.n_bits))), at)


def test_a_struck_word_flips_as_a_whole():
    words = np.bincount(_draw("burst-word", 0.05).addresses // 8, minlength=1_400)
    assert set(words) == {0, 8}
    planes = _draw("burst-word", 0.05, where=region(MODEL, planes=[0, 6])).addresses
    assert set(np.bincount(planes // 8)) == {0, 2}


def _runs(at: np.ndarray) -> list[np.ndarray]:
    """Sorted addresses, cut where they are no neighbours."""
    return np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)


def test_a_row_burst_is_one_run_of_512_bits_wherever_it_begins():
    at = [_draw("burst-row", 2e-3, seed).addresses for seed in range(200)]
    runs = [run for map_ in at if len(map_) for run in _runs(map_)]
    inside = [len(run) for run in runs if run[0] > 0 and run[-1] < LAYOUT.n_bits - 1]
    assert min(inside) == 512
    assert np.mean(np.array(inside) == 512) > 0.9  # two bursts seldom touch
    assert min(len(run) for run in runs) < 512  # cut off at an end of the memory


def test_a_pair_burst_stays_in_its_word_and_every_bit_is_as_likely_as_every_other():
    flips = _draw("burst-pair", 1e-3, 2).addresses
    assert {len(run) for word in np.unique(flips // 8) for run in _runs(flips[flips // 8 == word])} <= {1, 2}
    edges = flips % 8
    single = np.array([(flips // 8 == word).sum() == 1 for word in flips // 8])
    assert set(edges[single]) <= {0, 7}  # the other half would lie in the next word
    planes = _hits("burst-pair", 0.01, 500).reshape(-1, 8).sum(axis=0)
    assert planes.min() > 0.9 * planes.max()


@pytest.mark.parametrize("length", [1, 3, 7])
def test_what_runs_cover_and_from_which_rate_on_is_what_a_loop_finds(length):
    rng = np.random.default_rng(length)
    begin, thresholds = np.sort(rng.choice(90, 25, replace=False)), rng.random(25)
    slow: dict[int, float] = {}
    for first, onset in zip(begin, thresholds, strict=True):
        slow |= {at: min(onset, slow.get(at, 1.0)) for at in range(first, first + length)}
    at, least = bursts._covered(begin, thresholds, length)
    assert dict(zip(at.tolist(), least.tolist(), strict=True)) == slow
    assert at.tolist() == sorted(slow)


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
        assert abs(len(flips.at_rate(rate)) - rate * LAYOUT.n_bits) <= 0.5


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
    rng = np.random.default_rng(0)
    odd = np.zeros(LAYOUT.n_bits)
    for _ in range(times):
        # The number of draws is Poisson around rate x bits, as the closed form has it.
        layer = rng.integers(0, 3, rng.poisson(rate * LAYOUT.n_bits))
        bit = (rng.random(len(layer)) * np.diff(LAYOUT.starts)[layer]).astype(np.int64)
        odd += np.bincount(LAYOUT.starts[layer] + bit, minlength=LAYOUT.n_bits) % 2
    trials = times * np.diff(LAYOUT.starts)
    expected = effective_rates(where, rate)
    z = (_per_layer(odd) - trials * expected) / np.sqrt(trials * expected * (1 - expected))
    assert (np.abs(z) < 4).all()


def test_one_chosen_bit_is_one_address_that_flips_at_any_rate():
    flips = one_bit(LAYOUT, "linear.weight", 2, 7)
    assert flips.addresses.tolist() == [8 * 1_040 + 2 * 8 + 7]
    assert len(flips.at_rate(0.0)) == 1
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
    flips = _draw(name, 0.02, where=region(model))
    assert _changed_bits(model, flipping.flip(model, flips)) == flips.addresses.tolist()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_flipping_twice_restores_every_word_bit_for_bit(small, encoding):
    model = small(Encoding.parse(encoding))
    flips = _draw("random", 0.1, where=region(model.layout))
    twice = flipping.flip(flipping.flip(model, flips), flips)
    for name, q in model.weights.items():
        assert twice.weights[name].words.tobytes() == q.words.tobytes()


def test_the_given_model_is_not_changed_and_untouched_layers_are_shared(small):
    model = small(Encoding(8))
    before = {name: q.words.tobytes() for name, q in model.weights.items()}
    flipped = flipping.flip(model, one_bit(model.layout, "deep.conv.weight", 5, 7))
    assert {name: q.words.tobytes() for name, q in model.weights.items()} == before
    assert flipped.weights["conv.weight"] is model.weights["conv.weight"]
    assert flipped.weights["linear.weight"] is model.weights["linear.weight"]
    assert flipped.weights["deep.conv.weight"] is not model.weights["deep.conv.weight"]
    assert flipped.floats is model.floats


def test_a_fault_moves_no_scale_and_no_zero_point(small):
    model = small(Encoding(8))
    flipped = flipping.flip(model, _draw("random", 0.5, where=region(model.layout)))
    for name, q in model.weights.items():
        assert flipped.weights[name].scale is q.scale
        assert flipped.weights[name].zero is q.zero


@pytest.mark.parametrize("at", [[-1], [11_200], [5, 999_999]])
def test_addresses_outside_the_memory_are_refused_with_their_span(small, at):
    flips = BitFlips(np.array(at), np.zeros(len(at)))
    with pytest.raises(ValueError, match=rf"span {at[0]}\.\.{at[-1]}, the model has bits 0\.\.11199"):
        flipping.flip(small(Encoding(8)), flips)


def test_no_flips_share_every_layer(small):
    model = small(Encoding(8))
    nothing = _draw("random", 0.0, where=faults.region(model.layout))
    assert flipping.flip(model, nothing).weights == model.weights


def _row(*places: int) -> np.ndarray:
    """What SEC-DED leaves of flips at these places of one row."""
    at = np.sort(np.array(places, dtype=np.int64))
    return protected._left(np.zeros(len(at), np.int64), at)


def test_sec_ded_undoes_every_single_flip_and_leaves_every_pair_as_it_is():
    for one in range(72):
        assert not len(_row(one))
        for other in range(one):
            data = [protected.PLACES.index(p) for p in (other, one) if p in protected.PLACES]
            assert _row(one, other).tolist() == data


def _codeword(data: np.ndarray) -> np.ndarray:
    """A row of 72: check bit 2^i makes the places with bit i even, place 0 makes all of them even."""
    word = np.zeros(72, int)
    word[protected.PLACES] = data
    for i in range(7):
        word[1 << i] = word[[p for p in range(72) if p >> i & 1 and p != 1 << i]].sum() % 2
    word[0] = word.sum() % 2
    return word


def _read(word: np.ndarray) -> np.ndarray:
    """The 64 data bits that a textbook decoder reads from a row of 72."""
    syndrome = sum(1 << i for i in range(7) if word[[p for p in range(72) if p >> i & 1]].sum() % 2)
    if word.sum() % 2 and syndrome < 72:
        word = word.copy()
        word[syndrome] ^= 1
    return word[protected.PLACES]


@pytest.mark.parametrize("flips", [1, 2, 3, 4, 7, 20])
def test_sec_ded_reads_whatever_is_stored_as_a_textbook_decoder_does(flips):
    rng = np.random.default_rng(flips)
    for _ in range(60):
        data, at = rng.integers(0, 2, 64), rng.choice(72, flips, replace=False)
        word = _codeword(data)
        word[at] ^= 1
        assert np.flatnonzero(_read(word) != data).tolist() == _row(*at).tolist()


def test_sec_ded_decodes_the_raw_flips_of_a_smaller_rate_anew():
    flips = _draw("sec-ded", 0.2)
    few = flips.at_rate(0.01)
    assert set(few.raw) < set(flips.raw)
    assert np.array_equal(few.at_rate(0.01).addresses, few.addresses)
    pairs = np.bincount(few.raw // 72)
    assert len(few) <= pairs[pairs > 1].sum() + (pairs > 2).sum()


def test_sec_ded_leaves_little_of_few_flips():
    assert 0 < _hits("sec-ded", 1e-3, 50).sum() < _hits("random", 1e-3, 50).sum() / 5


def test_sec_ded_protects_rows_and_no_parts_of_them():
    with pytest.raises(ValueError, match="choose no layers and no bit planes"):
        _draw("sec-ded", 0.1, where=region(MODEL, ["linear.weight"]))
