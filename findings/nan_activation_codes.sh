#!/usr/bin/env bash
# One would guess that a NaN activation gets one int8 code from every quantizer, or at least one within torch. The
# simulation decides how a non-finite value goes on: torch's quantize_per_tensor gives 127, its quantize_per_channel, the
# decomposed operator of PT2E and torchao give 0 (the zero point), fake_quantize and onnxruntime give -128. So the same
# fault that makes a NaN saturates up, vanishes or saturates down, by the library that simulates the rounding.
# Seen with torch 2.13.0, torchao 0.18.0, onnxruntime 1.32.0, CPU, Linux x86-64.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q torch==2.13.0 torchao==0.18.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import onnxruntime as ort
import torch
import torch.ao.quantization.fx._decomposed  # registers quantized_decomposed
from onnx import TensorProto, helper, numpy_helper
from torchao.quantization.quant_primitives import quantize_affine

x, scale = torch.full((3,), float("nan")), 0.1
graph = helper.make_graph(
    [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])], "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
    [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
    [numpy_helper.from_array(np.array(scale, np.float32), "s"), numpy_helper.from_array(np.array(0, np.int8), "z")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
zeros = torch.zeros(3, dtype=torch.int32)
codes = {
    "quantize_per_tensor": torch.quantize_per_tensor(x, scale, 0, torch.qint8).int_repr(),
    "quantize_per_channel": torch.quantize_per_channel(x[:, None], torch.full((3,), scale), zeros.long(), 0, torch.qint8).int_repr(),
    "quantized_decomposed (PT2E)": torch.ops.quantized_decomposed.quantize_per_tensor(x, scale, 0, -128, 127, torch.int8),
    "torchao quantize_affine": quantize_affine(x, (3,), torch.tensor(scale), torch.tensor(0), torch.int8, -128, 127),
    "fake_quantize": torch.fake_quantize_per_tensor_affine(x, scale, 0, -128, 127) / scale,
    "onnxruntime QuantizeLinear": torch.from_numpy(session.run(None, {"x": x.numpy()})[0]),
}
seen = {name: sorted({round(float(code)) for code in value.flatten()}) for name, value in codes.items()}
for name, value in seen.items():
    print(f"{name:28s} NaN -> {value}")
assert list(seen.values()) == [[127], [0], [0], [0], [-128], [-128]], seen
PY
