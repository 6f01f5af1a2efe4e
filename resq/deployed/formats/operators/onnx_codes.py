"""What the integers of an ONNX value stand for: told by the operator that reads or makes them.

Source: the operators' documents, ONNX and com.microsoft.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from resq.deployed.formats import onnx_tensors
from resq.deployed.formats.onnx_kinds import Graph, Node
from resq.deployed.formats.onnx_tensors import Held

NONE = -1  # an operator on integers that does without a scale
# Operator -> (a value that it reads, its scale, its zero point) by the numbers of the inputs.
FIRST = ((0, 1, 2),)
READ = {
    "DequantizeLinear": FIRST,
    "QLinearConv": FIRST,
    "QLinearMatMul": (*FIRST, (3, 4, 5)),
    "QGemm": FIRST,
    "QLinearAdd": (*FIRST, (3, 4, 5)),
    "QLinearMul": (*FIRST, (3, 4, 5)),
    "QLinearWhere": ((1, 2, 3), (4, 5, 6)),
    "QLinearGlobalAveragePool": FIRST,
    "QLinearAveragePool": FIRST,
    "QLinearReduceMean": FIRST,
    "QLinearLeakyRelu": FIRST,
    "QLinearSigmoid": FIRST,
    "QLinearSoftmax": FIRST,
    "MatMulIntegerToFloat": ((0, 2, 4),),
    "QAttention": ((0, 3, 6),),
    "ConvInteger": ((0, NONE, 2),),
    "MatMulInteger": ((0, NONE, 2),),
}
# Operator -> which of its inputs are the scale and the zero point of what it makes.
MADE = {
    "QuantizeLinear": (1, 2),
    "QLinearConv": (6, 7),
    "QLinearMatMul": (6, 7),
    "QGemm": (7, 8),
    "QLinearAdd": (6, 7),
    "QLinearMul": (6, 7),
    "QLinearWhere": (7, 8),
    "QLinearGlobalAveragePool": (3, 4),
    "QLinearAveragePool": (3, 4),
    "QLinearReduceMean": (3, 4),
    "QLinearLeakyRelu": (3, 4),
    "QLinearSigmoid": (3, 4),
    "QLinearSoftmax": (3, 4),
    "QLinearConcat": (0, 1),
}
# Operators that give integers on as they are, or choose among them.
KEPT = (
    "Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Gather",
    "Clip", "Relu", "MaxPool", "GlobalMaxPool", "ReduceMax",
)  # fmt: skip
DEEPEST = 12


def of_read(
    raw: bytes, name: str, graph: Graph, constants: Mapping[str, Held], depth: int = 0
) -> Iterator[tuple[float, int | None]]:
    """(scale, zero point) of a value's integers, as each operator that computes with them says it.

    Scale 0, zero point None: it does without, has several, or the file computes them.
    """
    for node in graph.readers.get(name, ()):
        if node.op in KEPT and node.inputs[0] == name and depth < DEEPEST:
            for made in node.outputs:
                yield from of_read(raw, made, graph, constants, depth + 1)
        for at, scale, zero in _read_by(node):
            if at < len(node.inputs) and node.inputs[at] == name:
                yield _scale(raw, node, scale, constants), _zero(raw, node, zero, constants)


def of_made(
    raw: bytes, name: str, graph: Graph, constants: Mapping[str, Held], depth: int = 0
) -> tuple[float, int | None]:
    """(scale, zero point) of a value's integers, as the operator that makes them says it; else 0 and None."""
    node = graph.makers.get(name)
    if node is not None and node.op in KEPT and node.inputs and depth < DEEPEST:
        return of_made(raw, node.inputs[0], graph, constants, depth + 1)
    if node is None or node.op not in MADE:
        return 0.0, None
    scale, zero = MADE[node.op]
    return _scale(raw, node, scale, constants), _zero(raw, node, zero, constants)


def _read_by(node: Node) -> tuple[tuple[int, int, int], ...]:
    if node.op == "QLinearConcat":
        return tuple((at, at + 1, at + 2) for at in range(2, len(node.inputs), 3))
    return READ.get(node.op, ())


def _scale(raw: bytes, node: Node, place: int, constants: Mapping[str, Held]) -> float:
    number = _number(raw, node.inputs[place], constants) if 0 <= place < len(node.inputs) else None
    return number if number is not None and np.isfinite(number) and number > 0 else 0.0


def _zero(raw: bytes, node: Node, place: int, constants: Mapping[str, Held]) -> int | None:
    """A zero point; 0 where the operator is told none."""
    if place >= len(node.inputs) or not node.inputs[place]:
        return 0
    number = _number(raw, node.inputs[place], constants)
    return int(number) if number is not None and np.isfinite(number) else None


def _number(raw: bytes, name: str, constants: Mapping[str, Held]) -> float | None:
    """The one number of a constant; 32-bit floats and all zero points are such floats exactly."""
    one = constants.get(name)
    return float(onnx_tensors.array(raw, one)[0]) if one is not None and one.count == 1 else None
