"""The graph of an ONNX file: operators with their attributes.

Source: onnx.proto (fields by their numbers).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from resq.deployed.formats import onnx_tensors, protobuf
from resq.deployed.formats.protobuf import PART, SHORT
from resq.deployed.twin.graph import Program, Step, ends
from resq.deployed.words import Parsed

GRAPH, OPSET, NODE, INITIALIZER, ATTRIBUTE = 7, 8, 1, 5, 5
NAME, FLOAT, INT, TEXT, TENSOR, SUBGRAPH, FLOATS, INTS, TEXTS, TYPE = 1, 2, 3, 4, 5, 6, 7, 8, 9, 20

Span = tuple[int, int]


def program(parsed: Parsed) -> Program:
    """The graph of a file that was parsed before."""
    raw = parsed.memory
    graph = protobuf.parts(raw, (0, len(raw)), GRAPH)[-1]
    steps: list[Step] = []
    constants: dict[str, np.ndarray] = {}
    for span in protobuf.parts(raw, graph, NODE):
        step = _step(raw, span)
        if step.op == "Constant":
            constants |= _constant(step)
        else:
            steps.append(step)
    words = {tensor.name: tensor.name for tensor in parsed.stored}
    for span in protobuf.parts(raw, graph, INITIALIZER):
        one = onnx_tensors.held(raw, span)
        if one.name not in words and onnx_tensors.TYPES[one.type][1] >= 8:
            constants[one.name] = (
                onnx_tensors.array(raw, one).reshape(one.shape) if one.count else np.empty(one.shape)
            )
    codes, numbers = ends(parsed)
    constants |= numbers
    names = parsed.input.name, parsed.output.name
    return Program("onnx", tuple(steps), constants, words, *names, codes, opset=_opset(raw))


def _opset(raw: bytes) -> int:
    """The version of the operators of the domain without a name."""
    own = [
        s for s in protobuf.parts(raw, (0, len(raw)), OPSET) if protobuf.text(raw, s, 1) in ("", "ai.onnx")
    ]
    return protobuf.integer(raw, own[-1], 2) if own else 0


def _step(raw: bytes, span: Span) -> Step:
    reads, makes = (
        tuple(raw[slice(*s)].decode("utf-8", "replace") for s in protobuf.parts(raw, span, field))
        for field in (1, 2)
    )
    attributes = dict(_attribute(raw, part) for part in protobuf.parts(raw, span, ATTRIBUTE))
    return Step(protobuf.text(raw, span, 4), reads, makes, attributes)


def _attribute(raw: bytes, span: Span) -> tuple[str, Any]:
    """Name and value of an attribute, told by the type that it says, or by what is there."""
    name = protobuf.text(raw, span, NAME)
    if protobuf.parts(raw, span, SUBGRAPH):
        return name, None
    if held := protobuf.parts(raw, span, TENSOR):
        return name, _tensor(raw, held[-1])
    if texts := protobuf.parts(raw, span, TEXT):
        return name, raw[slice(*texts[-1])].decode("utf-8", "replace")
    kind = protobuf.integer(raw, span, TYPE)
    if kind == 1:
        return name, (_floats(raw, span, FLOAT) or [0.0])[-1]
    if kind == 2:
        return name, protobuf.integer(raw, span, INT)
    if kind == 6:
        return name, _floats(raw, span, FLOATS)
    return name, "" if kind == 3 else protobuf.integers(raw, span, INTS)


def _tensor(raw: bytes, span: Span) -> np.ndarray | None:
    one = onnx_tensors.held(raw, span)
    if not one.count or one.begin < 0 or onnx_tensors.TYPES[one.type][1] < 8:
        return None
    return onnx_tensors.array(raw, one).reshape(one.shape)


def _floats(raw: bytes, span: Span, number: int) -> list[float]:
    """All floats with this field number, packed or each on its own."""
    values: list[float] = []
    for f in protobuf.fields(raw, *span):
        if f.number == number and f.wire == SHORT:
            values.append(struct.unpack_from("<f", raw, f.value)[0])
        elif f.number == number and f.wire == PART:
            values += np.frombuffer(raw[f.value : f.end], "<f4").tolist()
    return values


def _constant(step: Step) -> dict[str, np.ndarray]:
    """The number or numbers of a Constant node, by the name that they are read under."""
    types = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    for name, value in step.attributes.items():
        if name in types:
            return {step.outputs[0]: np.asarray(value, types[name])}
        if name == "value" and value is not None:
            return {step.outputs[0]: np.asarray(value)}
    return {}
