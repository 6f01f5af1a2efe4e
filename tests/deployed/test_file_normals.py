"""A float file on pixels that become other numbers than it was made for: said before it is measured."""

import warnings

import numpy as np
import onnx
import pytest
import torch

from resq import checkpoints, data
from resq.cli import main
from resq.core import Encoding
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.run.deployed import file_normals
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec

NAME = "signs/resnet20/base"


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    """The network on pixels in 0..1, and the same on pixels that were normalised as ImageNet's are."""
    folder = tmp_path_factory.mktemp("bodies")
    checkpoint = checkpoints.load(NAME)
    network = FaultyNetwork(checkpoint, Encoding.parse("fp32")).network.eval()
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    class Undone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x * std + mean)

    found = {}
    for name, module in (("whole", network), ("imagenet", Undone())):
        file = found[name] = folder / f"{name}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module, (torch.zeros(1, 3, 32, 32),), file, dynamo=False, input_names=["images"],
                output_names=["logits"], dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}},
            )  # fmt: skip
        onnx.checker.check_model(onnx.load(file))
    return found


def hints(file, inputs):
    return file_normals.hints(SweepSpec(str(file), "signs", AS_STORED, inputs=inputs))


def accuracy(file, inputs):
    images = data.load("signs", "test").first(500)
    with Network(file, asked=Asked.parse(inputs)) as network:
        return float((network.logits(images.pixels).argmax(1) == images.y).mean())


@pytest.mark.parametrize(("name", "inputs", "option", "better"), [
    ("imagenet", "range 0,1", "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225",
     "mean 0.485,0.456,0.406 std 0.229,0.224,0.225"),
    ("whole", "range 0,255", "--range=0..1", "range 0,1"),
])  # fmt: skip
def test_what_is_right_far_more_often_is_said_with_both_figures(bodies, name, inputs, option, better):
    (said,) = hints(bodies[name], inputs)
    own, other = accuracy(bodies[name], inputs), accuracy(bodies[name], better)
    assert other > own + 0.3
    assert f"{100 * own:.2f} % here; {100 * other:.2f} % with {option}" in said


@pytest.mark.parametrize(("name", "inputs"), [
    ("whole", "range 0,1"), ("imagenet", "mean 0.485,0.456,0.406 std 0.229,0.224,0.225"),
    ("imagenet", "mean 0.5 std 0.5"), ("imagenet", ""),
])  # fmt: skip
def test_nothing_is_said_where_it_is_right_or_somebody_said_a_mean(bodies, name, inputs):
    assert hints(bodies[name], inputs) == []


def test_a_command_says_it_before_it_measures(bodies, capsys):
    main(["evaluate", str(bodies["imagenet"]), "--data", "signs", "--range", "0..1", "--n", "50"])
    told = capsys.readouterr()
    assert told.err.startswith("hint: of the first 500 test images ")
    assert "--mean 0.485,0.456,0.406" in told.err.splitlines()[0]
    assert "correct of 50" in told.out


def test_integers_say_it_themselves_and_are_not_run_for_it(tmp_path, monkeypatch):
    from stress import tiny

    monkeypatch.setattr(Network, "logits", lambda *_: pytest.fail("it ran"))
    file = tiny.tflite_file(tmp_path / "tiny.tflite")
    with Network(file, asked=Asked((0.0, 1.0))) as network:
        assert file_normals.sentences(network, data.load("signs", "test")) == []


def test_candidates_are_others_than_what_is_in_use(bodies):
    with Network(bodies["whole"], asked=Asked((0.0, 1.0))) as network:
        names = list(file_normals.candidates(network))
    assert "--range=0..1" not in names
    assert {"--range=0..255", "--range=-1..1"} <= set(names)
    assert np.unique(names).size == len(names) >= 5
