"""Sums of integers are exact on every processor; where onnxruntime's default cuts them off, that is told."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from resq import data
from resq.deployed import canary
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.run.deployed import default_sums
from resq.platform import vnni
from tests import onnx_files

ort = pytest.importorskip("onnxruntime")
UNIT, CLASSES, SIZE = Asked((0.0, 1.0)), 16, 3 * 32 * 32
WEIGHTS = np.random.default_rng(0).integers(-127, 128, (SIZE, CLASSES)).astype(np.int8)


@pytest.fixture
def file(tmp_path):
    """A network of one product, of weights as large as int8 holds, between a quantizer and a dequantizer."""
    numbers = {"xs": np.float32(1 / 255), "xz": np.uint8(0), "ws": np.float32(0.01), "wz": np.int8(0),
               "ys": np.float32(2), "yz": np.uint8(128)}  # fmt: skip
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("QuantizeLinear", ["flat", "xs", "xz"], ["codes"]),
        helper.make_node("QLinearMatMul", ["codes", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["sums"]),
        helper.make_node("DequantizeLinear", ["sums", "ys", "yz"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES]),
    ]
    held = [numpy_helper.from_array(value, name) for name, value in {**numbers, "w": WEIGHTS}.items()]
    graph = helper.make_graph(nodes, "product", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "product.onnx")
    return tmp_path / "product.onnx"


def by_hand(pixels: np.ndarray, weights: np.ndarray = WEIGHTS) -> np.ndarray:
    """What the file says that the answers are, its sums in 64 bits."""
    sums = pixels.reshape(len(pixels), -1).astype(np.int64) @ weights.astype(np.int64)
    return 2 * (np.clip(np.rint(sums * (1 / 255) * 0.01 / 2) + 128, 0, 255) - 128)


def test_answers_are_those_of_exact_sums_in_every_way_of_flipping(file):
    images = data.load("signs", "test").first(50)
    with Network(file, asked=UNIT) as network:
        assert np.abs(network.logits(images.pixels) - by_hand(images.pixels)).max() <= 2  # half a step
        settled = canary.settle(network, images.pixels)
        assert settled.unread == ()
        assert np.abs(network.logits(images.pixels) - by_hand(images.pixels)).max() <= 2


def test_where_the_default_cuts_sums_off_it_is_told_with_the_answers_that_are_others(file):
    images = data.load("signs", "test").first(100)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    usual = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    x = images.pixels / np.float32(255)
    default, exact = (one.run(None, {"x": x})[0] for one in (usual, onnx_files.session(file)))
    with Network(file, asked=UNIT) as network:
        lines = default_sums.sentences(network, images)
    assert bool(lines) == (not np.array_equal(default, exact)) == vnni.lacking()
    if lines:
        moved = (default.argmax(1) != exact.argmax(1)).sum()
        assert f"another class for {moved} of the first 100 test images" in lines[0]


def test_a_processor_with_vnni_or_of_another_kind_is_not_asked(file, monkeypatch):
    monkeypatch.setattr(vnni, "lacking", lambda: False)
    with Network(file, asked=UNIT) as network:
        assert default_sums.sentences(network, data.load("signs", "test")) == []
        assert network._process is None
