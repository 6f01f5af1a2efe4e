#!/usr/bin/env bash
# One would guess that writing int8 weights through LiteRT's tensor view flips bits that the next invoke computes with,
# and that the `bytes` object a model was made from cannot change. With the default delegate the written weights read
# back but are never computed with, and the caller's immutable `bytes` are overwritten, so that the next interpreter
# made from the "clean" bytes is the faulty one. Without the default delegate the flips are computed with (the bytes change too).
# Seen with ai-edge-litert 2.3.0, Python 3.11, Linux x86-64.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q ai-edge-litert==2.3.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import hashlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def tensor(name, shape, kind, buffer, scale):
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [scale], [0]
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer, made.quantization = name, list(shape), kind, buffer, quantization
    return made


def one_dense_layer(weights):
    """A full-integer int8 network of one fully connected layer, as the bytes of a .tflite file."""
    out, inputs = weights.shape
    buffers = [schema.BufferT() for _ in range(5)]
    buffers[2].data = np.frombuffer(weights.tobytes(), np.uint8)
    buffers[3].data = np.zeros(4 * out, np.uint8)
    kinds = schema.TensorType
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("x", (1, inputs), kinds.INT8, 1, 0.1),
        tensor("weights", weights.shape, kinds.INT8, 2, 0.01),
        tensor("bias", (out,), kinds.INT32, 3, 0.001),
        tensor("y", (1, out), kinds.INT8, 4, 0.2),
    ]
    dense = schema.OperatorT()
    dense.inputs, dense.outputs = [0, 1, 2], [3]
    dense.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    dense.builtinOptions = schema.FullyConnectedOptionsT()
    graph.inputs, graph.outputs, graph.operators = [0], [3], [dense]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], buffers
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def interpreter(content, delegate):
    kind = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = Interpreter(model_content=content, num_threads=1, experimental_op_resolver_type=kind)
    made.allocate_tensors()
    return made


def answer(network, x):
    network.set_tensor(network.get_input_details()[0]["index"], x)
    network.invoke()
    return network.get_tensor(network.get_output_details()[0]["index"]).copy()


rng = np.random.default_rng(0)
weights = rng.integers(-127, 128, (10, 64)).astype(np.int8)
x = rng.integers(-128, 128, (1, 64)).astype(np.int8)
seen = {}
for delegate in (True, False):
    content = one_dense_layer(weights)
    before = hashlib.sha256(content).hexdigest()
    network = interpreter(content, delegate)
    clean = answer(network, x)
    network.tensor(1)()[...] ^= np.int8(64)  # bit 6 of every weight
    seen[delegate] = {
        "weights read back flipped": bool((network.get_tensor(1) == weights ^ np.int8(64)).all()),
        "the next invoke computes with them": bool((answer(network, x) != clean).any()),
        "the caller's bytes object changed": hashlib.sha256(content).hexdigest() != before,
        "a new interpreter of these bytes answers otherwise": bool((answer(interpreter(content, delegate), x) != clean).any()),
    }
    print("default delegate" if delegate else "no default delegate", seen[delegate])
assert list(seen[True].values()) == [True, False, True, True], seen
assert list(seen[False].values()) == [True, True, True, True], seen
PY
