"""ONNX files whose input and output are integers: what their codes stand for is read from the operators."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType

from resq import data
from resq.cli import main
from resq.core.errors import ResqError
from resq.deployed.network import Network, read
from resq.deployed.pixels import Asked
from resq.deployed.twin import check
from resq.deployed.twin.module import Twin
from tests import pt2_files
from tests.deployed.test_pixel_range import REFUSAL, SYMMETRIC, onnx_file

UNIT = Asked((0.0, 1.0))
ELEMENTS = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8}


@pytest.fixture(scope="module")
def images():
    return data.load("signs", "test").first(40)


def without_quantizers(file: Path) -> Path:
    """The same file, the QuantizeLinear at its input and the DequantizeLinear at its output cut off."""
    model = onnx.load(file)
    graph = model.graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    taken, given = graph.input[0].name, graph.output[0].name
    first = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == taken)
    last = next(n for n in graph.node if n.op_type == "DequantizeLinear" and n.output[0] == given)
    for node in (first, last):
        graph.node.remove(node)
    sides = (graph.input, first.output[0], first, ["n", 3, 32, 32]), (
        graph.output, last.input[0], last, ["n", 16],
    )  # fmt: skip
    for side, name, node, shape in sides:
        del side[:]
        kind = ELEMENTS[str(held[node.input[2]].dtype)]
        side.append(helper.make_tensor_value_info(name, kind, shape))
    onnx.checker.check_model(model)
    made = file.with_name("integers.onnx")
    onnx.save(model, made)
    return made


def answers(file: Path, asked: Asked, x: np.ndarray) -> np.ndarray:
    with Network(file, asked=asked, threads=1) as network:
        return network.logits(x)


@pytest.mark.parametrize("form", QuantFormat)
@pytest.mark.parametrize("codes", [QuantType.QInt8, QuantType.QUInt8])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_a_file_of_integers_is_given_and_answers_what_the_file_of_floats_does(
    tmp_path, images, low, codes, form
):
    whole = onnx_file(tmp_path, low, codes, quant_format=form)
    cut, x = without_quantizers(whole), images.pixels
    said = "range 0,1" if low == 0 else "mean 0.5 std 0.5"
    for asked in ("", said):
        own = answers(whole, Asked.parse(asked), x)
        assert len(np.unique(own.argmax(1))) > 1
        assert answers(cut, Asked.parse(asked), x).tobytes() == own.tobytes(), asked


@pytest.mark.parametrize("form", QuantFormat)
@pytest.mark.parametrize("codes", [QuantType.QInt8, QuantType.QUInt8])
def test_an_integer_input_of_a_symmetric_quantizer_leaves_the_range_to_be_said(tmp_path, images, codes, form):
    whole = onnx_file(tmp_path, 0.0, codes, quant_format=form, extra_options=SYMMETRIC)
    cut, x = without_quantizers(whole), images.pixels
    with Network(cut) as network, pytest.raises(ResqError, match=REFUSAL):
        _ = network.pixels
    assert answers(cut, UNIT, x).tobytes() == answers(whole, UNIT, x).tobytes()


@pytest.fixture(params=[QuantType.QInt8, QuantType.QUInt8], ids=str)
def pair(request, tmp_path):
    """(with quantizers at its ends, without)"""
    whole = onnx_file(tmp_path, 0.0, request.param)
    return whole, without_quantizers(whole)


def test_pixels_that_the_input_cannot_hold_are_refused(pair):
    for file in pair:
        for asked in ("range 0,255", "mean 128", "range 0,1 std 64"):
            with Network(file, asked=Asked.parse(asked)) as network, pytest.raises(ResqError) as refused:
                _ = network.pixels
            assert "has a quantized input that spans 0 to 1, and what was asked makes pixels" in str(
                refused.value
            )


def test_how_sure_it_is_is_told_by_what_its_codes_stand_for(pair, capsys):
    shares = []
    for file in pair:
        assert main(["flip", str(file), "--data", "signs", "--image", "3", "--json"]) == 0
        shares.append(json.loads(capsys.readouterr().out)["answers"][0])
    assert shares[0] == shares[1]
    assert max(shares[1]) < 0.9


def test_the_twin_of_a_file_of_integers_answers_what_the_codes_stand_for(pair, images):
    with Network(pair[1], threads=1) as network:
        twin = Twin(network)
        found = check.compare(network, twin, images.pixels, images.y)
        assert (found.agree, found.mean <= 0.002 * found.span, found.said) == (1, True, "")
        scores = twin.scores(torch.from_numpy(images.pixels).float() / 255).detach().numpy()
        assert np.abs(scores - network.logits(images.pixels)).max() <= 2 * network.parsed.output.scale


def graph_file(folder: Path, nodes, initializers, taken: int, given: int = TensorProto.FLOAT) -> Path:
    """A file of these operators from "x" to "y"."""
    ends = [helper.make_tensor_value_info("x", taken, ["n", 3, 8, 8]),
            helper.make_tensor_value_info("y", given, ["n", 4])]  # fmt: skip
    held = [numpy_helper.from_array(value, name) for name, value in initializers.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "made.onnx")
    return folder / "made.onnx"


def head(node=helper.make_node):
    """From "real" (n, 4, 1, 1) to "y"."""
    return [node("GlobalAveragePool", ["real"], ["mean"]), node("Flatten", ["mean"], ["y"])]


def of_products(folder: Path, taken: int, zero: np.ndarray) -> Path:
    """A ConvInteger that reads the input, its sums made real by one scale."""
    nodes = [
        helper.make_node("ConvInteger", ["x", "w", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["real"]),
        *head(),
    ]
    weights = np.random.default_rng(0).integers(-99, 99, (4, 3, 3, 3)).astype(np.int8)
    return graph_file(folder, nodes, {"w": weights, "zero": zero, "scale": np.float32([0.01])}, taken)


def test_an_input_of_which_the_zero_point_alone_is_known_leaves_the_codes_to_be_said(tmp_path, images):
    file = of_products(tmp_path, TensorProto.INT8, np.int8(0))
    with (
        Network(file) as network,
        pytest.raises(ResqError, match="say the codes of black and white, such as"),
    ):
        _ = network.pixels
    for asked, fits in (("range 0,127", True), ("range -128,127", True), ("range 0,1", False),
                        ("range 0,255", False), ("mean 0.5 std 0.25", False)):  # fmt: skip
        with Network(file, asked=Asked.parse(asked), threads=1) as network:
            if fits:
                assert np.isfinite(network.logits(images.pixels[:2])).all()
                continue
            with pytest.raises(ResqError, match="takes int8 without a scale that it holds"):
                _ = network.pixels
    with Network(of_products(tmp_path, TensorProto.INT8, np.int8(-128))) as network:
        assert (network.pixels.low, network.pixels.high) == (-128, 127)


def test_integers_that_are_cast_are_the_pixels_themselves(tmp_path):
    nodes = [
        helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["floats", "w"], ["real"]),
        *head(),
    ]
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    file = graph_file(tmp_path, nodes, {"w": weights}, TensorProto.UINT8)
    with Network(file) as network:
        assert (network.pixels.low, network.pixels.high, network.pixels.source) == (0, 255, "the file")
    for asked in ("range 0,1", "mean 0.5 std 0.25"):
        with Network(file, asked=Asked.parse(asked)) as network, pytest.raises(ResqError) as refused:
            _ = network.pixels
        assert str(refused.value).endswith("say the codes of black and white, such as --range=0..255")


@pytest.mark.parametrize(
    ("end", "held"),
    [
        ([helper.make_node("Cast", ["real"], ["codes"], to=TensorProto.UINT8)], {}),
        (
            [helper.make_node("QuantizeLinear", ["real", "steps", "zeros"], ["codes"], axis=1)],
            {"steps": np.float32([0.1, 0.2, 0.3, 0.4]), "zeros": np.uint8([128] * 4)},
        ),
    ],
    ids=["cast", "a scale for each class"],
)
def test_integer_answers_of_no_one_scale_are_refused(tmp_path, end, held):
    weights = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["real"]),
        *end,
        helper.make_node("Flatten", ["codes"], ["y"]),
    ]
    file = graph_file(tmp_path, nodes, {"w": weights, **held}, TensorProto.FLOAT, TensorProto.UINT8)
    with pytest.raises(ResqError, match=r"made.onnx answers in uint8 without a scale"):
        read(file)


class OfCodes(torch.nn.Module):
    """uint8 in, int8 out: what stands between computes with what they stand for."""

    taken, given = (1 / 255, 0, 0, 255, torch.uint8), (1 / 64, 5, -128, 127, torch.int8)

    def __init__(self, whole: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.whole = torch.nn.Conv2d(3, 16, 3), whole

    def forward(self, x):
        """Pixels as codes, or from 0 to 1, -> answers as codes, or as what they stand for."""
        ops = torch.ops.quantized_decomposed
        codes = ops.quantize_per_tensor(x, *self.taken) if self.whole else x
        real = self.conv(ops.dequantize_per_tensor(codes, *self.taken)).mean((2, 3))
        codes = ops.quantize_per_tensor(real, *self.given)
        return ops.dequantize_per_tensor(codes, *self.given) if self.whole else codes


def test_a_program_of_torch_in_integers_is_given_and_answers_what_that_of_floats_does(tmp_path, images):
    import torchao.quantization.pt2e.quantize_pt2e  # noqa: F401  # it registers the operators

    x = torch.rand(2, 3, 32, 32)
    whole = pt2_files.exported(OfCodes(True), tmp_path / "whole.pt2", x)
    cut = pt2_files.exported(OfCodes(False), tmp_path / "cut.pt2", (x * 255).to(torch.uint8))
    for asked in ("", "range 0,1"):
        own = answers(whole, Asked.parse(asked), images.pixels)
        assert np.ptp(own) > 0.5
        assert answers(cut, Asked.parse(asked), images.pixels).tobytes() == own.tobytes()
    with Network(cut, threads=1) as network:
        found = check.compare(network, Twin(network), images.pixels, images.y)
        assert (found.agree, found.said) == (1, "")
