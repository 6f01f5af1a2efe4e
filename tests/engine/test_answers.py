"""What counts as an answer: a network whose logits are no numbers is right about nothing."""

import numpy as np
import pandas as pd
import pytest
import torch

from resq.attacks import gradient
from resq.measure.engine.predictions import Answers, look, score
from resq.measure.run import sweep
from resq.measure.specs import sdc_rates
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.measure.store import carry, table
from resq.networks import answer

NAN, INF = float("nan"), float("inf")


def given(*logits):
    """A network that gives these logits, whatever it is shown."""
    return lambda x: torch.tensor(logits)[: len(x)]


X = torch.zeros(4, 3, 2, 2)


def test_logits_that_are_not_finite_are_wrong_and_due_whatever_the_class():
    network = given([NAN, NAN], [NAN, 1.0], [0.0, INF], [0.0, 1.0])
    found = look(network, X, torch.tensor([0, 0, 1, 1]))
    assert found.right.tolist() == [False, False, False, True]
    assert found.broken.tolist() == [True, True, True, False]
    assert score(network, X, torch.tensor([0, 0, 1, 1])) == (1, 3)


def test_a_network_of_nan_is_right_on_no_image_of_any_class():
    broken = given(*[[NAN] * 3] * 4)
    for label in range(3):
        assert score(broken, X, torch.full((4,), label)) == (0, 4)


def test_silent_corruption_is_a_change_without_an_error_signal():
    clean = Answers(
        np.ones(5, bool), np.zeros(5, bool), np.array([3, 3, 1, 0, 2]), np.array([0.5] * 5, np.float32)
    )
    broken = np.array([False, False, False, False, True])
    sure = np.array([0.5, 0.56, 0.44, 0.39, 0.9], np.float32)
    found = Answers(np.ones(5, bool), broken, np.array([3, 2, 1, 0, 1]), sure)
    # the second has another class; 0.56 and 0.44 are 12 %, 0.39 is 22 % off 0.5; the last one is DUE
    assert sdc_rates.silent(found, clean) == {"sdc1": 1, "sdc10": 3, "sdc20": 1}


def test_a_confidence_that_moves_by_exactly_the_share_has_not_moved_by_more():
    clean = Answers(np.ones(1, bool), np.zeros(1, bool), np.zeros(1), np.array([0.5], np.float32))
    found = Answers(np.ones(1, bool), np.zeros(1, bool), np.zeros(1), np.array([0.55], np.float32))
    assert sdc_rates.silent(found, clean)["sdc20"] == 0


def test_the_counts_of_a_row_are_those_of_the_answers():
    rows = {
        row["ber"]: row for row in sweep.run(SweepSpec("signs/resnet20/base", bers=(0.0, 3e-2), maps=1, n=60))
    }
    assert [rows[0.0][name] for name in sdc_rates.SILENT] == [0, 0, 0]
    faulty = rows[3e-2]
    assert 0 < faulty["sdc1"] <= faulty["n"]
    assert faulty["sdc20"] <= faulty["sdc10"]
    assert faulty["sdc1"] >= rows[0.0]["correct"] - faulty["correct"] - faulty["due"]


def test_where_nothing_is_compared_nothing_is_counted():
    attacked = SweepSpec("signs/resnet20/base", eps=(2.0,), steps=1, n=9)
    drawn = SweepSpec("signs/resnet20/base", bers=(1e-3,), maps=1, n=9, sample="random")
    rows = [*sweep.run(attacked), *sweep.run(drawn)]
    assert all(row[name] is None for row in rows for name in sdc_rates.SILENT)
    assert table.frame(rows)[list(sdc_rates.SILENT)].isna().all(axis=None)


def test_a_fault_that_breaks_every_logit_is_all_due_and_no_silent_corruption():
    rows = list(sweep.run(SweepSpec("signs/resnet20/base", encoding="fp32", bers=(1e-2,), maps=2, n=50)))
    for row in rows:
        assert (row["correct"], row["due"], row["sdc1"], row["sdc10"]) == (0, 50, 0, 0)
        assert not any(row["right"])


def test_an_attack_takes_a_network_of_nan_for_one_that_errs():
    steps = []

    def network(x):
        steps.append(len(x))
        return (x.sum((1, 2, 3)) * NAN)[:, None].expand(len(x), 2)

    y = torch.zeros(4, dtype=torch.int64)  # the class that argmax would give
    gradient.pgd(network, X, y, 8 / 255, rng=np.random.default_rng(0), steps=10, restarts=1)
    assert len(steps) <= 3
    assert answer.right(torch.full((1, 2), NAN), torch.tensor([0])).tolist() == [False]


ROW = {
    **{
        "checkpoint": "a/b/c",
        "network": "b",
        "data": "a",
        "encoding": "fp32",
        "fault": "random",
        "region": "all",
    },
    **{"axis": "ber", "ber": 1e-3, "map": 0, "flips": 3, "attack": "none", "eps": 0.0, "steps": 0},
    **{"restarts": 0, "seed": 0, "n": 8, "correct": 2, "due": 0, "weights": "w", "images": "i", "code": "c"},
    **{"key": "k", "right": b"\x81"},
}


@pytest.mark.parametrize(("old", "numbers", "correct"), [
    ({}, NUMBERS, 2), ({"due": 8}, NUMBERS, 0), ({"due": 3}, "1", 2),
    ({"axis": "joint", "mode": "adaptive"}, "1", 2),
    ({"axis": "joint", "mode": "adaptive", "encoding": "int8"}, NUMBERS, 2),
])  # fmt: skip
def test_older_rows_are_carried_where_they_alone_tell_it(old, numbers, correct):
    one = table.frame([{**ROW, **old}]).iloc[0]
    assert (one["numbers"], one["correct"]) == (numbers, correct)
    assert np.unpackbits(np.frombuffer(one["right"], np.uint8)).sum() == correct
    same = carry.row({**table.DEFAULTS, **ROW, **old})
    assert (same["numbers"], same["correct"], same["right"]) == (numbers, correct, one["right"])
    assert same["key"].startswith(carry.STALE) == (numbers != NUMBERS)


def test_no_shipped_row_that_counts_has_right_answers_among_broken_ones():
    rows = table.shipped()
    assert set(rows["numbers"]) == {NUMBERS}
    assert (rows["correct"] + rows["due"] <= rows["n"]).all()
    kept = rows[rows["right"].str.len() > 0]
    bits = [int(np.unpackbits(np.frombuffer(v, np.uint8)).sum()) for v in kept["right"]]
    pd.testing.assert_series_equal(kept["correct"], pd.Series(bits, kept.index), check_names=False)
