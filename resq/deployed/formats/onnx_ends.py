"""The one input and the one output of an ONNX graph, and what the file quantizes its input to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from resq.deployed.formats import onnx_tensors, protobuf, zero_points
from resq.deployed.formats.onnx_kinds import Graph
from resq.deployed.formats.onnx_tensors import TYPES, Held
from resq.deployed.formats.zero_points import Computed
from resq.deployed.words import RefusedError, Tensor

INPUT, OUTPUT = 11, 12
Span = tuple[int, int]

# Operator -> which of its inputs are the scale and the zero point of what it makes.
MADE = {
    "QuantizeLinear": (1, 2), "QLinearConv": (6, 7), "QLinearMatMul": (6, 7), "QGemm": (7, 8),
    "QLinearAdd": (6, 7), "QLinearMul": (6, 7), "QLinearGlobalAveragePool": (3, 4),
    "QLinearAveragePool": (3, 4), "QLinearLeakyRelu": (3, 4), "QLinearConcat": (0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class _End:
    name: str
    dtype: str
    shape: tuple[int, ...]


def ends(raw: bytes, graph: Span, constants: Mapping[str, Held], nodes: Graph) -> tuple[Tensor, Tensor]:
    """The one input and the one output of the graph.

    Raises:
        RefusedError: several, none, or of a type that no image or answer has.
    """
    inputs, outputs = ([_end(raw, s) for s in protobuf.parts(raw, graph, field)] for field in (INPUT, OUTPUT))
    inputs = [e for e in inputs if e.name not in constants]
    for what, sides in (("input", inputs), ("output", outputs)):
        if len(sides) != 1:
            raise RefusedError(f"has {len(sides)} {what}s; an image classifier has one")
        if sides[0].dtype not in ("float32", "float16", "uint8", "int8"):
            raise RefusedError(f"has an {what} of {sides[0].dtype}; expected float32, float16, uint8 or int8")
    taken, output = (Tensor(end.name, end.dtype, end.shape) for end in (inputs[0], outputs[0]))
    return _with_span(raw, taken, nodes, constants), output


def _with_span(raw: bytes, end: Tensor, nodes: Graph, constants: Mapping[str, Held]) -> Tensor:
    """The input, with the scale and zero point that the file quantizes it with at once."""
    own, others = None, []
    for name, one in _computed(raw, nodes, constants):
        if name != end.name:
            others.append(one)
        elif own is None:
            own = one
    if own is None:
        return end
    symmetric = zero_points.symmetric(own.codes, others)
    return replace(end, scale=own.scale, zero=own.zero, codes=own.codes, symmetric=symmetric)


def _computed(raw: bytes, nodes: Graph, constants: Mapping[str, Held]) -> Iterator[tuple[str, Computed]]:
    """(what is quantized, its quantizer) of each value that the graph computes; a product has the name ""."""
    for node in nodes.nodes:
        places = MADE.get(node.op, (0, 0))
        quantized = node.inputs[0] if node.op == "QuantizeLinear" and node.inputs else ""
        if not any(places) or len(node.inputs) <= places[1] or quantized in constants:
            continue
        scale, zero = (constants.get(node.inputs[place]) for place in places)
        if scale and zero and scale.count == zero.count == 1 and TYPES[zero.type][0] in zero_points.CODES:
            numbers = onnx_tensors.array(raw, scale)[0], onnx_tensors.array(raw, zero)[0]
            yield quantized, Computed(TYPES[zero.type][0], float(numbers[0]), int(numbers[1]))


def _end(raw: bytes, span: Span) -> _End:
    kind = 0
    shape: list[int] = []
    for type_ in protobuf.parts(raw, span, 2):
        for tensor in protobuf.parts(raw, type_, 1):
            kind = protobuf.integer(raw, tensor, 1)
            for dims in protobuf.parts(raw, tensor, 2):
                shape = [protobuf.integer(raw, dim, 1, -1) for dim in protobuf.parts(raw, dims, 1)]
    return _End(protobuf.text(raw, span, 1), TYPES.get(kind, (f"type {kind}", 0))[0], tuple(shape))
