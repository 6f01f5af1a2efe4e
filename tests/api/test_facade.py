"""The façade: the command's rows byte for byte, any module and any images, nothing of yours written."""

import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import resq
from resq import checkpoints, cli
from resq.core.errors import ResqError
from resq.core.paths import ROOT
from resq.measure.store import table
from tests import deployed_files, small_file

BASE = "signs/resnet20/base"
ASKED = {"encoding": "int8", "ber": [0, 1e-3, 3e-2], "maps": 2, "seed": 3}


@pytest.fixture(scope="module")
def xy():
    return resq.load_images("signs", n=60)


@pytest.fixture(scope="module")
def result(xy):
    return resq.sweep(resq.load(BASE), *xy, **ASKED)


def text(rows):
    return json.dumps([table.plain(row) for row in rows])


class Tutorial(nn.Module):
    """A network as tutorials write it: its own view of what is contiguous."""

    def __init__(self):
        super().__init__()
        self.conv1, self.pool = nn.Conv2d(3, 6, 5), nn.MaxPool2d(2, 2)
        self.conv2, self.fc = nn.Conv2d(6, 16, 5), nn.Linear(16 * 5 * 5, 16)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc(x.view(-1, 16 * 5 * 5))


def test_about_a_dozen_names_are_exported_and_each_is_there():
    assert len(resq.__all__) <= 14
    assert all(getattr(resq, name) is not None for name in resq.__all__)
    with pytest.raises(AttributeError, match="'swep'; it has"):
        resq.swep  # noqa: B018


def test_the_command_of_a_result_measures_the_same_rows_byte_for_byte(result, capsys):
    words = result.command.split()[3:]
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert json.dumps(told["rows"]) == text(result.rows)
    assert told["hashes"]["spec"] == result.spec.hash
    assert len({row["key"] for row in result.rows}) == len(result.rows)


def test_the_job_that_a_page_starts_measures_the_same_rows_byte_for_byte(result):
    words = [sys.executable, "-m", "resq", *result.spec.argv(), "--stream"]
    # One thread, as this process has: sums over threads are made in another order.
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True,
                           env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert json.dumps([line["row"] for line in told if "row" in line]) == text(result.rows)


def test_names_arrays_tensors_and_loaders_of_the_same_images_are_the_same_rows(result, xy):
    x, y = xy
    bytes_ = (x * 255).round().to(torch.uint8).numpy()
    loader = DataLoader(TensorDataset(x, y), batch_size=16)
    for images in [("signs",), (bytes_, y.numpy()), (bytes_.transpose(0, 2, 3, 1), y), (loader,), ()]:
        found = resq.sweep(BASE, *images, n=60, **ASKED)
        assert text(found.rows) == text(result.rows), [type(part) for part in images]
        assert found.spec.hash == result.spec.hash


def test_a_network_changed_since_it_was_loaded_is_not_taken_for_its_checkpoint(result, xy):
    model = resq.load(BASE)
    with torch.no_grad():
        next(model.parameters()).mul_(1.5)
    found = resq.sweep(model, *xy, **ASKED)
    assert found.rows[0]["checkpoint"].startswith("ResNet20@")
    assert found.rows[0]["key"] != result.rows[0]["key"]
    assert found.command == ""


def test_a_copy_of_a_checkpoint_is_measured_as_the_checkpoint_is(result, xy):
    import copy

    own = resq.sweep(copy.deepcopy(resq.load(BASE)), *xy, **ASKED)
    assert [row["flips"] for row in own.rows] == [row["flips"] for row in result.rows]
    # Norms stay as they are in a module of one's own, so a last digit may differ; a row by one image at most.
    apart = [abs(a["correct"] - b["correct"]) for a, b in zip(own.rows, result.rows, strict=True)]
    assert max(apart) <= 1


def test_a_module_of_ones_own_is_swept_attacked_and_mapped_and_never_written(xy):
    torch.manual_seed(0)
    model = Tutorial().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    swept = resq.sweep(model, *xy, ber=[0, 0.05], maps=2)
    attacked = resq.attack(model, *xy, eps=[0, 8], steps=3)
    heat = resq.sensitivity(model, *xy)
    assert swept.rows[1]["bits"] == 8 * (6 * 75 + 16 * 150 + 16 * 400)
    assert attacked.rows[0]["correct"] >= attacked.rows[1]["correct"]
    assert set(heat.cells["layer"]) == {"conv1.weight", "conv2.weight", "fc.weight"}
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_accuracy_of_a_module_is_that_of_its_own_forward(xy):
    torch.manual_seed(0)
    model, (x, y) = Tutorial().eval(), xy
    with torch.no_grad():
        right = int((model(x).argmax(1) == y).sum())
    assert resq.sweep(model, x, y, encoding="fp32", ber=0).rows[0]["correct"] == right


