"""A small deployed file for tests: one convolution and one linear layer, quantized by onnxruntime."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static


class _Images(CalibrationDataReader):
    def __init__(self) -> None:
        self._rest: Iterator[np.ndarray] = iter(
            np.random.default_rng(0).random((8, 1, 3, 32, 32), np.float32)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._rest, None)
        return None if image is None else {"images": image}


def made(folder: Path, classes: int = 16) -> Path:
    """An int8 QDQ file of 8 x 3 x 3 x 3 and ``classes`` x 8 seeded random weights; a batch of any size."""
    chance = np.random.default_rng(1)
    held = {
        "conv.weight": chance.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "linear.weight": chance.normal(0, 2, (classes, 8)).astype(np.float32),
        "linear.bias": np.zeros(classes, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "conv.weight"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "linear.weight", "linear.bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )  # fmt: skip
    float_file, file = folder / "small-float.onnx", folder / "small.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), float_file
    )
    quantize_static(
        float_file, file, _Images(), quant_format=QuantFormat.QDQ, per_channel=False,
        weight_type=QuantType.QInt8, activation_type=QuantType.QInt8,
    )  # fmt: skip
    return file
