#!/usr/bin/env bash
# One would guess that a per-channel weight scale is max|w| / 127. quantize_static enlarges it until the int32 bias, whose
# scale is (input scale) x (weight scale), fits: a channel with small weights and a large bias loses codes, and in the
# extreme all of its weights are stored as 0. So requantizing the float network with max|w| / 127 gives other bits.
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


seen = {}
for bias in (0.0, 1.0, 1000.0):
    _, values = quantized([("Conv", ["x", "w", "b"], ["y"])], {"w": np.full((2, 3, 1, 1), 1e-6), "b": np.full(2, bias)}, per_channel=True)
    seen[bias] = int(values["w_quantized"].max())
    print(f"bias {bias:6g}: largest weight code {seen[bias]}, scale {values['w_scale'][0]:.3g} (max / 127 is {1e-6 / 127:.3g})")
assert seen[0.0] == 127 and 20 < seen[1.0] < 100 and seen[1000.0] == 0, seen
PY
