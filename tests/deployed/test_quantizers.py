"""What a stored word stands for: its own scale and zero point, as onnxruntime's tools write them."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from torch import nn

from resq.cli import main
from resq.core import BitFlips
from resq.deployed import quantizers
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.twin.module import Twin
from resq.deployed.words import Stored, numbers
from resq.measure.run.deployed import file_flip
from tests import onnx_files

UNIT = Asked((0.0, 1.0))


class Small(nn.Module):
    """A convolution, a product without a layer around it, a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=4), nn.Linear(24, 16)
        self.free = nn.Parameter(torch.randn(256, 24) * 0.1)

    def forward(self, x):
        """Images -> answers."""
        return self.fc((self.conv(x).relu().flatten(1) @ self.free).relu())


class Noise(CalibrationDataReader):
    def __init__(self) -> None:
        self.left = iter(
            [{"x": np.random.default_rng(i).random((1, 3, 32, 32), np.float32)} for i in range(4)]
        )

    def get_next(self):
        return next(self.left, None)


def with_dense_as(file: Path, transposed: int) -> Path:
    """The same file, the weights of its Gemm stored (inputs, outputs), or (outputs, inputs) as torch does."""
    model = onnx.load(file)
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    flag = next(a for a in gemm.attribute if a.name == "transB")
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == gemm.input[1])
    if flag.i != transposed:
        turned = np.ascontiguousarray(numpy_helper.to_array(weights).T)
        weights.CopyFrom(numpy_helper.from_array(turned, weights.name))
        flag.i = transposed
    onnx.save(model, file)
    return file


def blocks(source: Path, to: Path, form: QuantFormat, symmetric: bool, bits: int = 4) -> None:
    config = DefaultWeightOnlyQuantConfig(
        block_size=32, is_symmetric=symmetric, quant_format=form, op_types_to_quantize=("MatMul",), bits=bits
    )
    made = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    made.process()
    made.model.save_model_to_file(str(to))


def static(source: Path, to: Path, **options) -> None:
    quantize_static(source, to, Noise(), activation_type=QuantType.QUInt8, **options)


WAYS = {
    "dynamic-uint8": lambda f, t: quantize_dynamic(f, t, weight_type=QuantType.QUInt8),
    "dynamic-int8": lambda f, t: quantize_dynamic(f, t, weight_type=QuantType.QInt8),
    "dynamic-channels": lambda f, t: quantize_dynamic(f, t, weight_type=QuantType.QUInt8, per_channel=True),
    "blocks": lambda f, t: blocks(f, t, QuantFormat.QDQ, False),
    "blocks-symmetric": lambda f, t: blocks(f, t, QuantFormat.QDQ, True),
    "blocks-packed": lambda f, t: blocks(f, t, QuantFormat.QOperator, False),
    "blocks-packed-symmetric": lambda f, t: blocks(f, t, QuantFormat.QOperator, True),
    "blocks-packed-bytes": lambda f, t: blocks(f, t, QuantFormat.QOperator, False, 8),
    "qdq-channels": lambda f, t: static(f, t, per_channel=True),
    "qdq-uint8": lambda f, t: static(f, t, weight_type=QuantType.QUInt8),
    "qoperator": lambda f, t: static(f, t, quant_format=QuantFormat.QOperator),
    "qoperator-channels": lambda f, t: static(f, t, quant_format=QuantFormat.QOperator, per_channel=True),
}


