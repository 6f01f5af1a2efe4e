"""The canary's findings on disk: opening a file again is quick, and anything that changed runs it anew."""

import json

import numpy as np
import pytest

from resq.core.errors import ResqError
from resq.deployed import canary, remembered
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from stress import tiny

UNIT = Asked((0.0, 1.0))


@pytest.fixture
def runs(monkeypatch, own_folders):
    """How often the canary ran."""
    seen = []
    real = canary.settle
    monkeypatch.setattr(canary, "settle", lambda *a, **k: seen.append(1) or real(*a, **k))
    return seen


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny.onnx_file(tmp_path_factory.mktemp("tiny") / "tiny.onnx", classes=5)


def opened(file, targets="weights", layers=(), processor="one", runtime=""):
    x = np.random.default_rng(0).integers(0, 256, (40, 1, 12, 10), dtype=np.uint8)
    with Network(file, targets, UNIT, threads=1) as network:
        found = remembered.settle(network, x, layers, processor)
        assert (network.way, network.batch) == (found.way, found.batch)
        return found, network.logits(x).tobytes()


def test_a_file_that_is_opened_again_needs_no_canary_and_answers_alike(file, runs):
    first, second = opened(file), opened(file)
    assert first == second
    assert len(runs) == 1


@pytest.mark.parametrize("change", [{"processor": "two"}, {"targets": "all"}, {"layers": ("conv.weight",)}])
def test_another_processor_targets_or_layers_run_it_anew(file, runs, change):
    opened(file)
    opened(file, **change)
    assert len(runs) == 2


@pytest.mark.parametrize("layers", [("nosuch",), ("*.weight", "nosuch")])
def test_a_pattern_that_fits_no_layer_is_refused_by_its_name(file, runs, layers):
    with pytest.raises(ResqError, match=r"no layer fits 'nosuch'; known: .*conv\.weight"):
        opened(file, layers=layers)


def test_another_version_of_the_runtime_runs_it_anew(file, runs, monkeypatch):
    opened(file)
    real = Network._open

    def other(self, process):
        real(self, process)
        self.runtime = "onnxruntime 9.9"

    monkeypatch.setattr(Network, "_open", other)
    opened(file)
    assert len(runs) == 2


@pytest.mark.parametrize("spoil", ["", "[]", '{"way": "x"}', "answers"])
def test_a_damaged_note_or_other_answers_run_it_anew(file, runs, spoil):
    opened(file)
    (note,) = remembered._folder().glob("*.json")
    known = json.loads(note.read_text())
    note.write_text(json.dumps({**known, "answers": "0" * 64}) if spoil == "answers" else spoil)
    found, _ = opened(file)
    assert len(runs) == 2
    assert json.loads(note.read_text())["way"] == found.way
