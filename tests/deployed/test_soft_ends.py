"""Whether a deployed file answers with probabilities: told by its graph, also where eight bits round them."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from resq.cli import main
from resq.data import own
from resq.deployed.network import Network, read
from resq.deployed.pixels import Asked
from resq.measure.run.deployed import file_cells
from resq.measure.run.deployed.file_answers import probable
from resq.measure.run.deployed.file_cells import FileLayers
from tests import deployed_files, onnx_files, pt2_files

CLASSES, SURE = 43, 0.9
UNIT = Asked((0.0, 1.0))


class Peaked(nn.Module):
    """Nine tenths for the first class and nearly equal parts of the rest, as label smoothing leaves them."""

    def __init__(self, end: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.end = nn.Conv2d(3, 8, 3, stride=4), nn.Linear(8, CLASSES), end
        with torch.no_grad():
            self.fc.weight.mul_(0.01)
            self.fc.bias.zero_()
            self.fc.bias[0] = np.log(SURE / (1 - SURE) * (CLASSES - 1))

    def forward(self, x):
        """Images -> answers."""
        logits = self.fc(self.conv(x).relu().mean((2, 3)))
        ends = {
            "softmax": logits.softmax,
            "log_softmax": logits.log_softmax,
            "sigmoid": lambda _: logits.sigmoid(),
        }
        return ends[self.end](1) if self.end else logits


def rounded(file, operators=("QuantizeLinear", "DequantizeLinear")):
    """The same file, its answer rounded to steps of 1/256 as TFLite rounds a softmax."""
    model = onnx.load(file)
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["answer" if name == output else name for name in node.output]
    model.graph.initializer.extend([
        helper.make_tensor("step", TensorProto.FLOAT, [], [1 / 256]),
        helper.make_tensor("least", TensorProto.INT8, [], [-128]),
    ])  # fmt: skip
    for op, reads, makes in zip(operators, ("answer", "codes"), ("codes", output), strict=True):
        model.graph.node.append(helper.make_node(op, [reads, "step", "least"], [makes]))
    onnx.save(model, file)
    return file


@pytest.fixture
def file(tmp_path):
    return rounded(onnx_files.exported(Peaked("softmax").eval(), tmp_path / "peaked.onnx"))


@pytest.fixture
def images(own_folders):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (24, 32, 32, 3), np.uint8), np.arange(24) % 3
    np.savez(own_folders / "mine.npz", x=x, y=y)
    return str(own_folders / "mine.npz")


def test_an_eight_bit_softmax_of_many_classes_answers_with_probabilities(file):
    x = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), np.uint8)
    with Network(file, asked=UNIT, threads=1) as network:
        answers = network.logits(x)
        assert np.abs(answers.sum(1) - 1).max() > 0.05  # 42 classes of 0.6 steps, each rounded to one
        assert probable(network, answers)


def test_a_flip_and_a_heatmap_take_its_answers_as_they_are(file, images, capsys):
    shared = ["--data", images, "--range", "0..1", "--json"]
    assert main(["flip", str(file), *shared]) == 0
    before = json.loads(capsys.readouterr().out)["answers"][0]
    assert before[0] == pytest.approx(SURE, abs=0.02)
    spec = FileLayers(str(file), own.bring(images), maps=1, n=24, inputs="range 0,1")
    first = next(row for row in file_cells.run(spec) if "loss" in row)
    others = -np.log(1 / 256)  # two thirds of the labels have one step of the rest
    assert first["loss"] == pytest.approx((others * 16 - np.log(SURE) * 8) / 24, rel=0.01)


def test_the_graph_of_each_carrier_shows_it(tmp_path):
    x = torch.rand(2, 3, 32, 32)
    for end, shown in (("softmax", True), ("log_softmax", False), ("", False), ("sigmoid", None)):
        module = Peaked(end).eval()
        made = onnx_files.exported(module, tmp_path / f"ends-{end}.onnx"), tmp_path / f"ends-{end}.pt2"
        pt2_files.exported(module, made[1], x)
        assert [read(file)[1].probabilities for file in made] == [shown] * 2, end
    for name in ("ic01_int8.tflite", "ic01_float.tflite"):
        if (tflite := deployed_files.shared(name)) is not None:
            assert read(tflite)[1].probabilities is True


class Steps:
    """What ``probable`` asks of a network whose graph does not show what its answers are."""

    def __init__(self, scale):
        self.parsed = type("Parsed", (), {"probabilities": None, "output": type("End", (), {"scale": scale})})


def test_where_the_graph_does_not_show_it_sums_may_be_off_by_half_a_step_of_each_class():
    answers = np.full((2, CLASSES), 1 / 256, np.float32)
    answers[:, 0] = 230 / 256
    assert probable(Steps(1 / 256), answers)
    assert not probable(Steps(0.0), answers)
    assert not probable(Steps(1 / 256), answers * 2)
    assert not probable(Steps(1 / 256), answers - 1 / 256)
    assert not probable(Steps(1 / 256), np.where(np.arange(CLASSES) == 3, np.nan, answers))