def quantized(folder: Path, way: str, transposed: int) -> tuple[Path, dict[str, np.ndarray]]:
    """A file quantized in one way, and the floats that its words were made of, by name."""
    torch.manual_seed(0)
    source = with_dense_as(
        onnx_files.exported(Small().eval(), folder / "float.onnx", opset_version=21), transposed
    )
    file = folder / "quantized.onnx"
    WAYS[way](source, file)
    graph = onnx.load(source).graph
    return file, {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def float_of(stored: Stored, floats: dict[str, np.ndarray]) -> np.ndarray | None:
    """The floats of which a tool made this tensor; it may store them the other way round."""
    ends = ("_quantized", "_DQ_Q4", "_Q4", "_Q8", "_Transposed_quantized", "")
    names = [stored.name.removesuffix(end) for end in ends if stored.name.endswith(end)]
    weights = next((floats[name] for name in names if name in floats), None)
    return weights.T if weights is not None and weights.shape != stored.shape else weights


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("way", WAYS)
def test_a_word_stands_for_the_float_that_it_was_made_of(tmp_path, way, transposed):
    file, floats = quantized(tmp_path, way, transposed)
    compared = 0
    with Network(file, "weights,biases,norms", UNIT) as network:
        for stored in network.stored:
            expected = float_of(stored, floats)
            if expected is None or "int" not in stored.dtype:
                continue
            for word in range(0, stored.count, 1 + stored.count // 150):
                reading = file_flip.read(network, stored, word, ())
                apart = abs(reading["value"][0] - expected.flat[word])
                assert apart <= abs(reading["scale"]), (stored.name, word)
                compared += 1
    assert compared >= (100 if "blocks" in way else 250)


def in_an_order_of_its_own(file: Path) -> None:
    """Which block an input belongs to is said by an index, here the usual one."""
    model = onnx.load(file)
    node = next(node for node in model.graph.node if node.op_type == "MatMulNBits")
    inputs = next(a.i for a in node.attribute if a.name == "K")
    index = numpy_helper.from_array((np.arange(inputs) // 32).astype(np.int32), "index")
    model.graph.initializer.append(index)
    node.input.append(index.name)
    onnx.save(model, file)


def test_packed_codes_are_words_of_their_own_bits_and_flip_and_twin_as_the_unpacked_ones_do(tmp_path):
    torch.manual_seed(0)
    source = onnx_files.exported(Small().eval(), tmp_path / "float.onnx", opset_version=21)
    pixels, made = torch.rand(8, 3, 32, 32), {}
    for form in (QuantFormat.QOperator, QuantFormat.QDQ):
        file = tmp_path / f"{form.name}.onnx"
        blocks(source, file, form, False)
        with Network(file, asked=UNIT) as network:
            codes = next(s for s in network.stored if s.kind == "weights" and s.width == 4)
            assert network.layout.words[network.layout.layers.index(codes.name)] == 256 * 24
            memory = np.frombuffer(network.parsed.memory, np.uint8)
            made[form] = np.sort(numbers(memory, codes), None)  # one is the other's transpose
            twin = Twin(network)
            layer = network.layout.layers.index(codes.name)
            first, end = network.layout.starts[layer : layer + 2]
            for every in (end - first + 1, 97):
                at = np.arange(first + every - 1, end, every)
                flips = BitFlips(at, np.zeros(len(at)))
                with network.flipped(flips), twin.flipped(flips):
                    answers = network.logits(pixels.numpy())
                    apart = np.abs(twin(pixels).detach().numpy() - answers)
                    assert apart.max() < 1e-3 * max(1.0, np.abs(answers).max())
    assert np.array_equal(made[QuantFormat.QOperator], made[QuantFormat.QDQ])


class Short(Small):
    """As ``Small``; its last layer is a product too, of 24 inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Parameter(torch.randn(24, 16))

    def forward(self, x):
        """Images -> answers."""
        return (self.conv(x).relu().flatten(1) @ self.free).relu() @ self.last


def test_codes_that_only_fill_blocks_up_are_counted_and_change_no_answer(tmp_path):
    torch.manual_seed(0)
    source = onnx_files.exported(Short().eval(), tmp_path / "float.onnx", opset_version=21)
    file = tmp_path / "filled.onnx"
    blocks(source, file, QuantFormat.QOperator, True)
    with Network(file, asked=UNIT) as network:
        (note,) = network.parsed.notes
        assert note.startswith("128 of the words of MatMulNBits fill blocks up")  # 16 rows of 24 of 32
        codes = next(s for s in network.stored if s.shape == (16, 32))
        start = network.layout.starts[network.layout.layers.index(codes.name)]
        x = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), np.uint8)
        before = network.logits(x)
        for columns, moved in ((range(24), True), (range(24, 32), False)):
            at = [start + 4 * (32 * row + column) + 3 for row in range(16) for column in columns]
            with network.flipped(BitFlips(np.array(at), np.zeros(len(at)))):
                assert (np.abs(network.logits(x) - before).max() > 0) == moved


def test_a_flip_of_a_file_without_a_known_scale_does_not_say_what_a_word_stands_for(tmp_path, capsys):
    torch.manual_seed(0)
    source = onnx_files.exported(Small().eval(), tmp_path / "float.onnx", opset_version=21)
    file = tmp_path / "packed.onnx"
    blocks(source, file, QuantFormat.QOperator, False)
    in_an_order_of_its_own(file)
    with Network(file, asked=UNIT) as network:
        packed = next(stored for stored in network.stored if stored.op == "MatMulNBits")
        reading = file_flip.read(network, packed, 3, (3,))
        assert reading["value"] == [None, None]
        assert reading["scale"] is None
        assert reading["word"][1] == reading["word"][0] ^ 8
    asked = ["flip", str(file), "--data", "signs", "--layer", packed.name, "--bits", "3", "--range", "0..1"]
    assert main(asked) == 0
    assert "stands for" not in capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == [None, None]
    assert main(["flip", str(file), "--data", "signs", "--bits", "7", "--range", "0..1"]) == 0
    assert "stands for" in capsys.readouterr().out  # the floats of the convolution


@pytest.mark.parametrize(
    ("stored", "word", "expected"),
    [
        (Stored("w", "weights", "int8", (4, 6), 8, 0, 0, (1.0, 2.0), (0,), 1, "", 4), 0, None),
        (Stored("w", "weights", "int8", (2, 6), 8, 0, 0, (1.0, 2.0, 3.0, 4.0), (5,), 1, "", 4), 10, (4.0, 5)),
        (Stored("w", "weights", "int8", (2, 6), 8, 0, 0, (1.0, 2.0), (3, 4), 0), 7, (2.0, 4)),
        (Stored("w", "weights", "int8", (2, 6), 8, 0, 0, (1.0, 2.0, 3.0), (0,), 0), 7, None),
        (Stored("w", "weights", "int8", (2, 6), 8, 0, 0, (1.0,), ()), 7, None),
        (Stored("w", "weights", "int8", (2, 6), 8, 0, 0), 7, None),
        (Stored("b", "biases", "int32", (6,), 32, 0, 0), 5, None),
        (Stored("w", "weights", "float16", (2, 6), 16, 0, 0), 7, (1.0, 0)),
        (Stored("z", "scales", "uint8", (), 8, 0, 0), 0, (1.0, 0)),
        (Stored("s", "other", "int64", (4,), 64, 0, 0), 3, (1.0, 0)),
        (Stored("s", "other", "uint8", (4,), 8, 0, 0), 3, None),
    ],
)
def test_the_scale_and_the_zero_point_of_a_word_are_those_of_its_channel_or_block(stored, word, expected):
    assert quantizers.of_word(stored, word) == expected
