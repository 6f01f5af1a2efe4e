"""The graph of a TFLite file: operators with their options, and the quantizer of each value.

Source: the TFLite schema (tables' fields by their numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from resq.deployed.formats.flatbuffer import Table
from resq.deployed.formats.tflite import TYPES
from resq.deployed.twin.graph import Codes, Program, Step
from resq.deployed.words import Parsed

# Operator's number -> its name; those that a twin computes.
NAMES = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE",
    9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 20: "RELU_N1_TO_1",
    21: "RELU6",
    22: "RESHAPE", 25: "SOFTMAX", 28: "TANH", 34: "PAD", 36: "GATHER", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB",
    42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE", 47: "EXP", 49: "SPLIT", 53: "CAST", 55: "MAXIMUM",
    57: "MINIMUM",
    59: "NEG", 60: "PADV2", 65: "SLICE", 70: "EXPAND_DIMS", 74: "SUM", 75: "SQRT", 76: "RSQRT", 77: "SHAPE",
    78: "POW", 83: "PACK", 98: "LEAKY_RELU", 99: "SQUARED_DIFFERENCE", 114: "QUANTIZE", 117: "HARD_SWISH",
    126: "BATCH_MATMUL", 130: "BROADCAST_TO", 150: "GELU",
}  # fmt: skip
# Operator -> option -> (field, form, default).
Option = tuple[int, str, float]
WINDOW: dict[str, Option] = {"padding": (0, "<b", 0), "stride_w": (1, "<i", 0), "stride_h": (2, "<i", 0)}
DILATION: dict[str, Option] = {"dilation_w": (4, "<i", 1), "dilation_h": (5, "<i", 1)}
FUSED: dict[str, Option] = {"activation": (0, "<b", 0)}
POOL: dict[str, Option] = {
    **WINDOW,
    "width": (3, "<i", 0),
    "height": (4, "<i", 0),
    "activation": (5, "<b", 0),
}
OPTIONS: dict[str, Mapping[str, tuple[int, str, float]]] = {
    "CONV_2D": {**WINDOW, "activation": (3, "<b", 0), **DILATION},
    "DEPTHWISE_CONV_2D": {**WINDOW, "activation": (4, "<b", 0), "dilation_w": (5, "<i", 1),
                          "dilation_h": (6, "<i", 1)},
    "AVERAGE_POOL_2D": POOL, "MAX_POOL_2D": POOL,
    "FULLY_CONNECTED": {**FUSED, "form": (1, "<b", 0), "keep": (2, "<b", 0)},
    "ADD": FUSED, "SUB": FUSED, "MUL": FUSED, "DIV": FUSED,
    "CONCATENATION": {"axis": (0, "<i", 0), "activation": (1, "<b", 0)},
    "SOFTMAX": {"beta": (0, "<f", 0.0)}, "MEAN": {"keep": (0, "<b", 0)}, "SUM": {"keep": (0, "<b", 0)},
    "STRIDED_SLICE": {"begin": (0, "<i", 0), "end": (1, "<i", 0), "ellipsis": (2, "<i", 0),
                      "new": (3, "<i", 0), "shrink": (4, "<i", 0)},
    "LEAKY_RELU": {"alpha": (0, "<f", 0.0)}, "BATCH_MATMUL": {"x": (0, "<b", 0), "y": (1, "<b", 0)},
    "GATHER": {"axis": (0, "<i", 0)}, "PACK": {"axis": (1, "<i", 0)}, "GELU": {"approximate": (0, "<b", 0)},
}  # fmt: skip


def program(parsed: Parsed) -> Program:
    """The graph of a file that was parsed before."""
    raw = parsed.memory
    model = Table.root(raw)
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)
    names = [f"{i}:{tensor.text(3)}" for i, tensor in enumerate(tensors)]
    words, constants = _constants(parsed, tensors, names, buffers)
    first, last = (names[int(graph.array(i, "<i4")[0])] for i in (1, 2))
    shapes = {name: _shape(tensor) for name, tensor in zip(names, tensors, strict=True)}
    return Program("tflite", _steps(model, graph, names), constants, words, first, last,
                   codes=_codes(parsed, tensors, names, words), shapes=shapes)  # fmt: skip


def _shape(tensor: Table) -> tuple[int, ...]:
    own, free = tensor.array(0, "<i4").tolist(), tensor.array(7, "<i4").tolist()
    return tuple(free) if len(free) == len(own) else tuple(own)


def _steps(model: Table, graph: Table, names: list[str]) -> tuple[Step, ...]:
    numbers = [max(code.integer(3), code.integer(0, "<b")) for code in model.tables(1)]
    steps = []
    for node in graph.tables(3):
        number = numbers[node.integer(0, "<I")]
        op = NAMES.get(number, f"builtin operator {number}")
        reads, makes = (
            tuple(names[n] if n >= 0 else "" for n in node.array(i, "<i4").tolist()) for i in (1, 2)
        )
        steps.append(Step(op, reads, makes, _attributes(op, node.table(4))))
    return tuple(steps)


def _attributes(op: str, options: Table | None) -> Mapping[str, Any]:
    attributes: dict[str, Any] = {}
    for name, (index, form, default) in OPTIONS.get(op, {}).items():
        attributes[name] = _option(options, index, form, default) if options else default
    if op == "SQUEEZE" and options:
        attributes["axes"] = options.array(0, "<i4").tolist()
    if op == "RESHAPE" and options:
        attributes["shape"] = options.array(0, "<i4").tolist()
    return attributes


def _option(options: Table, index: int, form: str, default: float) -> float:
    """A number of an operator's options; of a float the four bytes are read."""
    if form == "<f":
        return float(struct.unpack("<f", struct.pack("<i", options.integer(index)))[0])
    return options.integer(index, form, int(default))


def _constants(
    parsed: Parsed, tensors: list[Table], names: list[str], buffers: list[Table]
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Which values are words of the file, by name, and those constants that are not."""
    places = {constant.offset: constant.name for constant in parsed.stored}
    words: dict[str, str] = {}
    constants: dict[str, np.ndarray] = {}
    for name, tensor in zip(names, tensors, strict=True):
        buffer = buffers[tensor.integer(2, "<I")]
        at, size = buffer.vector(0, 1)
        if not size and (outside := buffer.integer(1, "<Q")) > 1:
            at, size = outside, buffer.integer(2, "<Q")
        if size and at in places:
            words[name] = places[at]
        elif size:
            dtype, width = TYPES.get(tensor.integer(1, "<b"), ("bool", 8))
            if width >= 8:
                held = np.frombuffer(parsed.memory[at : at + size], np.dtype(dtype))
                constants[name] = held.reshape(tensor.array(0, "<i4"))
    return words, constants


def _codes(parsed: Parsed, tensors: list[Table], names: list[str], words: dict[str, str]) -> dict[str, Codes]:
    """The quantizers; their scales and zero points become words under names of their own."""
    places = {constant.offset: constant.name for constant in parsed.stored}
    codes = {}
    for name, tensor in zip(names, tensors, strict=True):
        dtype, _ = TYPES.get(tensor.integer(1, "<b"), ("", 0))
        quantizer = tensor.table(4)
        if quantizer is None or "int" not in dtype:
            continue
        (scale, count), (zero, _) = quantizer.vector(2, 4), quantizer.vector(3, 8)
        if count and zero:
            made = (f"{name}/scale", f"{name}/zero_point")
            words |= {made[0]: places[scale], made[1]: places[zero]}
            codes[name] = Codes(*made, quantizer.integer(6), dtype)
    return codes
