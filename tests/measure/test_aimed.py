"""Attacks on deployed files, and what their twins' gradients are for: rows, guards, bit search, heatmap."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import resq
from resq import data
from resq.attacks import gradient
from resq.attacks.bit_search import flips_of
from resq.cli import main
from resq.deployed.network import Network
from resq.deployed.pixels import Asked, Pixels
from resq.deployed.twin import check
from resq.deployed.twin.module import Twin
from resq.measure.analysis import layer_heatmap
from resq.measure.run import joint_attack, sweep
from resq.measure.run.deployed import aimed, attack_checks, file_bits, file_normals
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec
from tests import deployed_files

UNIT = Asked((0.0, 1.0))
N = 16


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return deployed_files.made(tmp_path_factory.mktemp("aimed"))


@pytest.fixture(autouse=True)
def _few_queries(monkeypatch):
    monkeypatch.setitem(joint_attack.ATTACKS, "square", partial(gradient.square, queries=60))
    monkeypatch.setitem(joint_attack.ATTACKS, "apgd", partial(gradient.apgd, steps=3))


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


@pytest.fixture(scope="module")
def finer():
    """Images of signs between the 256 steps of uint8, float32 in [0, 1], and their labels."""
    images = data.load("signs", "test").first(40)
    return images.pixels.astype(np.float32) / np.float32(255) * np.float32(0.998) + np.float32(7e-4), images.y


@pytest.mark.parametrize("attack", ["pgd", "square"])
def test_images_finer_than_uint8_are_attacked_as_they_are(files, finer, attack):
    (x, y), about = (finer[0][:N], finer[1][:N]), {"inputs": "range 0,1", "progress": False}
    clean = resq.sweep(str(files["qoperator"]), x, y, ber=0, **about).rows[0]["correct"]
    found = resq.attack(str(files["qoperator"]), x, y, attack=attack, eps=[0], steps=2, **about).rows[0]
    assert clean > N / 2
    assert found["correct"] == clean


def test_images_finer_than_uint8_give_the_gradients_of_what_they_show(files, finer):
    x, y = finer[0][:4], finer[1][:4]
    images = data.Dataset("finer", "test", x, y, data.source("signs").classes)
    with Network(files["float"], asked=UNIT) as network:
        twin = Twin(network)
        assert check.compare(network, twin, x, y).agree == 1
        guards = {g.name: g.value for g in attack_checks.file_guards(network, x, y, 2.0, 2)}
        assert guards["the twin answers as the runtime does"] == 0
        assert guards["a budget of 0 is the clean accuracy"] == 0
        way = np.array([0.0]), np.array([1.0])
        assert file_normals._right(network, way, images).sum() == (network.logits(x).argmax(1) == y).sum()
        slopes = [file_bits._gradients(network, twin, file_bits.computed(network, twin), one, y[:2], [])
                  for one in (x[:2], np.rint(255 * x[:2]).astype(np.uint8))]  # fmt: skip
    name = network.stored[0].name
    assert np.corrcoef(slopes[0][name], slopes[1][name])[0, 1] > 0.99


def resized(n, side):
    """Pictures of signs of another size, uint8 (n, 3, side, side), and their labels."""
    images = data.load("signs", "test").first(n)
    planes = [[Image.fromarray(p).resize((side, side)) for p in image] for image in images.pixels]
    return np.array([[np.asarray(p) for p in image] for image in planes]), images.y


@pytest.mark.parametrize("attack", ["twin-fgsm", "square"])
def test_an_attack_of_budget_0_leaves_resized_pictures_as_they_are_measured(files, attack):
    x, y = resized(N, 45)
    cell = Cell(str(files["qoperator"]), "", "", attack=attack, eps=0.0)
    with Network(files["qoperator"], asked=UNIT) as network:
        moved = aimed.moved(cell, network, x, y, attack_checks.NO_FLIPS)
        assert moved.shape == (N, 3, 32, 32)
        assert network.logits(moved).tobytes() == network.logits(x).tobytes()


def test_colours_become_grey_once_and_grey_pictures_move_as_one():
    x = resized(2, 32)[0]
    grey = Pixels("nhwc", 1, 20, 20, 0.0, 255.0)
    assert np.array_equal(grey.unit(x) * np.float32(255), grey.fitted(x))
    assert Pixels("nhwc", 3, 32, 32, 0.0, 255.0).unit(x[:, :1]).shape == (2, 1, 32, 32)


def test_a_long_attack_on_a_file_that_was_killed_goes_on_with_its_next_batch(files, monkeypatch):
    monkeypatch.setattr(joint_attack, "BATCH", 4)
    begun, of_batch = [], joint_attack.of_batch
    once = rows(files["qoperator"], attack="square", eps=(4.0,), seed=5)[0]

    def killed(network, x, y, threat, number, **options):
        begun.append(number)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return of_batch(network, x, y, threat, number, **options)

    monkeypatch.setattr(joint_attack, "of_batch", killed)
    with pytest.raises(KeyboardInterrupt):
        rows(files["qoperator"], attack="square", eps=(4.0,), seed=5)
    assert rows(files["qoperator"], attack="square", eps=(4.0,), seed=5)[0] == once
    assert begun == [0, 1, 2, 2, 3]


def test_what_decides_a_files_moved_images_names_all_that_they_hang_on(files, finer):
    x, y = finer[0][:4], finer[1][:4]
    cell, twins = (Cell("", "", "", attack=attack, eps=4.0) for attack in ("square", "twin-square"))
    none, some = attack_checks.NO_FLIPS, flips_of([3])
    with (
        Network(files["qoperator"], asked=UNIT) as a,
        Network(files["qdq-tensor"], asked=UNIT) as b,
        Network(files["qoperator"], asked=Asked((-1.0, 1.0))) as c,
    ):
        ways = [(cell, a, x, y, none), (cell, b, x, y, none), (cell, c, x, y, none), (cell, a, x, y, some),
                (cell, a, x[::-1], y, none), (cell, a, x, y[::-1], none), (twins, a, x, y, none)]  # fmt: skip
        assert len({aimed.made_of(*way) for way in ways}) == len(ways)


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
    bad = attack_checks.blinded({"square": strong, "twin-pgd": weak, "twin-apgd": weak})
    assert (bad.verdict, bad.value) == ("red", 100)
    few = weak.copy()
    few[:3] = False  # three images of a hundred are noise: 3.4 pp
    assert attack_checks.blinded({"square": few, "twin-pgd": weak, "twin-apgd": weak}).verdict == "green"
    assert attack_checks.blinded({"square": weak, "twin-pgd": strong, "twin-apgd": strong}).value == -100


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
        found = {g.name: g for g in attack_checks.file_guards(network, images.pixels, images.y, 16.0, 2)}
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
    found = layer_heatmap.read(out)
    assert isinstance(found, pd.DataFrame)
    assert set(found["bit"]) == {0, 1, 2, 3}
    by_bit = found.groupby("bit")["change"].mean()
    assert by_bit[3] > by_bit[0]
    assert (found["encoding"] == "as stored").all()
