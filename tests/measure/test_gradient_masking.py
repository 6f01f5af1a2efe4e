"""Guards: a network that hides its gradients is found out; verdicts follow from values and limits."""

import json
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from resq import checkpoints, data
from resq.attacks.gradient import ATTACKS
from resq.cli import main
from resq.core import Encoding
from resq.core.errors import LackingError
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run import joint_attack, sweep
from resq.measure.run.gradient_masking import Check, excess, parent_of, run_checks, zero_gradients

BASE = "signs/resnet20/base"


@pytest.fixture(scope="module", autouse=True)
def _short_apgd():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(joint_attack.ATTACKS, "apgd", partial(ATTACKS["apgd"], steps=2))
        yield


@pytest.fixture(scope="module")
def bench():
    return FaultyNetwork(checkpoints.load(BASE), Encoding(8))


@pytest.fixture(scope="module")
def xy():
    images = data.load("signs", "test").first(12)
    return sweep.pixels(images), torch.from_numpy(images.y)


def masked(bench: FaultyNetwork) -> SimpleNamespace:
    """The same answers, and a gradient of zero everywhere."""
    return SimpleNamespace(network=lambda x: bench.network(x.detach()) + 0 * x.sum())


@pytest.fixture(scope="module")
def found(bench, xy):
    return {g.id: g for g in run_checks(masked(bench), bench, *xy, eps=8.0, steps=2, enough=12)}


def test_a_network_that_hides_its_gradients_is_red_where_it_shows(found):
    assert found["gradients"].value == 100
    for name in ("gradients", "parent", "huge"):
        assert found[name].verdict == "red", found[name]


def test_a_masked_network_still_passes_what_does_not_depend_on_gradients(found):
    for name in ("zero", "box"):
        assert found[name].verdict == "green"
    assert "clean 100.0 %" in found["zero"].says


def test_an_honest_network_has_gradients_and_its_parents_examples_are_no_stronger(bench, xy):
    x, y = xy
    assert zero_gradients(bench.network, x, y) == 0
    assert zero_gradients(masked(bench).network, x, y) == 1


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(-3.0, "green"), (0.5, "green"), (0.5 + 1e-12, "green"), (0.51, "amber"), (2.0, "amber"), (2.1, "red")],
)
def test_a_verdict_follows_from_the_value_and_two_limits(value, verdict):
    assert Check("x", "x", value, "pp", 0.5, 2.0, "").verdict == verdict
    assert Check("x", "x", None, "pp", 0.5, 2.0, "").verdict == "not measured"


@pytest.mark.parametrize(("value", "verdict"), [(1.8, "green"), (2.0, "amber"), (4.8, "amber"), (5.0, "red")])
def test_no_guard_is_decided_by_a_tie(value, verdict):
    # Of 500 images one is 0.2 points: what lies on the limit has not kept it.
    assert Check("apgd", "x", value, "pp", 2.0, 5.0, "", images=500).verdict == verdict
    assert Check("zero", "x", 0.0, "pp", 0.0, 0.0, "", images=500).verdict == "green"  # 0 is meant


def test_on_few_images_a_guard_that_counts_them_is_not_judged():
    assert Check("apgd", "x", 0.0, "pp", 2.0, 5.0, "", images=100).verdict == "too few images"
    assert Check("box", "x", 0.0, "1/255", 1e-3, 1e-3, "").verdict == "green"


def test_a_network_that_is_its_own_parent_drops_the_guard_that_could_not_fail(bench, xy):
    parent = FaultyNetwork(checkpoints.load(BASE), Encoding.parse("fp32"))
    assert parent_of(parent, parent) == (None, 0.0)
    kept, share = parent_of(bench, parent)
    assert (kept, share > 0.01) == (parent, True)
    x, y = xy
    found = {g.id: g for g in run_checks(bench, None, x[:2], y[:2], steps=1, enough=1)}["parent"]
    assert (found.verdict, found.value) == ("dropped", None)
    assert "could not be stronger" in found.says


def test_every_guard_has_an_id_of_its_own(found):
    assert sorted(found) == sorted(
        ["fgsm", "apgd", "longer", "restarted", "huge", "parent", "gradients", "zero", "box", "works"]
    )


def test_a_pixel_beyond_its_budget_or_outside_the_picture_is_measured_in_levels():
    x = torch.full((1, 3, 2, 2), 0.5)
    assert excess(x, x + 8 / 255, 8.0) == pytest.approx(0, abs=1e-4)
    assert excess(x, x + 10 / 255, 8.0) == pytest.approx(2, abs=1e-4)
    assert excess(x, x + 0.6, 255.0) == pytest.approx(25.5, abs=1e-3)


def test_without_the_package_apgd_is_not_measured_and_all_else_is(monkeypatch, bench, xy):
    def missing(*_, **__):
        raise LackingError("pyautoattack is not there")

    monkeypatch.setitem(joint_attack.ATTACKS, "apgd", missing)
    x, y = xy
    verdicts = {g.id: g.verdict for g in run_checks(bench, bench, x[:2], y[:2], steps=1, enough=1)}
    assert verdicts.pop("apgd") == "not measured"
    assert "not measured" not in verdicts.values()


def test_the_command_prints_verdicts_with_their_numbers_and_writes_them(capsys, tmp_path):
    file = tmp_path / "guards.json"
    given = ["guards", BASE, "--n", "4", "--steps", "1", "--out", str(file)]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "green to" in said
    assert "accuracy under FGSM" in said
    assert len(json.loads(file.read_text())["guards"]) == 10
