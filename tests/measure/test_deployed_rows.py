"""Rows of deployed files: specs, keys, the store, the commands."""

import json

import numpy as np
import pytest

from resq.cli import main
from resq.core.paths import work
from resq.deployed.network import file_hash, named
from resq.measure.run.campaign import executors
from resq.measure.run.sweep import Measurer, run
from resq.measure.specs import cells
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import rows_by_key, table
from tests import deployed_files, small_file

UNIT = "range 0,1"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return str(deployed_files.made(tmp_path_factory.mktemp("rows"), carriers=["qdq-tensor"])["qdq-tensor"])


def test_a_spec_of_a_file_stores_its_own_words_and_spells_what_was_said_of_its_input(file):
    spec = SweepSpec(file, data="signs", bers=(0.0, 1e-3), inputs=UNIT, targets="biases")
    assert spec.encoding == "as stored"
    assert spec.argv() == [
        "sweep", file, "--data", "signs", "--ber", "0,0.001", "--targets", "biases", "--range=0,1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "say --data"),
        ({"data": "signs", "encoding": "fp16"}, "integer codes with its own scales.*got fp16"),
        ({"data": "signs", "eps": (8.0,), "attack": "autoattack"}, "'autoattack'; known: square, twin-apgd"),
        ({"data": "signs", "fault": "activations"}, "activations"),
        ({"data": "signs", "targets": "wheels"}, "no targets 'wheels'; known: weights, biases"),
        ({"data": "signs", "inputs": "range 0"}, "what black and white become.*got"),
    ],
)
def test_what_a_file_cannot_do_is_said_before_it_is_run(file, fields, said):
    with pytest.raises(ValueError, match=said):
        SweepSpec(file, bers=(0.0,), **fields)


def test_a_checkpoint_has_no_inputs():
    with pytest.raises(ValueError, match="those of a deployed file, got range 0,1"):
        SweepSpec("signs/resnet20/base", bers=(0.0,), inputs=UNIT)


def test_keys_do_not_depend_on_where_the_file_lies_but_on_what_it_is_and_on_its_runtime(file, monkeypatch):
    here = cells.key(Cell(file, "signs", "as stored"), "a" * 16, "b" * 16)
    there = cells.key(Cell("/else/where/qdq-tensor.onnx", "signs", "as stored"), "a" * 16, "b" * 16)
    assert here == there
    assert cells.key(Cell(file, "signs", "as stored"), "c" * 16, "b" * 16) != here
    monkeypatch.setattr("resq.deployed.network.version", lambda _: "9.9")
    assert cells.key(Cell(file, "signs", "as stored"), "a" * 16, "b" * 16) != here


def test_rows_are_the_same_in_any_order_and_go_into_the_store(file, own_folders):
    spec = SweepSpec(file, data="signs", bers=(0.0, 1e-3, 1e-2), maps=2, n=50, inputs=UNIT)
    rows = list(run(spec))
    again = Measurer()
    for cell, row in reversed(list(zip(spec.cells(), rows, strict=True))):
        assert again.row(cell) == row
    assert [row["key"] for row in rows] == cells.keys(spec.cells())
    assert rows[0]["correct"] > 40
    assert rows[0]["encoding"] == "as stored"
    assert rows[0]["checkpoint"].startswith("qdq-tensor@")
    assert rows[0]["network"] == "onnx"
    assert rows[2]["flips"] > 10_000
    assert rows[2]["correct"] < rows[0]["correct"]
    assert rows_by_key.add(rows) == 5
    found = rows_by_key.rows(checkpoint=rows[0]["checkpoint"])
    assert len(found) == 5
    assert set(found["targets"]) == {"weights"}
    assert set(found["inputs"]) == {UNIT}
    for row in table.frame(rows).to_dict("records"):
        assert np.unpackbits(np.frombuffer(row["right"], np.uint8))[:50].sum() == row["correct"]


def test_another_number_of_classes_is_refused(file):
    cell = next(SweepSpec(file, data="cifar10", bers=(0.0,), n=10, inputs=UNIT).cells())
    if not deployed_files.data.present("cifar10"):
        pytest.skip("no cifar10 images on this machine (set RESQ_DATA)")
    with pytest.raises(ValueError, match="tells 16 classes apart; cifar10 has 10"):
        Measurer().row(cell)


def test_the_commands_print_and_resume(file, own_folders, capsys, tmp_path):
    assert main(["inspect", file, "--json", "--range", "0..1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["targets"]["weights"] == {"tensors": 20, "words": 268_720, "bits": 2_149_760}
    assert "pixels 0..1 (as asked)" in found["input"]["pixels"]
    campaign = own_folders / "files.toml"
    campaign.write_text(
        f'checkpoints = ["{file}"]\ndata = "signs"\nbers = [0.0, 0.01]\nmaps = 1\nn = 20\ninputs = "{UNIT}"\n'
    )
    assert main(["campaign", str(campaign), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured"] == 2
    assert main(["campaign", str(campaign), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured"] == 0


def test_a_file_that_does_not_say_what_pixels_become_is_not_guessed(file, capsys):
    assert main(["evaluate", file, "--data", "signs", "--n", "10"]) == 2
    assert "does not say what pixels become (its input is float32); say --range" in capsys.readouterr().err


def test_a_worker_of_a_cluster_is_sent_the_file_and_keeps_it_by_its_hash(tmp_path, own_folders, monkeypatch):
    distributed = pytest.importorskip("distributed")
    from resq.measure.run.deployed import carried_files

    file, bytes_of = small_file.made(tmp_path), (tmp_path / "small.onnx").read_bytes()
    spec = SweepSpec(str(file), data="signs", bers=(0.0, 1e-2), maps=2, n=20, inputs=UNIT)
    wanted = list(spec.cells())
    here = list(executors.run(wanted))
    name, real = named(file, file_hash(file)), carried_files.sent
    cells_sent: list[Cell] = []
    monkeypatch.setattr(carried_files, "sent", lambda *of: cells_sent.extend(real(*of)) or cells_sent)
    kinds = {
        "n_workers": 1,
        "threads_per_worker": 1,
        "processes": False,
        "dashboard_address": None,
        "protocol": "tcp://",
    }
    with distributed.LocalCluster(**kinds, host="127.0.0.1") as cluster:
        found = list(executors.run(wanted, cluster=cluster.scheduler_address))
    # Not the path, which another machine does not have.
    assert {cell.checkpoint for cell in cells_sent} == {name}
    assert (work() / "deployed" / name).read_bytes() == bytes_of
    assert sorted(found, key=lambda row: row["key"]) == sorted(here, key=lambda row: row["key"])
