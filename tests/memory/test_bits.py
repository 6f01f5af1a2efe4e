"""Integer bit arithmetic: sparse draws follow the binomial law, flips are gathered word by word."""

import numpy as np
import pytest
from scipy import stats

from resq.memory import bits


def _draws(n: int, rate: float, times: int) -> list[np.ndarray]:
    return [bits.sparse(n, rate, np.random.default_rng(seed)) for seed in range(times)]


@pytest.mark.parametrize("rate", [1e-9, 1e-4, 0.01, 0.5, 0.999, 1.0])
def test_positions_are_sorted_distinct_and_within_the_memory(rate):
    for at in _draws(3_000, rate, 20):
        assert at.dtype == np.int64
        assert (np.diff(at) > 0).all()
        assert not len(at) or (at[0] >= 0 and at[-1] < 3_000)


def test_rate_one_takes_every_bit_and_rate_zero_none():
    assert bits.sparse(1_000, 1.0, np.random.default_rng(0)).tolist() == list(range(1_000))
    assert len(bits.sparse(1_000, 0.0, np.random.default_rng(0))) == 0
    assert len(bits.sparse(0, 0.5, np.random.default_rng(0))) == 0


@pytest.mark.parametrize("rate", [1e-12, 1e-300])
def test_a_rate_next_to_nothing_takes_nothing_and_does_not_overflow(rate):
    assert len(bits.sparse(100_000_000, rate, np.random.default_rng(0))) == 0


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.3, 0.9])
def test_the_count_follows_the_binomial_law_in_mean_and_spread(rate):
    n, times = 2_000, 2_000
    counts = np.array([len(at) for at in _draws(n, rate, times)])
    mean, variance = n * rate, n * rate * (1 - rate)
    assert abs(counts.mean() - mean) < 4 * np.sqrt(variance / times)
    dispersion = ((counts - mean) ** 2).sum() / variance
    assert stats.chi2.ppf(1e-4, times) < dispersion < stats.chi2.ppf(1 - 1e-4, times)


@pytest.mark.parametrize("rate", [0.05, 0.6])
def test_every_position_is_as_likely_as_every_other(rate):
    hits = np.bincount(np.concatenate(_draws(40, rate, 5_000)), minlength=40)
    z = (hits - 5_000 * rate) / np.sqrt(5_000 * rate * (1 - rate))
    assert (z**2).sum() < stats.chi2.ppf(1 - 1e-4, 40)


def test_neighbours_are_taken_independently_of_each_other():
    at = bits.sparse(1_000_000, 0.1, np.random.default_rng(0))
    pairs = (np.diff(at) == 1).sum()
    assert abs(pairs - 1e6 * 0.01) < 4 * np.sqrt(1e6 * 0.01)


def test_flips_of_one_word_become_one_mask():
    index, mask = bits.masks(np.array([0, 7, 9, 39]), 8, np.dtype("u1"))
    assert index.tolist() == [0, 1, 4]
    assert mask.tolist() == [0b10000001, 0b10, 0b10000000]


def test_a_ten_bit_word_and_the_top_bit_of_a_float_word_have_masks_too():
    assert bits.masks(np.array([9, 10, 19]), 10, np.dtype("u2"))[1].tolist() == [1 << 9, 1 | 1 << 9]
    assert bits.masks(np.array([31, 32]), 32, np.dtype("u4"))[1].tolist() == [1 << 31, 1]


def test_no_flips_are_no_masks():
    index, mask = bits.masks(np.empty(0, dtype=np.int64), 8, np.dtype("u1"))
    assert len(index) == len(mask) == 0
    assert mask.dtype == np.uint8


def test_the_bits_of_a_word_are_listed_most_significant_first():
    assert bits.fields(0b1011, 4) == [1, 0, 1, 1]
    assert bits.fields(1, 8) == [0] * 7 + [1]


@pytest.mark.parametrize(("word_bits", "dtype"), [(8, "u1"), (10, "u2"), (32, "u4")])
@pytest.mark.parametrize("n", [0, 1, 3 * bits.BLOCK + 5])
def test_bits_toggled_in_place_are_those_that_masks_name_also_where_a_word_is_hit_often(word_bits, dtype, n):
    rng = np.random.default_rng(n)
    size = n // 4 + 1
    addresses = np.sort(rng.choice(size * word_bits, min(n, size * word_bits), replace=False))
    words = rng.integers(0, 2**word_bits, size).astype(dtype)
    changed = words.copy()
    bits.toggle(changed, addresses, word_bits)
    index, mask = bits.masks(addresses, word_bits, np.dtype(dtype))
    words[index] ^= mask
    assert np.array_equal(changed, words)
