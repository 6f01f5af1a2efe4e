#!/usr/bin/env bash
# One would guess that quantize_static folds a batch norm that it can or leaves it in floats. One that does not follow a
# convolution directly stays, and its gamma becomes int8 with ONE scale for all channels and its beta int32, while mean and
# variance stay floats: words that a fault in "the int8 weights" hits although no list of convolutions names them.
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
    [("Conv", ["x", "w"], ["c"]), ("Relu", ["c"], ["r"]), ("BatchNormalization", ["r", "gamma", "beta", "mean", "var"], ["y"])],
    {"w": rng.normal(size=(4, 3, 3, 3)), "gamma": [1, 2, 3, 0.01], "beta": [0, 1, 2, 3], "mean": [0, 0, 0, 0], "var": [1, 1, 1, 1]})
kinds = {name: str(value.dtype) for name, value in values.items() if not name.startswith(("x_", "r_", "y_"))}
print(kinds)
print("gamma 1, 2, 3, 0.01 is stored as", values["gamma_quantized"].tolist(), "with the scale", values["gamma_scale"].item())
assert kinds["gamma_quantized"] == "int8" and kinds["beta_quantized"] == "int32" and kinds["mean"] == kinds["var"] == "float32"
assert values["gamma_scale"].size == 1 and values["gamma_quantized"][3] == 0
PY
