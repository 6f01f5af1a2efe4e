"""The search: what there is to choose from, that the least which is enough is found, in how few passes."""

import itertools

import numpy as np
import pytest

from resq.core import Encoding
from resq.protect import fulfilled
from resq.protect.mixtures import Mixture, bases, grid, others, prefixes, uniform
from resq.protect.search import Tried, best, front, search

INT8 = Encoding.parse("int8")
BYTES = [[INT8]]  # one kind of plain words
SIZES = [100] * 20
HARM = np.linspace(1, 0.05, 20)  # of each layer, in the order in which they are proposed
LEFT = {"int8-secded": 0.3, "int8-secded0": 0.1, "int8-spw": 0.02, "int8-x3": 0.05, "int8-x5": 0.01,
        "int8-x9": 0.001}  # fmt: skip


def _kept(mixture: Mixture) -> float:
    """A world in which what is lost is the harm of the layers, less what protecting them leaves."""
    left = LEFT.get(str(mixture.other), 1.0)
    inside = np.isin(np.arange(20), mixture.layers)
    return 1 - 0.02 * float(HARM[~inside].sum() + left * HARM[inside].sum())


def _every() -> list[Mixture]:
    return [m for other in others(INT8) for m in prefixes(INT8, other, range(20), SIZES, np.inf)]


def _search(keep, budget=np.inf, lengths=BYTES, keeps=_kept):
    order = lambda base: range(20)  # noqa: E731
    return list(search(lengths, order, SIZES, keep=keep, budget=budget, keeps=keeps))


def test_the_choices_are_words_that_can_lie_beside_those_of_the_base():
    for own in ("int8", "int8-symmetric", "int4-tmr2", "int6-tmr1"):
        for some in bases(Encoding.parse(own)):
            assert len({base.word_bits for base in some}) == 1
            for base in some:
                for other in others(base, some):
                    mixed = Mixture(base, other, (0, 3), (10, 20, 30, 40))
                    assert Encoding.parse(str(mixed.encoding)) == mixed.encoding
                    assert mixed.bits > 0


def test_a_mixture_is_compared_with_all_ways_to_store_layers_alike_and_with_one_where_one_is_asked_for():
    every = {str(e) for e in uniform(INT8)}
    assert {"int8", "int4", "int4-tmr2", "int4-tmr1-x3", "int8-spw", "int8-symmetric-inplace"} < every
    assert {str(e).split("-")[0] for e in uniform(INT8, only=True)} == {"int8"}


@pytest.mark.parametrize("base", ["fp32", "int8-tmr2", "int8-x3", "int8-secded", "int8+int8-x3@0"])
def test_words_that_cannot_be_mixed_are_refused(base):
    with pytest.raises(ValueError, match="mixed in plain words of at most one byte"):
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
    tried = _search(keep)
    chosen = best(tried, keep, lambda m: 1.0, 1.0)
    enough = [m for m in _every() if _kept(m) >= keep]
    assert chosen.retained >= keep
    assert chosen.mixture.bits == pytest.approx(min(m.bits for m in enough))
    assert len(tried) <= grid(BYTES, SIZES, np.inf) / 3


def test_the_grid_counts_every_base_every_other_way_and_every_prefix_within_the_budget():
    assert grid(BYTES, SIZES, np.inf) == 1 + 6 * 20
    assert grid(BYTES, SIZES, 8.11) == 1 + 2 * 2  # two layers with a bit more each, in either form of secded
    assert grid([[Encoding.parse("int4")], [INT8]], SIZES, 4.0) == 1


def test_where_nothing_is_needed_only_the_base_is_tried():
    assert [str(t.mixture.encoding) for t in _search(0.5)] == ["int8"]


def test_shorter_words_come_first_and_longer_ones_only_where_they_could_be_cheaper():
    def keeps(mixture):
        base, more = str(mixture.base), 0.02 * len(mixture.layers)
        return {"int4": 0.5, "int6": 0.8, "int8": 0.99}[base] + more

    lengths = [[Encoding.parse(f"int{bits}")] for bits in (4, 6, 8)]
    tried = _search(0.9, np.inf, lengths, keeps)
    assert best(tried, 0.9, lambda m: 1.0, 1.0).mixture.bits == 8
    # int4 is enough with every layer thrice, at 12 bits, int6 with five, at 9; int8 as it is takes 8.
    assert str(tried[-1].mixture.encoding) == "int8"
    assert _search(0.5, np.inf, lengths, keeps)[-1].mixture.base == Encoding.parse("int4")


def test_of_words_of_one_length_those_that_keep_most_are_mixed():
    def keeps(mixture):
        return {"int8": 0.2, "int4-tmr2": 0.8}[str(mixture.base)] + 0.001 * len(mixture.layers)

    tried = _search(0.9, 8.5, [[INT8, Encoding.parse("int4-tmr2")]], keeps)
    assert {str(t.mixture.base) for t in tried if t.mixture.layers} == {"int4-tmr2"}


def test_where_nothing_is_enough_what_keeps_most_within_the_budget_is_given():
    tried = _search(1.0, 9.0)
    chosen = best(tried, 1.0, lambda m: 1.0, 1.0)
    assert chosen.mixture.bits <= 9.0
    assert chosen.retained == max(t.retained for t in tried)


def test_the_time_of_a_pass_is_kept_to():
    tried = _search(0.95)
    slow = best(tried, 0.95, lambda m: 1.2 if "secded0" in str(m.encoding) else 1.0, 1.1)
    assert "secded0" not in str(slow.mixture.encoding)


def test_the_front_is_what_nothing_beats():
    tried = [Tried(m, _kept(m)) for m in _every()]
    found = front(tried)
    for member in found:
        assert not any(
            t.mixture.bits <= member.mixture.bits and t.retained > member.retained + 1e-12 for t in tried
        )
    assert all(
        a.mixture.bits < b.mixture.bits and a.retained < b.retained for a, b in itertools.pairwise(found)
    )


def test_where_all_are_slower_than_asked_the_quickest_is_given_and_is_not_enough():
    tried = _search(0.5)
    times = {str(t.mixture.encoding): 3.0 - i / len(tried) for i, t in enumerate(tried)}
    chosen = best(tried, 0.5, lambda m: times[str(m.encoding)], 1.05)
    assert times[str(chosen.mixture.encoding)] == min(times.values())
    answer = {
        "wanted": {"keep": 0.5, "ber": 0.05, "fault": "random", "bits": None, "time": 1.05, "batch": 1},
        "time": 2.0,
    }
    assert not fulfilled.in_time(answer)
    assert fulfilled.question(answer).endswith("and at most 1.05 times a pass of 1")
    assert fulfilled.in_time({"wanted": {"time": None}, "time": None})
