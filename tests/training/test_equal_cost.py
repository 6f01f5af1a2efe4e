"""Adversarial methods at equal cost: the shipped design is equal in cost, and a run goes on where it was."""

import json
import sys

import pytest

from benchmarks.equal_cost import __main__ as command
from benchmarks.equal_cost import design, side_by_side
from resq import data
from resq.core import paths
from resq.core.errors import ResqError
from resq.data.held_out import held_out
from resq.measure.analysis import paired
from resq.measure.store import table
from tests.tables import tenths_table, whole_table

SHIPPED = paths.ASSETS / "specs" / "adversarial" / "equal-cost.toml"
TINY = """
base = "signs/resnet20/base"
n = 20
steps = 2
strong = 2
[shared]
batch = 16
n_valid = 20
[[run]]
name = "n-fgsm"
images = 32
seeds = 2
options = { method = "n-fgsm", epochs = 1 }
[[run]]
name = "pgd"
images = 32
options = { method = "pgd", steps = 1, epochs = 1 }
"""


def test_every_run_of_the_shipped_design_takes_as_many_passes():
    shipped = design.read(SHIPPED)
    most, least = (pick(shipped.passes(run) for run in shipped.run) for pick in (max, min))
    assert most <= 1.001 * least
    assert [run.seeds for run in shipped.run] == [3, 1, 1, 1]


def test_the_cheaper_method_has_less_than_six_tenths_of_the_passes_and_nothing_else_of_its_own():
    usual, cheap = design.read(SHIPPED.with_name("six-tenths.toml")).run
    shared = design.read(SHIPPED)
    assert shared.passes(cheap) <= 0.54 * shared.passes(usual)  # a pass that learns costs more
    assert usual.seeds == cheap.seeds == 5
    own = (
        {k: v for k, v in run.options.items() if k not in ("method", "steps", "step")}
        for run in (usual, cheap)
    )
    assert next(own) == next(own)


def test_a_run_is_trained_and_judged_once_and_no_other_design_goes_on_from_it(
    own_folders, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    monkeypatch.setattr(sys, "argv", ["equal_cost", str(file)])
    command.main()
    rows = table.read(file.with_suffix(".parquet"))
    costs_of = json.loads(file.with_suffix(".json").read_text())["runs"]
    assert list(costs_of) == [f"signs/resnet20/equal-{name}" for name in ("n-fgsm-s0", "pgd-s0", "n-fgsm-s1")]
    assert rows["attack"].tolist() == ["none", "pgd", "autoattack"] * 3
    assert all(cost["processor_seconds"] > 0 for cost in costs_of.values())
    assert set(rows["weights"]) == {cost["sha256"][:16] for cost in costs_of.values()}

    monkeypatch.setattr(command, "train", None)  # a second call trains nothing
    command.main()
    assert table.read(file.with_suffix(".parquet")).equals(rows)

    file.write_text(TINY.replace("steps = 1", "steps = 3"))
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert "tiny.json holds runs of design" in capsys.readouterr().err
    for text, sentence in (("bass = 1\n" + TINY, "bass"), ("n = 1\n", "tiny.toml names no [[run]]")):
        file.write_text(text)
        with pytest.raises(SystemExit, match="2"):
            command.main()
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(("low", "high", "share", "said"), [
    (-0.02, 0.03, 0.6, "is reached in at most 0.6"),
    (-0.021, 0.03, 0.6, "open"),
    (-0.06, -0.021, 0.5, "missed"),
    (0.01, 0.03, 0.61, "more than 0.6 of the time"),
])  # fmt: skip
def test_reached_is_what_the_design_calls_so(low, high, share, said):
    about = SHIPPED.with_name("six-tenths.toml").read_text()
    assert f"{tenths_table.SHARE:g} of its processor time" in about
    assert f"-{100 * tenths_table.MARGIN:g} points" in about
    assert said in tenths_table._word({"mean": (low + high) / 2, "low": low, "high": high}, share)


LIST = """
base = "signs/resnet20/base"
images = {images}
[options.adversarial]
{options}
n_valid = 20
[[checkpoint]]
variant = "{variant}"
stages = ["{stage}"]
"""


def test_two_hardenings_are_timed_in_turn_and_told_for_all_their_images_and_epochs(own_folders, tmp_path):
    usual, cheap = tmp_path / "usual.toml", tmp_path / "cheap.toml"
    pgd, fgsm = 'method = "pgd"\nsteps = 6\nepochs = 4', 'method = "n-fgsm"\nepochs = 2\nwatch = 20'
    usual.write_text(LIST.format(images=0, options=pgd, variant="attack", stage="adversarial"))
    cheap.write_text(LIST.format(images=500, options=fgsm, variant="quick", stage="adversarial"))
    plans = [side_by_side.planned(usual, "attack"), side_by_side.planned(cheap, "quick")]
    made = side_by_side.compared(plans, images=256, rounds=1)
    learned = len(held_out(data.load("signs", "train"))[0])
    assert (made["first"]["images"], made["second"]["images"]) == (learned, 500)
    assert made["first"]["look"] == [0.0] < made["second"]["look"]
    for row, epochs in ((made["first"], 4), (made["second"], 2)):
        assert row["whole"][0] == pytest.approx(
            epochs * (row["image"][0] * row["images"] + row["look"][0]), abs=0.1
        )
    assert made["share"] == pytest.approx(made["second"]["whole"][0] / made["first"]["whole"][0])


def test_a_hardening_that_does_not_begin_with_attacks_has_nothing_to_compare(tmp_path):
    file = tmp_path / "list.toml"
    file.write_text(LIST.format(images=0, options="", variant="mine", stage="adversarial"))
    with pytest.raises(
        ResqError, match=r"list\.toml hardens no 'other' against attacks first; it does: mine"
    ):
        side_by_side.planned(file, "other")


@pytest.mark.parametrize(
    ("mean", "high", "share", "said"),
    [
        (0.03, 0.06, 0.61, "it is more than 0.6 of the time, whatever was reached"),
        (-0.021, 0.02, 0.5, "it is missed"),
        (-0.019, 0.02, 0.5, "the robust accuracy is reached in at most 0.6 of the time"),
        (-0.01, -0.001, 0.5, "whether it is reached is open"),
    ],
)
def test_on_the_whole_budget_it_is_called_what_the_design_says(mean, high, share, said):
    apart = paired.Difference(mean, 2 * mean - high, high, 0, 500, 0.5, "images", 0.5)
    assert whole_table.word(apart, share) == said
