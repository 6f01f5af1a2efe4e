"""Faults and attack at once: its edges are the curves apart, its cells what a rebuilt network answers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from resq import checkpoints, data
from resq.cli import main
from resq.core import Encoding
from resq.measure.analysis import joint_grid
from resq.measure.engine.faulty_network import FaultyNetwork, network_of
from resq.measure.engine.predictions import evaluate
from resq.measure.run import joint_attack, sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.memory import flipping

BASE = "signs/resnet20/base"
SPEC = SweepSpec(
    BASE, bers=(0.0, 2e-2), eps=(0.0, 8.0), maps=2, n=16, steps=2, modes=("adaptive", "transfer")
)


@pytest.fixture(scope="module")
def rows():
    return list(sweep.run(SPEC))


@pytest.fixture(scope="module")
def bench():
    return FaultyNetwork(checkpoints.load(BASE), Encoding(8))


@pytest.fixture(scope="module")
def xy():
    images = data.load("signs", "test").first(16)
    return sweep.pixels(images), torch.from_numpy(images.y)


def cells(rows, **wanted):
    return [row for row in rows if all(row[k] == v for k, v in wanted.items())]


def test_a_surface_has_as_many_rows_as_its_spec_says_and_every_column(rows):
    assert len(rows) == SPEC.total == 2 * 2 * (1 + 2)
    assert set(rows[0]) == set(table.COLUMNS)
    assert {row["axis"] for row in rows} == {"joint"}


def test_without_an_attack_both_modes_are_the_curve_under_faults(rows):
    apart = [row["right"] for row in sweep.run(replace(SPEC, modes=(), eps=()))]
    for mode in SPEC.modes:
        assert [row["right"] for row in cells(rows, eps=0.0, mode=mode)] == apart


def test_without_faults_the_adaptive_attack_is_the_attack_alone(rows):
    apart = [row["right"] for row in sweep.run(replace(SPEC, modes=(), bers=()))]
    assert [row["right"] for row in cells(rows, ber=0.0, mode="adaptive")] == apart


def test_a_transferred_cell_is_what_a_network_rebuilt_from_the_flipped_words_answers(rows, bench, xy):
    x, y = xy
    moved = joint_attack.perturb(
        bench.network, x, y, joint_attack.AttackConfig("pgd", 8.0, steps=2), early_stop=False
    )
    for row in cells(rows, ber=2e-2, eps=8.0, mode="transfer"):
        flipped = flipping.flip(bench.model, sweep.fault_map(SPEC, bench, row["map"]))
        right, _ = evaluate(network_of(bench.checkpoint, flipped), moved, y)
        assert abs(int(right.sum()) - row["correct"]) <= 1  # folded norms round differently


def test_an_attack_that_knows_the_flips_is_at_least_as_strong(rows):
    total = {m: sum(r["correct"] for r in cells(rows, ber=2e-2, eps=8.0, mode=m)) for m in SPEC.modes}
    assert total["adaptive"] <= total["transfer"]


def test_random_starts_are_the_same_on_every_network(monkeypatch, bench, xy):
    seen = []

    def spy(f, x, y, eps, *, rng, **_):
        seen.append(rng.random())
        return x

    monkeypatch.setitem(joint_attack.ATTACKS, "fgsm", spy)
    threat = joint_attack.AttackConfig("fgsm", 4.0)
    joint_attack.perturb(bench.network, *xy, threat)
    joint_attack.adaptive(bench, sweep.fault_map(SPEC, bench, 0), *xy, threat)
    joint_attack.perturb(bench.network, *xy, joint_attack.AttackConfig("fgsm", 4.0, seed=1))
    assert seen[0] == seen[1] != seen[2]


def test_examples_for_another_network_take_all_their_steps(bench, xy):
    x, y = xy
    threat = joint_attack.AttackConfig("pgd", 8.0, steps=6)
    stopped, whole = (
        joint_attack.perturb(bench.network, x, y, threat, early_stop=stop) for stop in (True, False)
    )
    assert (whole - x).abs().sum() > (stopped - x).abs().sum()


@pytest.mark.parametrize(
    ("attack", "said"), [("pgd", (20, 1)), ("fgsm", (1, 1)), ("apgd", (100, 1)), ("autoattack", (100, 1))]
)
def test_a_row_says_how_many_steps_its_attack_took(attack, said):
    row = joint_attack.AttackConfig(attack).row
    assert (row["steps"], row["restarts"]) == said


def test_a_grid_is_the_mean_over_maps_of_each_cell(rows):
    grid = joint_grid.grid(table.frame(rows)).set_index(["mode", "ber", "eps"])
    assert len(grid) == 8
    found = grid.loc[("adaptive", 2e-2, 8.0)]
    accuracy = np.array([r["correct"] / 16 for r in cells(rows, ber=2e-2, eps=8.0, mode="adaptive")])
    assert found["mean"] == pytest.approx(accuracy.mean())
    assert found["least"] == accuracy.min()
    assert found["maps"] == 2
    clean = grid.loc[("transfer", 0.0, 0.0)]
    assert clean["map_low"] == clean["mean"] == clean["map_high"]
    assert (clean["low"], clean["high"]) == pytest.approx((clean["image_low"], clean["image_high"]))
    assert joint_grid.grid(table.frame([])).empty


def test_a_surface_without_rates_or_budgets_is_refused():
    with pytest.raises(ValueError, match=r"need rates and budgets, got no BER and \(8.0,\)"):
        replace(SPEC, bers=(), eps=(8.0,))
    with pytest.raises(ValueError, match="no mode 'blind'; known: adaptive, transfer"):
        replace(SPEC, modes=("blind",))


def test_the_command_prints_a_line_per_rate_and_a_column_per_budget(capsys):
    given = [
        "sweep",
        BASE,
        "--joint",
        "--ber",
        "0,1e-2",
        "--eps",
        "0,8",
        "--maps",
        "1",
        "--n",
        "10",
        "--steps",
        "1",
    ]
    assert main([*given, "--mode", "transfer"]) == 0
    said = capsys.readouterr().out
    assert "pgd, transfer: accuracy in %" in said
    assert "0/255" in said
    assert "adaptive" not in said
