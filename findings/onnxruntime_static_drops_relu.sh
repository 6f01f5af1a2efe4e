#!/usr/bin/env bash
# One would guess that removing the QuantizeLinear/DequantizeLinear pairs from onnxruntime's static int8 file gives the
# float network back. quantize_static removes a Relu that a quantizer follows: the pair's zero point is then the lowest
# code, so rounding itself cuts what is negative. Without the pairs the network has no activation function there, and a
# reader that takes weights from the file and simulates in floats computes another function unless it puts the Relu back.
# Seen with onnxruntime 1.32.0, onnx 1.23.2.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static

logging.disable(logging.WARNING)
rng = np.random.default_rng(0)


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": rng.normal(size=(2, 3, 8, 8)).astype(np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.left, None)


def quantized(nodes, values, **options):
    """The graph of a float network after quantize_static, and its initialisers by name."""
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in values.items()])
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), before)
        quantize_static(str(before), str(after), Reader(), **options)
        model = onnx.load(after)
    return model.graph, {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}


graph, values = quantized(
    [("Conv", ["x", "w"], ["c"]), ("Relu", ["c"], ["r"]), ("Conv", ["r", "v"], ["y"])],
    {"w": rng.normal(size=(4, 3, 3, 3)), "v": rng.normal(size=(2, 4, 3, 3))})
kinds = [node.op_type for node in graph.node]
print("operators:", kinds)
print("zero point of the Relu's output:", values["r_zero_point"])
assert "Relu" not in kinds and kinds.count("Conv") == 2
assert values["r_zero_point"] == -128 and values["x_zero_point"] != -128
PY
