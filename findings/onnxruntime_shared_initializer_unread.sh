#!/usr/bin/env bash
# One would guess that a weight given to onnxruntime as a shared initializer (SessionOptions.add_initializer with an
# OrtValue over numpy memory) is read at every run, so that a flipped bit is computed with; and, where it is not, that
# session.disable_prepacking=1 cures it. By default no flip of these four kinds of layer is computed with, although the
# OrtValue shows it. disable_prepacking cures MatMul, QDQ Conv and QLinearConv, but not a float Conv, whose weights the
# highest optimization level copies into a blocked layout: it needs ORT_ENABLE_EXTENDED (or lower) as well.
# Seen with onnxruntime 1.32.0, CPU execution provider, Linux x86-64.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(0)
SMALL = {"s": np.float32(0.01), "z": np.int8(0), "xs": np.float32(0.02), "xz": np.int8(0), "ys": np.float32(0.1), "yz": np.int8(0)}
QUANTIZE, UNQUANTIZE = ("QuantizeLinear", ["x", "xs", "xz"], ["xq"]), ("DequantizeLinear", ["yq", "ys", "yz"], ["y"])
LAYERS = {  # weights and nodes
    "float MatMul": (rng.normal(size=(64, 32)).astype(np.float32), [("MatMul", ["x", "w"], ["y"])]),
    "float Conv": (rng.normal(size=(8, 3, 3, 3)).astype(np.float32), [("Conv", ["x", "w"], ["y"])]),
    "QDQ Conv": (rng.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8), [
        QUANTIZE, ("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]), ("DequantizeLinear", ["w", "s", "z"], ["wd"]),
        ("Conv", ["xd", "wd"], ["c"]), ("QuantizeLinear", ["c", "ys", "yz"], ["yq"]), UNQUANTIZE]),
    "QLinearConv": (rng.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8), [
        QUANTIZE, ("QLinearConv", ["xq", "xs", "xz", "w", "s", "z", "ys", "yz"], ["yq"]), UNQUANTIZE]),
}


def computed_with(weights, nodes, prepacking, level):
    """Whether a session answers otherwise after its shared weights were set to zero."""
    shape = [4, 64] if weights.ndim == 2 else [1, 3, 8, 8]
    values = {"w": weights} | (SMALL if weights.dtype == np.int8 else {})
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes], "one_layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    memory = weights.copy()
    shared = ort.OrtValue.ortvalue_from_numpy(memory)
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.add_session_config_entry("session.disable_prepacking", "0" if prepacking else "1")
    options.add_initializer("w", shared)
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = {"x": np.random.default_rng(1).normal(size=shape).astype(np.float32)}
    before = session.run(None, x)[0]
    memory[...] = 0
    assert not shared.numpy().any()  # the OrtValue does show the new weights
    return not np.array_equal(before, session.run(None, x)[0])


ALL, EXTENDED = ort.GraphOptimizationLevel.ORT_ENABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
ways = {"default": (True, ALL), "no prepacking": (False, ALL), "no prepacking, extended": (False, EXTENDED)}
seen = {name: {way: computed_with(*layer, *how) for way, how in ways.items()} for name, layer in LAYERS.items()}
for name, row in seen.items():
    print(f"{name:13s}", row)
cured = [False, True, True]
assert {name: list(row.values()) for name, row in seen.items()} == {
    "float MatMul": cured, "float Conv": [False, False, True], "QDQ Conv": cured, "QLinearConv": cured}, seen
PY
