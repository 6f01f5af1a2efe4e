"""The one input and the one output of an ONNX graph, and what the file quantizes its input to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from resq.deployed.formats import onnx_tensors, protobuf, zero_points
from resq.deployed.formats.onnx_kinds import Graph
from resq.deployed.formats.onnx_tensors import TYPES, Held
from resq.deployed.formats.operators import onnx_codes
from resq.deployed.formats.zero_points import Computed
from resq.deployed.words import RefusedError, Tensor, middle, no_scale

INPUT, OUTPUT = 11, 12
Span = tuple[int, int]

# Operators whose quantizer of what they make is free; that of a softmax or a sigmoid is the operator's own.
FREE = {op: at for op, at in onnx_codes.MADE.items() if op not in ("QLinearSigmoid", "QLinearSoftmax")}


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
    return _with_span(raw, taken, nodes, constants), _with_scale(raw, output, nodes, constants)


def _with_span(raw: bytes, end: Tensor, nodes: Graph, constants: Mapping[str, Held]) -> Tensor:
    """The input, with the scale and zero point that the file quantizes it with or reads its integers with."""
    computed = list(_computed(raw, nodes, constants))
    others = [one for name, one in computed if name != end.name]
    if "int" in end.dtype:
        return _of_integers(raw, end, others, nodes, constants)
    own = next((one for name, one in computed if name == end.name), None)
    if own is None:
        return end
    symmetric = zero_points.symmetric(own.codes, others)
    return replace(end, scale=own.scale, zero=own.zero, codes=own.codes, symmetric=symmetric)


def _of_integers(
    raw: bytes, end: Tensor, others: Sequence[Computed], nodes: Graph, constants: Mapping[str, Held]
) -> Tensor:
    """An input of integers, with what all that compute with them say; scale 0 where they say several."""
    quantizers = set(onnx_codes.of_read(raw, end.name, nodes, constants))
    if not quantizers:  # a Cast: the integers are the numbers
        return end
    symmetric = zero_points.symmetric(end.dtype, others)
    scale, zero = quantizers.pop() if len(quantizers) == 1 else (0.0, None)
    if scale and zero is not None:
        return replace(end, scale=scale, zero=zero, symmetric=symmetric)
    return replace(end, zero=middle(end.dtype) if zero is None else zero, codes=end.dtype,
                   symmetric=None if zero is None else symmetric)  # fmt: skip


def _with_scale(raw: bytes, end: Tensor, nodes: Graph, constants: Mapping[str, Held]) -> Tensor:
    """The output, with the scale and zero point of the operator that makes its integers."""
    if "int" not in end.dtype:
        return end
    scale, zero = onnx_codes.of_made(raw, end.name, nodes, constants)
    if not scale or zero is None:
        raise RefusedError(no_scale(end.dtype))
    return replace(end, scale=scale, zero=zero)


def _computed(raw: bytes, nodes: Graph, constants: Mapping[str, Held]) -> Iterator[tuple[str, Computed]]:
    """(what is quantized, its quantizer) of each value that the graph computes; a product has the name ""."""
    for node in nodes.nodes:
        places = FREE.get(node.op, (0, 0))
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
