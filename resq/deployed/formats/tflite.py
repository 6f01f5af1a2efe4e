"""A TFLite file: its constant tensors, its scales and zero points, and where each stands in the file.

Source: the TFLite schema (fields by their numbers). The graph is read as data and never run here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from resq.deployed import soft_ends
from resq.deployed.formats import tflite_metadata, zero_points
from resq.deployed.formats.flatbuffer import Table
from resq.deployed.formats.operators.tflite_inputs import (
    DEQUANTIZE,
    READS,
    THROUGH,
    Node,
    kind_of,
    products_of,
    source_of,
)  # fmt: skip
from resq.deployed.words import Parsed, RefusedError, Stored, Tensor, no_scale

# TensorType -> name and bits; those that can be words.
TYPES = {0: ("float32", 32), 1: ("float16", 16), 2: ("int32", 32), 3: ("uint8", 8), 4: ("int64", 64),
         7: ("int16", 16), 9: ("int8", 8), 10: ("float64", 64), 16: ("uint16", 16), 15: ("uint32", 32),
         17: ("int4", 4), 18: ("bfloat16", 16), 19: ("int2", 2)}  # fmt: skip
CUSTOM = 32
# Operators that a classifier may end with, beside those above.
ENDS = {DEQUANTIZE: "DEQUANTIZE", 22: "RESHAPE", 25: "SOFTMAX", 43: "SQUEEZE", 50: "LOG_SOFTMAX", 53: "CAST",
        114: "QUANTIZE"}  # fmt: skip
LARGEST_RANK = 8


@dataclass(frozen=True)
class _Entry:
    """A tensor of the graph as its table says."""

    number: int
    name: str
    type: int
    shape: tuple[int, ...]
    buffer: int
    quantization: Table | None


def parse(raw: bytes) -> Parsed:
    """What a TFLite file stores.

    Raises:
        RefusedError: no such file, damaged, or with operators of its own.
    """
    if raw[4:8] != b"TFL3":
        raise RefusedError("is no TFLite file: its fifth to eighth bytes are not TFL3")
    model = Table.root(raw)
    graphs, buffers = model.tables(2), model.tables(4)
    if len(graphs) != 1:
        raise RefusedError(f"has {len(graphs)} graphs; expected one, without loops and branches")
    operators = _operators(model, graphs[0])
    tensors = [_entry(i, table) for i, table in enumerate(graphs[0].tables(0))]
    taken = _end(graphs[0].array(1, "<i4"), tensors, "input")
    output = _end(graphs[0].array(2, "<i4"), tensors, "output")
    stored_tensors = [*_constants(raw, tensors, operators, buffers), *_quantizers(tensors)]
    metadata = tflite_metadata.read(raw, model, output.shape[-1] if output.shape else -1)
    taken = replace(_with_others(taken, operators, tensors), mean=metadata.mean, std=metadata.std,
                    wrong=metadata.wrong)  # fmt: skip
    notes = (*([f"it {metadata.wrong}"] if metadata.wrong else []), *metadata.notes)
    return Parsed("tflite", raw, _unique(stored_tensors), taken, output, notes, metadata.labels,
                  _probabilities(operators, int(graphs[0].array(2, "<i4")[0])))  # fmt: skip


def _operators(model: Table, graph: Table) -> list[Node]:
    """(operator, inputs, outputs) of each node."""
    codes = [max(code.integer(3), code.integer(0, "<b")) for code in model.tables(1)]
    if CUSTOM in codes:
        names = [code.text(1) for code in model.tables(1)]
        raise RefusedError(
            f"has an operator of its own, {names[codes.index(CUSTOM)]!r:.60}, which is not run"
        )
    operators = []
    for node in graph.tables(3):
        index = node.integer(0, "<I")
        if index >= len(codes):
            raise RefusedError(
                f"has a node of operator {index}; it names {len(codes)} operators: it is damaged"
            )
        operators.append((codes[index], node.array(1, "<i4").tolist(), node.array(2, "<i4").tolist()))
    return operators


def _entry(number: int, table: Table) -> _Entry:
    shape = tuple(table.array(0, "<i4").tolist())
    if len(shape) > LARGEST_RANK or any(n < 0 for n in shape):
        raise RefusedError(f"has a tensor of shape {shape!s:.60}: it is damaged")
    free = table.array(7, "<i4").tolist()
    if len(free) == len(shape):
        shape = tuple(-1 if n < 0 else own for n, own in zip(free, shape, strict=True))
    kind = table.integer(1, "<b")
    return _Entry(
        number, table.text(3) or f"tensor {number}", kind, shape, table.integer(2, "<I"), table.table(4)
    )


def _end(numbers: np.ndarray, tensors: list[_Entry], what: str) -> Tensor:
    """The one input or output of the graph."""
    if len(numbers) != 1:
        raise RefusedError(f"has {len(numbers)} {what}s; an image classifier has one")
    entry = _at(int(numbers[0]), tensors)
    dtype, _ = TYPES.get(entry.type, (f"type {entry.type}", 0))
    if dtype not in ("float32", "int8", "uint8", "int16"):
        raise RefusedError(f"has an {what} of {dtype}; expected float32, int8, uint8 or int16")
    q = entry.quantization
    scale, zero = (q.array(2, "<f4"), q.array(3, "<i8")) if q else (np.empty(0), np.empty(0, int))
    if what == "output" and dtype != "float32" and not (len(scale) == 1 and scale[0] > 0):
        raise RefusedError(no_scale(dtype))
    if dtype == "float32" or not len(scale):
        return Tensor(entry.name, dtype, entry.shape)
    return Tensor(entry.name, dtype, entry.shape, float(scale[0]), int(zero[0]) if len(zero) else 0)


def _probabilities(operators: list[Node], output: int) -> bool | None:
    """Whether the answer, a tensor by its number, is that of a softmax; None: the graph does not show it."""
    names = {**{code: name for code, (name, _) in READS.items()}, **ENDS}
    makers = {str(outs[0]): (names.get(op, ""), str(ins[0])) for op, ins, outs in operators if ins and outs}
    return soft_ends.probabilities(str(output), makers)


def _with_others(taken: Tensor, operators: list[Node], tensors: list[_Entry]) -> Tensor:
    """The input, with whether all that the operators make is quantized symmetrically."""
    if not taken.scale:
        return taken
    made = [_at(number, tensors) for _, _, outs in operators for number in outs if number >= 0]
    quantizers = [(TYPES[entry.type][0], *_quantizer(entry)) for entry in made if entry.type in TYPES]
    seen = [zero_points.Computed(dtype, scale[0], zero[0])
            for dtype, scale, zero, _ in quantizers if scale]  # fmt: skip
    return replace(taken, symmetric=zero_points.symmetric(taken.dtype, seen))


def _at(number: int, tensors: list[_Entry]) -> _Entry:
    if not 0 <= number < len(tensors):
        raise RefusedError(f"names tensor {number}; it has {len(tensors)}: it is damaged")
    return tensors[number]


def _constants(
    raw: bytes, tensors: list[_Entry], operators: list[Node], buffers: list[Table]
) -> list[Stored]:
    """The tensors that lie in the file, in the order in which operators read them."""
    passed = {outs[0]: ins[0] for op, ins, outs in operators if op in THROUGH and ins and outs}
    products = products_of(operators)
    constants: dict[int, Stored] = {}
    for last in (False, True):  # what is passed on is told by who reads it then; in the end, by who passes it
        for node in operators:
            for place, number in enumerate(node[1]):
                if (place == 0 and node[0] in THROUGH) is not last:
                    continue
                number = source_of(number, passed)
                if number < 0 or number in constants or not (entry := _at(number, tensors)).buffer:
                    continue  # below 0: an input that the operator may do without
                if tensor := _constant(raw, entry, node, place, buffers, products):
                    constants[number] = tensor
    return list(constants.values())


def _constant(
    raw: bytes, entry: _Entry, node: Node, place: int, buffers: list[Table], products: set[int]
) -> Stored | None:
    """A constant tensor, None where its buffer is empty: then it is computed."""
    if entry.buffer >= len(buffers):
        raise RefusedError(f"names buffer {entry.buffer}; it has {len(buffers)}: it is damaged")
    at, size = buffers[entry.buffer].vector(0, 1)
    if not size and (outside := buffers[entry.buffer].integer(1, "<Q")) > 1:
        at, size = outside, buffers[entry.buffer].integer(2, "<Q")
        if at + size > len(raw):
            raise RefusedError(f"keeps {entry.name!r:.60} at byte {at}, outside its {len(raw)} bytes")
    if not size or entry.type not in TYPES:
        return None
    dtype, width = TYPES[entry.type]
    count = int(np.prod(entry.shape, dtype=np.float64))
    if -(-count * width // 8) != size or any(n < 0 for n in entry.shape):
        raise RefusedError(
            f"says that {entry.name!r:.60} has the shape {entry.shape} of {dtype}, but stores {size} bytes"
        )
    scale, zero, axis = _quantizer(entry)
    name = READS[node[0]][0] if node[0] in READS else f"operator {node[0]}"
    kind = kind_of(node, place, count, products)
    return Stored(entry.name, kind, dtype, entry.shape, width, at, at, scale, zero, axis, name)


def _quantizer(entry: _Entry) -> tuple[tuple[float, ...], tuple[int, ...], int]:
    q = entry.quantization
    if q is None:
        return (), (), -1
    scale, zero = tuple(q.array(2, "<f4").tolist()), tuple(q.array(3, "<i8").tolist())
    zero = zero or (0,) * min(1, len(scale))
    return scale, zero, q.integer(6) if len(scale) > 1 else -1


def _quantizers(tensors: list[_Entry]) -> list[Stored]:
    """The scales and zero points that stand in the file, of constants and of what is computed."""
    quantizers = []
    for entry in tensors:
        for index, suffix, dtype, width in ((2, "scale", "float32", 32), (3, "zero_point", "int64", 64)):
            if entry.quantization is None:
                continue
            at, count = entry.quantization.vector(index, width // 8)
            if count:
                name = f"{entry.name}/{suffix}"
                quantizers.append(Stored(name, "scales", dtype, (count,), width, at, at, op="quantization"))
    return quantizers


def _unique(tensors: list[Stored]) -> tuple[Stored, ...]:
    """The same with names that differ: a number behind those that come again; no byte in two of them."""
    seen: dict[str, int] = {}
    places: set[int] = set()
    unique = []
    for one in tensors:
        if one.offset in places:  # two tensors that share a buffer are one in memory
            continue
        places.add(one.offset)
        seen[one.name] = number = seen.get(one.name, 0) + 1
        unique.append(one if number == 1 else replace(one, name=f"{one.name}#{number}"))
    return tuple(unique)
