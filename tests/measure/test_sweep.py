"""Sweeps: the same rows from the same seed, curves that fall, counts that add up."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from resq import checkpoints, data
from resq.core import Encoding
from resq.measure.analysis import stats
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

BASE = "signs/resnet20/base"
SPEC = SweepSpec(BASE, bers=(0.0, 1e-3, 3e-2), maps=3, n=200)
ATTACK = SweepSpec(BASE, eps=(0.0, 2.0, 8.0), steps=5, n=60)


@pytest.fixture(scope="module")
def rows():
    return list(sweep.run(SPEC))


@pytest.fixture(scope="module")
def attacked():
    return list(sweep.run(ATTACK))


def test_the_same_spec_twice_gives_identical_rows(rows):
    assert list(sweep.run(SPEC)) == rows


def test_another_seed_gives_other_rows_and_the_same_clean_accuracy(rows):
    other = list(sweep.run(replace(SPEC, seed=1)))
    assert [r["flips"] for r in other] != [r["flips"] for r in rows]
    assert [r["correct"] for r in other if r["ber"] == 0] == [r["correct"] for r in rows if r["ber"] == 0]


def test_a_sweep_has_as_many_rows_as_its_spec_says_and_every_column(rows):
    assert len(rows) == SPEC.total
    assert set(rows[0]) == set(table.COLUMNS)


def test_a_map_flips_more_bits_at_a_larger_rate_and_accuracy_falls(rows):
    curve = stats.curve(table.frame(rows), "ber")
    assert curve["flips"].is_monotonic_increasing
    assert curve["mean"].is_monotonic_decreasing
    assert curve["mean"].iloc[0] > 0.95
    assert curve["mean"].iloc[-1] < 0.6


def test_the_rates_measured_together_do_not_change_a_rows_number(rows):
    alone = list(sweep.run(replace(SPEC, bers=(3e-2,))))
    assert [r["correct"] for r in alone] == [r["correct"] for r in rows if r["ber"] == 3e-2]


def test_accuracy_falls_with_the_attacks_budget_and_eps_0_is_clean(attacked, rows):
    accuracy = [r["correct"] / r["n"] for r in attacked]
    assert accuracy == sorted(accuracy, reverse=True)
    assert accuracy[0] > 0.9
    assert accuracy[-1] < 0.5


def test_the_same_attack_twice_gives_identical_rows(attacked):
    assert list(sweep.run(ATTACK)) == attacked


def test_a_row_tells_the_weights_the_images_and_the_code_that_made_it(rows):
    images = data.load("signs", "test").first(200)
    assert rows[0]["weights"] == checkpoints.card(BASE)["sha256"][:16]
    assert rows[0]["images"] == images.hash
    assert rows[0]["code"] == sweep.code_hash()


def test_flips_in_one_plane_stay_there():
    spec = replace(SPEC, bers=(1.0,), planes=(0,), maps=1, n=20)
    (row,) = sweep.run(spec)
    bench = FaultyNetwork(checkpoints.load(BASE), Encoding.parse("int8"))
    assert row["flips"] == bench.model.n_bits // 8
    assert row["region"] == "bit 0"
    assert row["correct"] > 15  # the least significant bit of every weight costs next to nothing


def test_a_network_of_nan_is_counted_and_right_about_nothing():
    def broken(x):
        return torch.full((len(x), 4), torch.nan)

    x, y = torch.zeros(5, 3, 2, 2), torch.tensor([0, 0, 1, 2, 3])
    assert sweep.score(broken, x, y) == (0, 5)


def test_data_of_other_classes_and_too_many_images_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="knows the classes of signs, not those of cifar10"):
        next(sweep.run(replace(SPEC, data="cifar10")))
    with pytest.raises(ValueError, match=r"n must lie in 1\.\.4000, the test images of signs, got 5000"):
        next(sweep.run(replace(SPEC, n=5000)))


def test_the_shipped_resnet18_is_as_good_on_real_images_as_its_card_says(real):
    name = "cifar10/resnet18/base"
    if name not in checkpoints.names():
        pytest.skip(f"{name} is not trained yet")
    images = real("cifar10").first(500)
    bench = FaultyNetwork(checkpoints.load(name), Encoding.parse("int8"))
    correct, due = sweep.score(bench.network, sweep.pixels(images), torch.from_numpy(images.y))
    low, high = stats.wilson(checkpoints.card(name)["test"]["accuracy"], 500, level=0.999)
    assert low < correct / 500 < high
    assert due == 0


def test_the_clean_words_answer_as_the_float_weights_do():
    checkpoint = checkpoints.load(BASE)
    images = data.load("signs", "test").first(300)
    x, y = sweep.pixels(images), torch.from_numpy(images.y)
    of = {
        e: sweep.score(FaultyNetwork(checkpoint, Encoding.parse(e)).network, x, y)[0]
        for e in ("fp32", "int8", "fp16")
    }
    assert of["fp16"] == of["fp32"]  # the file keeps weights as float16
    assert abs(of["int8"] - of["fp32"]) <= 2
    assert of["fp32"] / 300 == pytest.approx(checkpoints.card(BASE)["test"]["accuracy"], abs=0.03)
    assert np.isfinite(images.pixels).all()
