"""Tiny classifiers, written node by node: any input size, grey or colour, any number of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def onnx_file(file: Path, classes: int = 5, channels: int = 1, height: int = 12, width: int = 10) -> Path:
    """Writes relu(conv) -> global mean -> dense, weights of chance, and gives the file."""
    rng = np.random.default_rng(classes * 100 + channels)
    constants = {
        "conv.weight": rng.normal(0, 1, (8, channels, 3, 3)),
        "conv.bias": rng.normal(0, 0.1, 8),
        "fc.weight": rng.normal(0, 1, (classes, 8)),
        "fc.bias": rng.normal(0, 0.1, classes),
    }
    nodes = [
        helper.make_node("Conv", ["images", "conv.weight", "conv.bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "fc.weight", "fc.bias"], ["logits"], transB=1),
    ]
    taken = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, height, width])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])
    kept = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [taken], [given], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    return file


def qdq_file(file: Path, classes: int = 5, channels: int = 1, height: int = 12, width: int = 10) -> Path:
    """Writes the file of ``onnx_file`` as onnxruntime quantizes it, a scale a channel, and gives it."""
    import logging

    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Noise(CalibrationDataReader):
        """Four images of noise."""

        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self._rest = iter(rng.random((4, 1, channels, height, width), dtype=np.float32))

        def get_next(self) -> dict[str, np.ndarray] | None:
            """The next input, None at the end."""
            image = next(self._rest, None)
            return None if image is None else {"images": image}

    plain = onnx_file(file.with_suffix(".plain.onnx"), classes, channels, height, width)
    logging.getLogger().setLevel(logging.ERROR)  # advice on preparing a file, for every file
    kinds = {"weight_type": QuantType.QInt8, "activation_type": QuantType.QInt8, "per_channel": True}
    quantize_static(plain, file, Noise(), **kinds)
    plain.unlink()
    return file


def pt2_file(file: Path, classes: int = 5, channels: int = 1, height: int = 12, width: int = 10) -> Path:
    """Writes the program of conv -> relu -> global mean -> dense, weights of chance, and gives the file."""
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(classes)
        net = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, classes),
        )  # fmt: skip
        images = torch.rand(2, channels, height, width)
    program = torch.export.export(net.eval(), (images,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.export.save(program, file)
    return file


def tflite_file(file: Path, classes: int = 5, channels: int = 1, height: int = 12, width: int = 10) -> Path:
    """Writes conv -> dense in full-integer int8, weights of chance, and gives the file."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    rng = np.random.default_rng(classes)
    flat = 4 * -(-height // 2) * -(-width // 2)
    model = schema.ModelT()
    model.version, model.description = 3, "tiny"
    model.buffers = [schema.BufferT()]
    tensors = [
        _tensor(schema, model, "images", [1, height, width, channels], (1.0, -128)),
        _tensor(schema, model, "conv", [4, 3, 3, channels], (0.02,) * 4, _bytes(rng, (4, 9 * channels))),
        _tensor(schema, model, "conv.bias", [4], (0.02,) * 4, np.zeros(4, np.int32)),
        _tensor(schema, model, "between", [1, -(-height // 2), -(-width // 2), 4], (8.0, -128)),
        _tensor(schema, model, "fc", [classes, flat], (0.02,), _bytes(rng, (classes, flat))),
        _tensor(schema, model, "fc.bias", [classes], (0.16,), np.zeros(classes, np.int32)),
        _tensor(schema, model, "logits", [1, classes], (64.0, 0)),
    ]
    conv, dense = schema.Conv2DOptionsT(), schema.FullyConnectedOptionsT()
    conv.strideW = conv.strideH = 2
    nodes = [
        _node(schema, 0, [0, 1, 2], 3, schema.BuiltinOptions.Conv2DOptions, conv),
        _node(schema, 1, [3, 4, 5], 6, schema.BuiltinOptions.FullyConnectedOptions, dense),
    ]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, nodes, [0], [6]
    model.subgraphs = [graph]
    kinds = schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED
    model.operatorCodes = [_code(schema, kind) for kind in kinds]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    file.write_bytes(bytes(builder.Output()))
    return file


def _bytes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _code(schema: Any, kind: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = kind
    code.version = 3
    return code


def _tensor(
    schema: Any,
    model: Any,
    name: str,
    shape: list[int],
    scale: tuple[float, ...],
    held: np.ndarray | None = None,
) -> Any:
    """A tensor; (scale, zero point) of one that is computed, a scale for each channel of a constant."""
    tensor, q = schema.TensorT(), schema.QuantizationParametersT()
    tensor.name, tensor.shape = name, shape
    wide = held is not None and held.dtype == np.int32
    tensor.type = schema.TensorType.INT32 if wide else schema.TensorType.INT8
    q.scale = [scale[0]] if held is None else list(scale)
    q.zeroPoint = [int(scale[1])] if held is None else [0] * len(scale)
    tensor.quantization, tensor.buffer = q, 0
    if held is not None:
        buffer = schema.BufferT()
        buffer.data = held.reshape(-1).view(np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    return tensor


def _node(schema: Any, code: int, inputs: list[int], output: int, kind: int, options: Any) -> Any:
    node = schema.OperatorT()
    node.opcodeIndex, node.inputs, node.outputs = code, inputs, [output]
    node.builtinOptionsType, node.builtinOptions = kind, options
    return node