def test_the_flips_of_flip_bits_are_those_of_the_sweeps_rows(result, xy):
    x, y = xy
    for row in result.rows[1:3]:
        with (
            resq.flip_bits(BASE, encoding="int8", ber=row["ber"], top=3e-2, seed=3) as faulty,
            torch.no_grad(),
        ):
            assert abs(int((faulty(x).argmax(1) == y).sum()) - row["correct"]) <= 1


@pytest.mark.parametrize("model", [BASE, "a file"])
def test_a_map_is_not_drawn_at_less_than_the_rate_of_its_flips(model, tmp_path):
    model = str(small_file.made(tmp_path)) if model == "a file" else model
    said = "top must be 0 or reach the rates, up to 0.01, got 0.001"
    with pytest.raises(ResqError, match=said):
        resq.flip_bits(model, ber=1e-2, top=1e-3).__enter__()
    with pytest.raises(ResqError, match=said):
        resq.sweep(BASE, ber=[1e-2], top=1e-3, n=10, maps=1)


def words(model):
    return [value.detach().clone() for value in model.state_dict().values()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("encoding", ["int8", "fp32", "int4-tmr2", "bf16"])
def test_flips_are_restored_bit_for_bit_and_never_reach_the_model_given(encoding):
    torch.manual_seed(1)
    model = Tutorial()
    given, clean = words(model), words(resq.quantize(model, encoding))
    with resq.flip_bits(model, encoding=encoding, ber=0.02, seed=5) as faulty:
        assert isinstance(faulty, Tutorial)
        assert not same(words(faulty), clean)
        assert same(words(model), given)
    assert same(words(faulty), clean)
    assert same(words(model), given)


def test_flips_are_restored_after_an_exception():
    model = Tutorial()
    with pytest.raises(RuntimeError, match="mine"), resq.flip_bits(model, ber=0.02) as faulty:
        raise RuntimeError("mine")
    assert same(words(faulty), words(resq.quantize(model, "int8")))


def test_flips_within_flips_meet_the_same_words_and_are_undone_one_by_one():
    model = Tutorial()
    clean = words(resq.quantize(model, "int8"))
    with resq.flip_bits(model, ber=0.02, seed=1) as outer:
        once = words(outer)
        with resq.flip_bits(outer, ber=0.02, seed=1) as twice:
            assert same(words(twice), clean)  # every bit flipped twice
        with resq.flip_bits(outer, ber=0.02, seed=2) as both:
            assert not same(words(both), once)
            assert same(words(outer), once)
        assert same(words(outer), once)
    assert same(words(outer), clean)
    with resq.flip_bits(model, ber=0.02) as outer, pytest.raises(ResqError, match="stored as int8"):
        resq.flip_bits(outer, ber=0.02, encoding="fp32").__enter__()


def test_a_checkpoint_that_others_read_is_not_touched():
    shared = resq.load(BASE)
    before = words(shared)
    with resq.flip_bits(shared, ber=0.05) as faulty:
        assert same(words(shared), before)
        assert not same(words(faulty.body), words(shared.body))


def test_weights_are_found_by_parameter_whatever_the_layer():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(3, 4, 3)
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
            self.lstm, self.position = nn.LSTM(4, 5, batch_first=True), nn.Parameter(torch.randn(1, 9, 4))
            self.head = nn.utils.parametrizations.weight_norm(nn.Linear(5, 7))

        def forward(self, x):
            x = self.conv(x.flatten(2)).transpose(1, 2)[:, :9] + self.position
            x = self.attention(x, x, x)[0]
            return self.head(self.lstm(x)[0][:, -1])

    found = resq.sweep(Odd(), np.zeros((4, 3, 8, 8), np.uint8), [0, 1, 2, 6], ber=1e-2, maps=1).rows
    wide = 4 * 9 + 12 * 4 + 4 * 4 + 20 * 4 + 20 * 5 + 7 * 5
    assert found[0]["bits"] == 8 * wide


def test_tied_weights_are_one_memory_and_measured_whole(xy):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.two.weight = self.one.weight
            self.head = nn.Linear(3, 16)

        def forward(self, x):
            return self.head(self.two(self.one(x).relu()).mean((2, 3)))

    x, y = xy
    model = Tied()
    found = resq.sensitivity(model, x, y, measured=True, maps=1)
    layer = found.frame[(found.frame["kind"] == "measured") & (found.frame["layer"] == "one.weight")]
    assert len(layer) == 8
    with resq.flip_bits(model, ber=0.3, layers=["one.*"]) as faulty:
        assert faulty.one.weight is faulty.two.weight


def test_finer_images_than_eight_bits_are_measured_as_they_are():
    torch.manual_seed(0)
    x, y = torch.rand(20, 3, 32, 32), torch.arange(20) % 16
    model = Tutorial().eval()
    with torch.no_grad():
        right = int((model(x).argmax(1) == y).sum())
    found = resq.sweep(model, x, y, encoding="fp32", ber=0)
    assert found.rows[0]["correct"] == right
    assert found.rows[0]["data"].startswith("images@")
    assert resq.sweep(model, x, y, encoding="fp32", ber=0).rows == found.rows
    assert resq.sweep(model, x + 1e-6, y, encoding="fp32", ber=0).rows[0]["key"] != found.rows[0]["key"]


def test_the_normalisation_given_decides_the_key_and_the_answers(xy):
    model = Tutorial()
    one, other = (resq.load(model, mean=[m] * 3, std=[0.5] * 3) for m in (0.4, 0.5))
    first, second = (resq.sweep(m, *xy, encoding="fp32", ber=0).rows[0] for m in (one, other))
    assert first["key"] != second["key"]


def test_a_result_is_saved_read_again_plotted_and_reported(result, tmp_path):
    file = result.save(tmp_path / "rows.parquet")
    assert table.read(file).equals(result.frame)
    with pytest.raises(ResqError, match="exists already"):
        result.save(file)
    with pytest.raises(ResqError, match=r"got .*rows\.txt"):
        result.save(tmp_path / "rows.txt")
    assert type(result.plot()).__name__ == "Figure"
    page = resq.report(result, tmp_path / "report.html").read_text(encoding="utf-8")
    assert result.rows[0]["weights"] in page
    assert "low" in repr(result)


def test_a_deployed_file_is_swept_and_flipped_as_the_command_does_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = str(deployed_files.made(tmp_path, carriers=["qdq-tensor"])["qdq-tensor"])
    x, y = resq.load_images("signs", n=20)
    model = resq.load(file, inputs="range 0,1")
    found = resq.sweep(model, x, y, ber=[0, 0.02], maps=2)
    assert cli.main([*shlex.split(found.command)[3:], "--json"]) == 0
    assert json.dumps(json.loads(capsys.readouterr().out)["rows"]) == text(found.rows)
    with resq.flip_bits(model, ber=0.02) as faulty:
        right = int((faulty.logits(x.numpy()).argmax(1) == y.numpy()).sum())
    assert right == found.rows[1]["correct"]
    model.close()


def test_a_deployed_file_is_mapped_layer_by_bit_and_no_command_is_told(tmp_path):
    x, y = resq.load_images("signs", n=20)
    model = resq.load(str(small_file.made(tmp_path)), inputs="range 0,1")
    heat = resq.sensitivity(model, x, y, maps=1)
    assert len(heat.cells) == 2 * 8
    assert heat.plot().data
    assert not heat.command
    model.close()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: resq.load(3), "an nn.Module, got int"),
        (lambda: resq.load("signs/none/base"), "no checkpoint 'signs/none/base'"),
        (lambda: resq.sweep(Tutorial()), "give images and labels"),
        (lambda: resq.sweep(Tutorial(), np.zeros((2, 3, 40, 40)), [0, 1]), "does not take images of shape"),
        (lambda: resq.sweep(Tutorial(), np.zeros((2, 3, 32, 32)) - 2, [0, 1]), r"got -2 to -2; leave norm"),
        (lambda: resq.sweep(Tutorial(), np.zeros((2, 3, 32, 32)), [0.5, 1]), "labels are whole numbers"),
        (lambda: resq.sweep(Tutorial(), np.zeros((2, 3, 32, 32)), [0, 99], ber=0), "tells 16 classes apart"),
        (lambda: resq.sweep(Tutorial(), np.zeros((2, 3, 32, 32))), "labels are missing"),
        (lambda: resq.sweep(nn.Identity(), np.zeros((2, 3, 8, 8)), [0, 1]), "has no weights by their names"),
        (lambda: resq.attack(BASE, eps=[]), "one budget eps or more"),
        (lambda: resq.attack(BASE, ber=0.1), "no ber"),
        (lambda: resq.harden(Tutorial()), "hardening trains a checkpoint"),
        (lambda: resq.load(Tutorial(), mean=[1.0], std=[1.0]), "mean is three numbers, one for each channel"),
        (lambda: resq.load(Tutorial(), mean=[0.5] * 3), "three numbers each"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence(call, said):
    with pytest.raises(ResqError, match=said):
        call()


def test_networks_without_a_file_are_few_in_memory():
    for seed in range(checkpoints.MOST_HELD + 2):
        torch.manual_seed(seed)
        resq.quantize(Tutorial())
    assert len(checkpoints._HELD) <= checkpoints.MOST_HELD
