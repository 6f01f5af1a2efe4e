"""What a TFLite constant is for: as in ONNX, whichever operators write the layer."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import nn

from resq.deployed.formats.operators.tflite_inputs import BETWEEN, FORMULAS, PRODUCTS, READS, SUMS, THROUGH
from resq.deployed.network import Network, read
from resq.deployed.pixels import Asked
from tests import onnx_files

OPS = schema.BuiltinOperator
NAMES = {number: name for name, number in vars(OPS).items() if isinstance(number, int)}
UNIT = Asked((0.0, 1.0))


def test_operators_have_the_numbers_that_the_schema_gives_them():
    assert {op: name for op, (name, _) in READS.items()} == {op: NAMES[op] for op in READS}
    groups = {"between": BETWEEN, "through": THROUGH, "sums": SUMS, "formulas": FORMULAS}
    named = {group: [NAMES[op] for op in ops] for group, ops in groups.items()}
    assert named["between"] == ["DEQUANTIZE", "CAST", "QUANTIZE"]
    assert named["through"][3:] == ["RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "DENSIFY"]
    assert named["sums"] == ["ADD", "STABLEHLO_ADD"]
    parts = ("ADD", "MUL", "SUB", "DIV")
    assert {name.removeprefix("STABLEHLO_")[:3] for name in named["formulas"]} == set(parts)
    assert {NAMES[op] for op in PRODUCTS} >= {"CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "SVDF"}


class Layers(nn.Module):
    """(pixels - mean) x gain, a dense layer whose bias is added behind it, what is left of a norm."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        shapes = {"free": (192, 24), "bias": (24,), "shift": (24,), "last": (24, 16)}
        self.held = nn.ParameterDict({name: nn.Parameter(torch.randn(*s) / 4) for name, s in shapes.items()})

    def forward(self, x):
        """Images -> answers."""
        held = self.held
        x = ((x - 0.5) * 4.0)[:, :, ::4, ::4].flatten(1)
        x = x @ held["free"] + held["bias"]
        return (x.relu() + held["shift"]) @ held["last"]


class Written:
    """A graph of floats that takes 8 x 8 pixels of three colours."""

    def __init__(self) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [schema.BufferT()], []
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name: str, shape, held: np.ndarray | None = None) -> int:
        """Its number."""
        made, buffer = schema.TensorT(), schema.BufferT()
        made.name, made.shape = name, list(shape)
        made.type = schema.TensorType.INT32 if held is not None and held.dtype == np.int32 else 0
        if held is not None:
            buffer.data = np.frombuffer(held.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def node(self, op: int, inputs: list[int], shape, options: str) -> int:
        """What it makes, by its number."""
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = op
        code.version = 1
        self.model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs = len(self.model.operatorCodes) - 1, inputs
        made.outputs = [self.tensor(f"made {made.opcodeIndex}", shape)]
        made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        made.builtinOptions = getattr(schema, f"{options}T")()
        self.graph.operators.append(made)
        return made.outputs[0]

    def save(self, file: Path, taken: int, given: int) -> Path:
        """The file."""
        self.graph.inputs, self.graph.outputs = [taken], [given]
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        file.write_bytes(bytes(builder.Output()))
        return file


@pytest.fixture
def file(tmp_path):
    """The layers as TFLite has them; the last product is of a turned constant."""
    held = {name: value.detach().numpy() for name, value in Layers().held.items()}
    w = Written()
    taken = w.tensor("x", [1, 8, 8, 3])
    x = w.node(OPS.SUB, [taken, w.tensor("mean", [], np.float32(0.5))], [1, 8, 8, 3], "SubOptions")
    x = w.node(OPS.MUL, [x, w.tensor("gain", [1], np.float32([4.0]))], [1, 8, 8, 3], "MulOptions")
    x = w.node(OPS.RESHAPE, [x, w.tensor("flat", [2], np.int32([1, 192]))], [1, 192], "ReshapeOptions")
    dense = w.tensor("free", [24, 192], np.ascontiguousarray(held["free"].T))
    x = w.node(OPS.FULLY_CONNECTED, [x, dense, -1], [1, 24], "FullyConnectedOptions")
    x = w.node(OPS.ADD, [x, w.tensor("bias", [24], held["bias"])], [1, 24], "AddOptions")
    x = w.node(OPS.RELU, [x], [1, 24], "DequantizeOptions")
    x = w.node(OPS.ADD, [w.tensor("shift", [24], held["shift"]), x], [1, 24], "AddOptions")
    turned = w.tensor("last", [16, 24], np.ascontiguousarray(held["last"].T))
    axes = w.tensor("axes", [2], np.int32([1, 0]))
    last = w.node(OPS.TRANSPOSE, [turned, axes], [24, 16], "TransposeOptions")
    return w.save(tmp_path / "layers.tflite", taken, w.node(OPS.BATCH_MATMUL, [x, last], [1, 16],
                                                           "BatchMatMulOptions"))  # fmt: skip


def test_constants_of_the_same_layers_are_of_the_same_kinds_in_tflite_and_onnx(tmp_path, file):
    source = onnx_files.exported(Layers().eval(), tmp_path / "layers.onnx", opset_version=17)
    kinds = [{(s.kind, s.count) for s in read(each)[1].stored if s.dtype == "float32" and s.count > 1}
             for each in (file, source)]  # fmt: skip
    assert kinds[0] == {("weights", 4608), ("weights", 384), ("biases", 24), ("norms", 24)}
    assert kinds[1] == kinds[0]
    for each in (file, source):
        numbers = [(s.op.capitalize(), s.kind) for s in read(each)[1].stored
                   if s.dtype == "float32" and s.count == 1]  # fmt: skip
        assert numbers == [("Sub", "other"), ("Mul", "other")]


def test_what_turns_a_constant_does_not_hide_what_it_is_for(file):
    stored = {s.name: (s.kind, s.op) for s in read(file)[1].stored}
    assert stored["last"] == ("weights", "BATCH_MATMUL")
    assert stored["axes"][0] == stored["flat"][0] == "other"
    x = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8), np.uint8)
    real = torch.from_numpy(x).float() / 255
    flat = ((real - 0.5) * 4).permute(0, 2, 3, 1).flatten(1)
    held = Layers().held
    expected = ((flat @ held["free"] + held["bias"]).relu() + held["shift"]) @ held["last"]
    with Network(file, asked=UNIT, threads=1) as network:
        assert np.allclose(network.logits(x), expected.detach().numpy(), atol=1e-4)
