"""Attacks on deployed files, and what their twins' gradients are for: rows, guards, bit search, heatmap."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from resq import data
from resq.cli import main
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.twin.module import Twin
from resq.measure import black, file_bits, joint, layers, sweep
from resq.measure.spec import SweepSpec
from resq.threat import attacks
from resq.threat.bfa import flips_of
from tests import deployed_files

UNIT = Asked((0.0, 1.0))
N = 16


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return deployed_files.made(tmp_path_factory.mktemp("aimed"))


@pytest.fixture(autouse=True)
def _few_queries(monkeypatch):
    monkeypatch.setitem(joint.ATTACKS, "square", partial(attacks.square, queries=60))
    monkeypatch.setitem(joint.ATTACKS, "apgd", partial(attacks.apgd, steps=3))


def rows(file, **fields):
    spec = SweepSpec(str(file), data="signs", inputs="range 0,1", n=N, steps=5, **fields)
    return list(sweep.run(spec))


@pytest.mark.parametrize(("attack", "said", "steps"), [("pgd", "twin-pgd", 5), ("square", "square", 5000),
                                                       ("twin-fgsm", "twin-fgsm", 1)])  # fmt: skip
def test_a_row_says_whose_gradients_it_used_and_its_accuracy_is_the_runtimes(files, attack, said, steps):
    none, hard = rows(files["qoperator"], attack=attack, eps=(0.0, 16.0))
    assert (hard["attack"], hard["steps"], hard["eps"]) == (said, steps, 16.0)
    assert hard["correct"] < none["correct"]
    with Network(files["qoperator"], asked=UNIT) as network:
        images = data.load("signs", "test").first(N)
        clean = network.logits(images.pixels).argmax(1) == images.y
    assert np.array_equal(np.unpackbits(np.frombuffer(none["right"], np.uint8))[:N].astype(bool), clean)


@pytest.mark.parametrize("attack", ["twin-pgd", "square"])
def test_faults_and_attack_meet_both_ways(files, attack):
    found = rows(
        files["qoperator"],
        attack=attack,
        eps=(2.0,),
        bers=(0.0, 3e-3),
        maps=1,
        modes=("transfer", "adaptive"),
    )
    assert {row["mode"] for row in found} == {"transfer", "adaptive"}
    assert {row["attack"] for row in found} == {attack}
    assert all(row["flips"] > 100 for row in found if row["ber"])
    still = [row["correct"] for row in found if not row["ber"]]
    assert still[0] == still[1]


def test_the_same_seed_gives_the_same_row_whatever_ran_before(files):
    alone = rows(files["qoperator"], attack="pgd", eps=(4.0,), seed=3)[0]
    after = rows(files["qoperator"], attack="pgd", eps=(2.0, 4.0), seed=3)[1]
    assert alone == after


def test_questions_that_find_more_than_gradients_are_flagged_beyond_the_noise():
    strong, weak = np.zeros(100, bool), np.ones(100, bool)
    bad = black.blinded({"square": strong, "twin-pgd": weak, "twin-apgd": weak})
    assert (bad.verdict, bad.value) == ("red", 100)
    few = weak.copy()
    few[:3] = False  # three images of a hundred are noise: 3.4 pp
    assert black.blinded({"square": few, "twin-pgd": weak, "twin-apgd": weak}).verdict == "green"
    assert black.blinded({"square": weak, "twin-pgd": strong, "twin-apgd": strong}).value == -100


def test_the_guards_of_a_file_have_verdicts(files, capsys):
    told = [
        "guards",
        str(files["qoperator"]),
        "--data",
        "signs",
        "--range",
        "0..1",
        "--n",
        "8",
        "--steps",
        "2",
        "--json",
    ]
    assert main(told) == 0
    found = {g["name"]: g for g in json.loads(capsys.readouterr().out)["guards"]}
    assert len(found) == 9
    assert found["a budget of 0 is the clean accuracy"]["value"] == 0
    same = found["the twin answers as the runtime does"]
    assert same["value"] <= same["green"]
    assert same["verdict"] == "too few images"  # 8 images tell little, whatever they say


def test_a_file_whose_gradients_are_nothing_is_seen_by_the_guards(files, monkeypatch):
    monkeypatch.setattr(Twin, "scores", lambda self, x: 0 * x.sum((1, 2, 3))[:, None] * torch.ones(16))
    images = data.load("signs", "test").first(8)
    with Network(files["qoperator"], asked=UNIT) as network:
        found = {g.name: g for g in black.file_guards(network, images.pixels, images.y, 16.0, 2)}
    assert found["gradients are not zero"].value > found["gradients are not zero"].amber
    assert found["questions alone find no more than the twin's gradients"].value > 0


def test_the_bit_search_is_the_runtimes_and_can_be_made_again(files, capsys):
    told = ["bfa", str(files["qoperator"]), "--data", "signs", "--range", "0..1", "--n", "16", "--test", "40",
            "--flips", "3", "--json"]  # fmt: skip
    assert main(told) == 0
    found = json.loads(capsys.readouterr().out)
    losses = [step["loss"] for step in found["steps"]]
    assert losses == sorted(losses)
    assert losses[-1] > losses[0] + 1
    with Network(files["qoperator"], asked=UNIT) as network:
        names = {step["layer"] for step in found["steps"][1:]}
        assert names <= set(network.layout.layers)
        chosen = flips_of([step["address"] for step in found["steps"][1:]])
        images = data.load("signs", "test").first(56)
        clean = (network.logits(images.pixels).argmax(1) == images.y).sum()
        with network.flipped(chosen):
            assert (network.logits(images.pixels).argmax(1) == images.y).sum() < clean


def test_a_step_says_what_the_weight_was_read_as(files):
    images = data.load("signs", "test").first(8)
    with Network(files["qdq-channel"], asked=UNIT) as network:
        twin = Twin(network)
        step = next(file_bits.search(network, twin, images.pixels, images.y, 1))
        stored = next(s for s in network.stored if s.name == step.layer)
        word = int(network.weights[step.layer].words[step.word])
    channel = np.unravel_index(step.word, stored.shape)[stored.axis] if stored.axis >= 0 else 0
    signed = [(w ^ 128) - 128 for w in (word, word ^ 1 << step.bit)]
    assert [step.before, step.after] == pytest.approx([n * stored.scale[channel] for n in signed])


def test_bit_search_in_floats_is_refused(files):
    images = data.load("signs", "test").first(4)
    with (
        Network(files["float"], asked=UNIT) as network,
        pytest.raises(ValueError, match="integers, got float32"),
    ):
        next(file_bits.search(network, Twin(network), images.pixels, images.y, 1))


def test_the_estimate_is_what_a_flip_adds_where_flips_are_small(files):
    images = data.load("signs", "test").first(16)
    x, y = torch.from_numpy(images.pixels.astype(np.float32)) / 255, torch.from_numpy(images.y)
    with Network(files["float"], asked=UNIT) as network:
        twin = Twin(network, torch.float64)
        found = {(r["layer"], r["bit"]): r for r in file_bits.estimated(network, twin, x.double(), y)}
        assert len(found) == sum(s.width for s in network.stored)
        name = network.stored[4].name
        row = found[name, 20]
        word = row["worst"][0]
        with torch.no_grad():
            before = torch.nn.functional.cross_entropy(twin.scores(x), y).item()
            with twin.flipped(flips_of([network.layout.address(name, word, 20)])):
                after = torch.nn.functional.cross_entropy(twin.scores(x), y).item()
    assert after - before == pytest.approx(row["costs"][0], rel=0.1)
    assert row["loss"] == pytest.approx(before, rel=1e-6)


def test_the_heatmap_of_a_file_is_printed_and_written(files, tmp_path, capsys):
    out = tmp_path / "heat.parquet"
    told = [
        "sensitivity",
        str(files["int4"]),
        "--data",
        "signs",
        "--range",
        "0..1",
        "--n",
        "16",
        "--out",
        str(out),
    ]
    assert main(told) == 0
    assert "bit 3" in capsys.readouterr().out
    found = layers.read(out)
    assert isinstance(found, pd.DataFrame)
    assert set(found["bit"]) == {0, 1, 2, 3}
    by_bit = found.groupby("bit")["change"].mean()
    assert by_bit[3] > by_bit[0]
    assert (found["encoding"] == "as stored").all()
