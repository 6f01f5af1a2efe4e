"""Single faults: how many to try, and what data-aware sampling saves against plain at one interval."""

import numpy as np
import pytest
from scipy import stats

from resq import checkpoints
from resq.core import Encoding
from resq.measure.run import taylor
from resq.measure.specs.sdc_rates import leveugle
from resq.protect.singles import single_faults

BITS = [270_000] * 8
# Shares of critical bits by plane, falling by a factor of two or more a plane.
TRUTH = [0.0, 0.0, 0.0005, 0.001, 0.003, 0.01, 0.03, 0.09]
GUESS = single_faults.guesses([2.0**bit for bit in range(8)])


def _draws(seed, truth=TRUTH):
    rng = np.random.default_rng(seed)
    return lambda cell, n: int(rng.binomial(n, truth[cell]))


def _held(found, truth):
    return [s.low <= p <= s.high for s, p in zip(found, truth, strict=True)]


@pytest.mark.parametrize("error", [0.05, 0.02, 0.01])
def test_the_same_interval_takes_at_most_half_the_injections_over_50_replications(error):
    plain = [single_faults.plain(BITS, error, _draws(seed)) for seed in range(50)]
    aware = [single_faults.aware(BITS, GUESS, error, _draws(seed)) for seed in range(50)]
    for found in (*plain, *aware):
        assert max(s.half_width for s in found) <= error + 1e-12
    for ours, theirs in zip(aware, plain, strict=True):
        assert sum(s.injections for s in ours) <= sum(s.injections for s in theirs) / 2
    for replications in (plain, aware):
        held = np.array([_held(found, TRUTH) for found in replications])
        assert held.mean() >= 0.93
        assert (held.sum(0) >= 43).all()  # in every cell


def test_a_guess_that_is_far_too_low_costs_more_steps_and_is_right_all_the_same():
    truth = [0.3, 0.5, 0.05, 0.0]
    guess = [0.001, 0.001, 0.5, 0.0]
    runs = [single_faults.aware(BITS[:4], guess, 0.05, _draws(seed, truth)) for seed in range(50)]
    assert all(
        s.half_width <= 0.05 + 1e-12 and s.injections <= leveugle(270_000, 0.05)
        for found in runs
        for s in found
    )
    assert np.mean([_held(found, truth) for found in runs]) >= 0.92


def test_the_guess_of_a_real_network_doubles_with_every_plane():
    model = checkpoints.load("signs/resnet20/base").quantized(Encoding.parse("int8"))
    far = []
    for bit in range(8):
        moved = [taylor.moves(q, np.arange(q.words.size), bit) for q in model.weights.values()]
        far.append(np.abs(np.concatenate(moved)).mean())
    guess = single_faults.guesses(far)
    assert guess[7] == 0.5
    assert np.allclose(guess[1:] / guess[:-1], 2)


def test_plain_sampling_tries_leveugles_number_in_each_cell():
    found = single_faults.plain([10**9, 300], 0.05, lambda cell, n: 0)
    assert [s.injections for s in found] == [385, leveugle(300, 0.05)]


def test_no_critical_flip_leaves_an_interval_above_zero():
    found = single_faults.share(0, 35)
    assert found.value == found.low == 0
    assert 0.09 < found.high < 0.1
    assert single_faults.flips_to_first(found.value) == np.inf


@pytest.mark.parametrize("bits", [10, 48, 432, 1024])
def test_an_interval_of_a_small_layer_is_no_wider_than_asked_and_holds(bits):
    critical = np.arange(bits + 1)
    for error in (0.03, 0.1, 0.2):
        tried = leveugle(bits, error)
        found = [single_faults.share(count, tried, bits) for count in range(tried + 1)]
        assert max(s.half_width for s in found) <= error + 1e-12
        low, high = (np.array([getattr(s, end) for s in found]) for end in ("low", "high"))
        inside = (low <= critical[:, None] / bits + 1e-12) & (critical[:, None] / bits <= high + 1e-12)
        drawn = stats.hypergeom.pmf(np.arange(tried + 1), bits, critical[:, None], tried)
        assert (inside * drawn).sum(1).mean() >= 0.94


def test_data_aware_sampling_of_a_small_layer_ends_at_the_half_width_asked_for():
    critical = iter(np.random.default_rng(0).permutation(np.arange(432) < 216))
    (found,) = single_faults.aware([432], [0.3], 0.1, lambda cell, n: sum(next(critical) for _ in range(n)))
    assert found.half_width <= 0.1
    assert found.injections <= leveugle(432, 0.1)


def test_where_all_flips_were_tried_the_share_is_known():
    found = single_faults.share(3, 12, 12)
    assert (found.low, found.value, found.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("counts", [(0, 0, 9), (3, 2, 9), (1, 10, 9), (-1, 2, 9)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="flips are at least one, at most all 9 bits, got"):
        single_faults.share(*counts)


@pytest.mark.parametrize("far", [[0.0, 0.0], [np.nan, 1.0], [-1.0, 1.0]])
def test_distances_that_are_none_are_refused(far):
    with pytest.raises(ValueError, match="distances are finite and one of them is above 0"):
        single_faults.guesses(far)
