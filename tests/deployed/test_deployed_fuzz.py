"""A few hundred mutated .tflite, .onnx and .pt2 files; `python -m stress deployed` gives ten thousand."""

import contextlib
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from resq.core import BitFlips, seeds
from resq.core.errors import ResqError
from resq.deployed.network import Network, read
from resq.deployed.pixels import Asked
from resq.importers.onnx import onnx_check
from stress import deployed, rewritten, tiny


def test_every_mutated_file_is_refused_in_a_sentence_or_measured(own_folders):
    found = deployed.run(own_folders, 400)
    assert (found["crashes"], found["escapes"], found["examples"]) == (0, 0, [])
    seen = {name: n for name, n in found.items() if name.startswith(".")}
    assert sum(seen.values()) == 400
    for carrier in (".onnx", ".tflite", ".pt2"):
        assert seen[f"{carrier}: measured"] > 10
        assert seen[f"{carrier}: refused by the reader"] > 40


@pytest.mark.parametrize("seed", [2999, 3375, 6438, 8027])
def test_files_that_once_led_to_an_exception_or_none_such_sentence_are_refused(tmp_path, seed):
    """Unions of a .pt2 graph without an entry, a zero point of floats, tensors never computed with."""
    made = [tiny.onnx_file(tmp_path / "a.onnx"), tiny.tflite_file(tmp_path / "a.tflite"),
            tiny.pt2_file(tmp_path / "a.pt2"), tiny.qdq_file(tmp_path / "b.onnx")]  # fmt: skip
    raw, suffix = deployed.mutant([f.read_bytes() for f in made], [f.suffix for f in made], seed)
    file = tmp_path / f"net{suffix}"
    file.write_bytes(raw)
    kind, said = deployed.outcome(file, np.zeros((2, 1, 12, 10), np.uint8), True)
    assert kind in deployed.OUTCOMES
    assert kind == "measured" or deployed.sentence(said, file.name)


def test_what_is_rewritten_passes_the_first_gates_of_its_format(tmp_path):
    """Checksums and lengths are right: most of it is refused for what it says, or measured."""
    made = [tiny.onnx_file(tmp_path / "a.onnx"), tiny.tflite_file(tmp_path / "a.tflite"),
            tiny.pt2_file(tmp_path / "a.pt2")]  # fmt: skip
    for file in made:
        raw, whole = file.read_bytes(), 0
        for i in range(40):
            file.write_bytes(rewritten.rewritten(raw, file.suffix, seeds.rng(i, "rewritten")))
            with contextlib.suppress(ResqError):
                whole += bool(read(file))
        assert whole > 5, file.suffix


@pytest.mark.parametrize(("sentence", "good"), [
    ("net.onnx has 2 inputs; an image classifier has one", True),
    ("net.onnx is not run by its runtime: Fail\nin line 3 of it", False),
    ("net.onnx Traceback (most recent call last): and so on", False),
    ("KeyError: 'conv1d' was not there", False),
    ("net.onnx", False),
])  # fmt: skip
def test_a_refusal_is_one_line_that_names_the_file(sentence, good):
    assert deployed.sentence(sentence, "net.onnx") == good


def test_a_file_that_is_changed_or_made_beside_the_trial_is_noticed(own_folders, monkeypatch):
    real = deployed.outcome

    def leaky(file, x, whole=False):
        (Path.home() / "left behind").touch()
        return real(file, x, whole)

    monkeypatch.setattr(deployed, "outcome", leaky)
    found = deployed.run(own_folders, 1)
    assert found["escapes"] == 1
    assert "left behind" in found["examples"][0]


def test_a_runtime_leaves_nothing_in_the_home_folder(tmp_path, monkeypatch):
    """onnxruntime keeps a device id and events there, unless it is asked not to before it is loaded."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "home").mkdir()
    with Network(tiny.onnx_file(tmp_path / "a.onnx"), asked=Asked((0.0, 1.0)), threads=1) as network:
        network.logits(np.zeros((1, 1, 12, 10), np.uint8))
    assert (
        onnx_check.answers(onnx.load(tmp_path / "a.onnx"), np.zeros((1, 1, 12, 10), np.float32)).logits
        is not None
    )
    assert list((tmp_path / "home").rglob("*")) == []


def test_a_program_that_reads_what_nothing_makes_is_refused_by_name(tmp_path):
    file = tiny.pt2_file(tmp_path / "a.pt2")
    with zipfile.ZipFile(file) as source:
        entries = {info.filename: source.read(info) for info in source.infolist()}
    model = next(name for name in entries if name.endswith("models/model.json"))
    tree = json.loads(entries[model])
    nodes = tree["graph_module"]["graph"]["nodes"]
    nodes[1]["inputs"][0]["arg"]["as_tensor"]["name"] = "nowhere"
    entries[model] = json.dumps(tree).encode()
    file.write_bytes(rewritten._zipped(entries))
    with pytest.raises(ResqError, match="reads 'nowhere' in 'relu' before it is made: it is damaged"):
        read(file)


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
