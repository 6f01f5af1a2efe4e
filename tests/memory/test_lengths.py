"""Memories whose layers have words of several lengths: every fault model keeps its promises there too."""

import numpy as np
import pytest

from resq.core import Layout, seeds
from resq.memory import faults
from resq.memory.regions import Region

MIXED = Layout(("a", "b", "c", "d"), (500, 64, 32, 300), 64, (8, 32, 64, 4))


class Held:
    """Words of one layer."""

    def __init__(self, words):
        self.words = words


def region(layers=(), planes=()):
    rng = seeds.rng(1, "words")
    kinds = ("u1", "u4", "u8", "u1")
    held = {
        name: Held(rng.integers(0, 2**length, count, dtype=np.dtype(kind)))
        for name, count, length, kind in zip(MIXED.layers, MIXED.words, (8, 32, 64, 4), kinds, strict=True)
    }
    where = faults.region(MIXED, layers, planes)
    return Region(MIXED, where.layers, where.planes, held)


def test_addresses_count_each_layers_own_bits():
    assert MIXED.starts.tolist() == [0, 4000, 4000 + 2048, 4000 + 4096, 4000 + 4096 + 1200]
    assert MIXED.address("b", 1, 31) == 4000 + 63
    with pytest.raises(ValueError, match=r"bits 0\.\.3, got 4"):
        MIXED.address("d", 0, 4)


def test_planes_that_no_word_of_the_chosen_layers_has_are_refused():
    assert faults.region(MIXED, planes=[63]).n_bits == 32
    assert faults.region(MIXED, ["a", "b"], [7, 31]).n_bits == 500 + 2 * 64
    with pytest.raises(ValueError, match=r"bit planes must lie in 0\.\.7, got 31 for a, d"):
        faults.region(MIXED, ["a", "d"], [7, 31])


def test_a_memory_without_a_bit_is_refused():
    for nothing in (Layout((), (), 8), Layout(("a",), (0,), 8)):
        with pytest.raises(ValueError, match="expected words of a layer, got a memory of none"):
            faults.region(nothing)


@pytest.mark.parametrize("name", list(faults.FAULTS))
def test_a_map_lies_in_the_memory_and_a_smaller_rate_is_a_part_of_it(name):
    flips = faults.FAULTS[name](region(), 0.05, rng=seeds.rng(3))
    at = flips.addresses
    assert len(at) > 0
    assert (np.diff(at) > 0).all()
    assert at[0] >= 0
    assert at[-1] < MIXED.n_bits
    if name != "sec-ded":  # a decoder may turn a bit of its own
        assert set(flips.at_rate(0.01).addresses) <= set(at)


def test_chosen_planes_are_those_that_a_layers_words_have():
    where = region(planes=(2, 7, 31))
    assert where.n_bits == 500 * 2 + 64 * 3 + 32 * 3 + 300
    at = where.addresses(np.arange(where.n_bits))
    layer = np.searchsorted(MIXED.starts, at, side="right") - 1
    bit = (at - MIXED.starts[layer]) % MIXED.lengths[layer]
    assert set(bit[layer == 0]) == {2, 7}
    assert set(bit[layer == 3]) == {2}
    assert where.eligible(at).all()
    assert where.eligible(np.arange(MIXED.n_bits)).sum() == where.n_bits


def test_bursts_of_words_flip_whole_words_of_each_length():
    at = faults.FAULTS["burst-word"](region(), 0.4, rng=seeds.rng(5)).addresses
    layer = np.searchsorted(MIXED.starts, at, side="right") - 1
    words = (at - MIXED.starts[layer]) // MIXED.lengths[layer]
    for i, length in enumerate(MIXED.lengths):
        _, count = np.unique(words[layer == i], return_counts=True)
        assert set(count) == {length}


def test_pairs_stay_within_a_word():
    at = faults.FAULTS["burst-pair"](region(), 0.01, rng=seeds.rng(11)).addresses
    layer = np.searchsorted(MIXED.starts, at, side="right") - 1
    assert (layer == 0).any()
    assert (layer == 2).any()
    flip_mask = np.flatnonzero(np.diff(at, prepend=-9) > 1)  # cut off at the edge of a word, or begun there
    bit = (at - MIXED.starts[layer]) % MIXED.lengths[layer]
    runs = np.split(np.arange(len(at)), flip_mask[1:])
    for run in runs:
        if len(run) == 1:
            assert bit[run[0]] in (0, MIXED.lengths[layer[run[0]]] - 1)


def test_stuck_cells_flip_only_what_stores_the_other_value():
    where = region()
    ones = faults.FAULTS["stuck-at-0"](where, 1.0, rng=seeds.rng(1))
    assert where.bit_values(ones.addresses).all()
    assert len(ones) == where.ones
