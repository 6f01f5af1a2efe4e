"""Codes of a weight that a file holds transposed lie each at its place in the checkpoint of the import."""

from pathlib import Path

import numpy as np
import pytest
import torch

from resq import checkpoints, networks
from resq.importers import import_weights
from resq.memory import quant
from tests.onnx_files import body, exported, logits, quantized, with_matmul

onnx = pytest.importorskip("onnx")
tool = pytest.importorskip("onnxruntime.quantization")
X = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def floats(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    return with_matmul(exported(body("resnet20"), folder / "floats.onnx"), folder / "matmul.onnx")


def pairs(source: Path, file: Path) -> None:
    quantized(source, file)


def channels(source: Path, file: Path) -> None:
    quantized(source, file, per_channel=True)


def on_codes(source: Path, file: Path) -> None:
    quantized(source, file, quant_format=tool.QuantFormat.QOperator)


def dynamic(source: Path, file: Path) -> None:
    tool.quantize_dynamic(str(source), str(file))


WRITTEN = [(pairs, "MatMul"), (channels, "MatMul"), (on_codes, "QLinearMatMul"), (dynamic, "MatMulInteger")]


@pytest.mark.parametrize(("write", "operator"), WRITTEN, ids=[write.__name__ for write, _ in WRITTEN])
def test_codes_of_a_matmul_come_back_from_the_checkpoint_each_at_its_place(floats, tmp_path, write, operator):
    file = tmp_path / "codes.onnx"
    write(floats, file)
    assert operator in {node.op_type for node in onnx.load(file).graph.node}
    brought = import_weights(file, "resnet20", 10)
    assert "linear.weight" in brought.codes
    kept = checkpoints.save(
        "cifar10/resnet20/kept", brought.state, brought.weights, {}, tmp_path, imported=brought.codes
    )
    there = checkpoints.load(str(kept))
    for name, q in brought.codes.items():
        assert np.array_equal(there.imported[name].words, q.words), name
        assert np.array_equal(there.state[name], quant.dequantize(q)), name
    made = networks.restore("resnet20", there.state, mean=(0, 0, 0), std=(1, 1, 1), classes=10)
    whole = logits(body("resnet20"), X)
    assert np.corrcoef(logits(made, X).reshape(-1), whole.reshape(-1))[0, 1] > 0.98
