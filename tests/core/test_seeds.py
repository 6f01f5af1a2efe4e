"""Named random streams."""

import random

import numpy as np
import pytest

from resq.core import seeds


def _ten(seed: int, *words: str | int) -> list[int]:
    return seeds.rng(seed, *words).integers(0, 1000, 10).tolist()


def test_the_same_seed_and_words_give_the_same_stream():
    assert _ten(7, "map", 3) == _ten(7, "map", 3)


@pytest.mark.parametrize(
    "other", [(8, "map", 3), (7, "map", 4), (7, "pam", 3), (7, "map"), (7,), (7, 3, "map")]
)
def test_another_seed_another_word_or_another_order_gives_another_stream(other):
    assert _ten(7, "map", 3) != _ten(*other)


def test_words_do_not_run_into_each_other():
    assert _ten(1, 23) != _ten(12, 3)
    assert _ten(0, "ab", "c") != _ten(0, "a", "bc")


def test_streams_are_the_same_in_every_process_and_release():
    assert _ten(0, "map", 0) == [971, 11, 197, 783, 556, 837, 89, 409, 820, 844]


def test_two_streams_are_uncorrelated():
    a, b = (seeds.rng(0, "map", i).standard_normal(100_000) for i in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(100_000)


def test_the_global_generators_are_neither_read_nor_moved():
    before = repr(np.random.get_state(legacy=False)), random.getstate()  # noqa: NPY002 - the state under test
    first = _ten(0)
    assert before == (repr(np.random.get_state(legacy=False)), random.getstate())  # noqa: NPY002
    random.random()
    np.random.random()  # noqa: NPY002
    assert _ten(0) == first
