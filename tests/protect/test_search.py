"""The search: what there is to choose from, that the least which is enough is found, in how few passes."""

import itertools

import numpy as np
import pytest

from resq.core import Encoding
from resq.protect.mixtures import Mixture, others, prefixes
from resq.protect.search import Tried, best, front, search

INT8 = Encoding.parse("int8")
SIZES = [100] * 20
HARM = np.linspace(1, 0.05, 20)  # of each layer, in the order in which they are proposed
LEFT = {"int8-secded": 0.3, "int8-secded0": 0.1, "int8-spw": 0.02, "int8-x3": 0.05, "int8-x5": 0.01,
        "int4-tmr2": 0.6, "int4-tmr2-secded0": 0.05}  # fmt: skip


def _kept(mixture: Mixture) -> float:
    """A world in which what is lost is the harm of the layers, less what protecting them leaves."""
    left = LEFT.get(str(mixture.other), 1.0)
    inside = np.isin(np.arange(20), mixture.layers)
    return 1 - 0.02 * float(HARM[~inside].sum() + left * HARM[inside].sum())


def _every() -> list[Mixture]:
    return [m for other in others(INT8) for m in prefixes(INT8, other, range(20), SIZES, np.inf)]


def test_the_choices_are_bytes_that_can_lie_beside_those_of_the_base():
    for base in ("int8", "int8-symmetric", "int4-tmr2", "int6-tmr1"):
        for other in others(Encoding.parse(base)):
            mixed = Mixture(Encoding.parse(base), other, (0, 3), (10, 20, 30, 40))
            assert Encoding.parse(str(mixed.encoding)) == mixed.encoding
            assert mixed.bits > 0


@pytest.mark.parametrize("base", ["fp32", "int4", "int8-x3", "int8-secded", "int8+int8-x3@0"])
def test_words_that_cannot_be_mixed_are_refused(base):
    with pytest.raises(ValueError, match="mixed in plain words of one byte"):
        others(Encoding.parse(base))


def test_prefixes_grow_by_a_layer_and_end_with_the_budget():
    every = prefixes(INT8, Encoding.parse("int8-secded"), [3, 1, 2, 0], [10, 20, 30, 40], np.inf)
    assert [m.layers for m in every] == [(), (3,), (1, 3), (1, 2, 3), (0, 1, 2, 3)]
    assert str(every[0].encoding) == "int8"
    assert str(every[-1].encoding) == "int8-secded"
    few = prefixes(INT8, Encoding.parse("int8-secded"), [3, 1, 2, 0], [10, 20, 30, 40], 8.5)
    assert few == every[:2]
    assert few[-1].bits == pytest.approx(8 + 40 / 100)


@pytest.mark.parametrize("keep", [0.8, 0.9, 0.95, 0.98])
def test_the_cheapest_of_all_mixtures_that_keep_enough_is_found_in_a_third_of_the_trials(keep):
    tried = list(search(INT8, others(INT8), range(20), SIZES, keep=keep, budget=np.inf, keeps=_kept))
    chosen = best(tried, keep, lambda m: 1.0, 1.0)
    enough = [m for m in _every() if _kept(m) >= keep]
    assert chosen.share >= keep
    assert chosen.mixture.bits == pytest.approx(min(m.bits for m in enough))
    assert len(tried) <= len(_every()) / 3


def test_where_nothing_is_needed_only_the_base_is_tried():
    tried = list(search(INT8, others(INT8), range(20), SIZES, keep=0.5, budget=np.inf, keeps=_kept))
    assert [str(t.mixture.encoding) for t in tried] == ["int8"]


def test_where_nothing_is_enough_what_keeps_most_within_the_budget_is_given():
    tried = list(search(INT8, others(INT8), range(20), SIZES, keep=1.0, budget=9.0, keeps=_kept))
    chosen = best(tried, 1.0, lambda m: 1.0, 1.0)
    assert chosen.mixture.bits <= 9.0
    assert chosen.share == max(t.share for t in tried)


def test_the_time_of_a_pass_is_kept_to():
    tried = list(search(INT8, others(INT8), range(20), SIZES, keep=0.95, budget=np.inf, keeps=_kept))
    slow = best(tried, 0.95, lambda m: 1.2 if "secded0" in str(m.encoding) else 1.0, 1.1)
    assert "secded0" not in str(slow.mixture.encoding)


def test_the_front_is_what_nothing_beats():
    tried = [Tried(m, _kept(m)) for m in _every()]
    found = front(tried)
    for member in found:
        assert not any(
            t.mixture.bits <= member.mixture.bits and t.share > member.share + 1e-12 for t in tried
        )
    assert all(a.mixture.bits < b.mixture.bits and a.share < b.share for a, b in itertools.pairwise(found))
