"""A few hundred mutated .tflite, .onnx and .pt2 files; `python -m stress deployed` gives ten thousand."""

import numpy as np
import pytest

from resq.core import BitFlips, seeds
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from stress import deployed, tiny


def test_every_mutated_file_is_refused_in_a_sentence_or_measured(own_folders):
    found = deployed.run(own_folders, 400)
    assert (found["crashes"], found["escapes"], found["examples"]) == (0, 0, [])
    seen = {name: n for name, n in found.items() if name.startswith(".")}
    assert sum(seen.values()) == 400
    for carrier in (".onnx", ".tflite", ".pt2"):
        assert seen[f"{carrier}: measured"] > 10
        assert seen[f"{carrier}: refused by the reader"] > 50


def test_mutations_are_the_same_for_the_same_seed(tmp_path):
    raw = tiny.tflite_file(tmp_path / "a.tflite").read_bytes()
    made = [deployed.mutated(raw, b"other", seeds.rng(i, "deployed files")) for i in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert made[0] != raw


def test_a_worker_that_dies_is_told_as_such(tmp_path, monkeypatch):
    file = tiny.onnx_file(tmp_path / "a.onnx")
    real = deployed.Served._open

    def dies(self, process):
        real(self, process)
        process._process.kill()

    monkeypatch.setattr(deployed.Served, "_open", dies)
    assert deployed.outcome(file, np.zeros((2, 1, 12, 10), np.uint8))[0] == "its process died"


def test_flips_that_a_runtime_refuses_leave_no_endless_search_for_the_number_of_classes(tmp_path):
    with Network(tiny.onnx_file(tmp_path / "a.onnx"), asked=Asked((0.0, 1.0)), threads=1) as network:
        object.__setattr__(network.parsed.output, "shape", ())
        with network.flipped(BitFlips(np.array([3]), np.zeros(1))):
            assert network.classes == 5


@pytest.fixture(autouse=True)
def _no_worker_is_left():
    yield
    deployed.Served.end()
