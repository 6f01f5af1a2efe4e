"""An ONNX file as a graph: sizes checked before they are believed, functions written out, nothing run.

Source: the ONNX specification.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from resq.core.errors import LackingError
from resq.importers.formats.pickles import RefusedError
from resq.importers.onnx import onnx_beside

LARGEST = 128 * 2**20  # bytes; a graph is parsed as a whole, so less than for the other formats
NODES = 50_000  # with all functions written out; the largest network here has 4,000
DOMAINS = ("", "ai.onnx")
# TensorProto types -> bits of an element.
FLOATING = {1: 32, 10: 16, 11: 64, 16: 16}
INTEGER = {2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 21: 4, 22: 4}
BITS = FLOATING | INTEGER


def loaded(file: Path) -> Any:
    """The model of an ONNX file, its functions written out where they are called.

    Raises:
        RefusedError: no ONNX file, or weights kept elsewhere or damaged.
        ValueError: the package onnx is not installed.
    """
    if file.stat().st_size > LARGEST:
        raise RefusedError(f"has {file.stat().st_size} bytes; an ONNX file may have {LARGEST}")
    model = _parsed(file)
    tensors = list(_tensors(model))
    onnx_beside.filled(tensors, file, BITS, LARGEST)
    for tensor in tensors:
        _checked(tensor)
    if not tensors:
        raise RefusedError("is no ONNX file with weights: its graph has no initialisers")
    return _inlined(model)


def beside(file: Path) -> list[Path]:
    """The files beside an ONNX file in which it keeps weights.

    Raises:
        RefusedError: as ``loaded`` does.
    """
    tensors = [tensor for tensor in _tensors(_parsed(file)) if onnx_beside.elsewhere(tensor)]
    return list(dict.fromkeys(onnx_beside.numbers_file(tensor, file) for tensor in tensors))


def _parsed(file: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise LackingError(
            f"{file.name} needs the package onnx, which is not installed: pip install onnx==1.23.2"
        ) from None
    try:
        return onnx.load_model_from_string(file.read_bytes())
    except (DecodeError, RuntimeError, UnicodeDecodeError) as error:
        raise RefusedError(f"is no ONNX file ({str(error)[:80]})") from None


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor in the file: initialisers and the values of nodes, in functions and branches too."""
    graphs, nodes = [model.graph], [n for f in model.functions for n in f.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            if graph.sparse_initializer:
                raise RefusedError("keeps weights as sparse tensors; expected dense ones")
            nodes += graph.node
            continue
        for attribute in nodes.pop().attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            graphs += [attribute.g] if attribute.HasField("g") else []
            graphs += attribute.graphs


def _checked(tensor: Any) -> None:
    """Refuses a tensor that claims other numbers than it stores."""
    if any(n < 0 for n in tensor.dims) or len(tensor.dims) > 8:
        raise RefusedError(f"gives {tensor.name[:80]!r} the shape {list(tensor.dims)[:9]}")
    claimed, bits = math.prod(tensor.dims), BITS.get(tensor.data_type)
    if bits is None:
        return  # refused once a weight is read from it
    there = len(tensor.raw_data) * 8 // bits if tensor.HasField("raw_data") else _listed(tensor, bits)
    if claimed > there or (bits >= 8 and claimed != there):
        raise RefusedError(f"claims {claimed} numbers for {tensor.name[:80]!r}, but stores {there}")


def _listed(tensor: Any, bits: int) -> int:
    """How many numbers a tensor without raw bytes lists."""
    if bits == 4:
        return 2 * len(tensor.int32_data)
    return max(
        len(tensor.float_data), len(tensor.double_data), len(tensor.int32_data), len(tensor.int64_data)
    )


def _inlined(model: Any) -> Any:
    """The model with its functions written out, if that leaves a graph of a reasonable size."""
    if not model.functions:
        _bounded(len(model.graph.node))
        return model
    from onnx import inliner

    bodies = {(f.domain, f.name): f.node for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(key: tuple[str, str], depth: int) -> int:
        if depth > 20:
            raise RefusedError("nests functions more than 20 deep")
        if key not in sizes:
            calls = [(node.domain, node.op_type) for node in bodies[key]]
            sizes[key] = _bounded(sum(size(c, depth + 1) if c in bodies else 1 for c in calls))
        return sizes[key]

    calls = [(node.domain, node.op_type) for node in model.graph.node]
    _bounded(sum(size(call, 0) if call in bodies else 1 for call in calls))
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        raise RefusedError(f"holds functions that cannot be written out ({str(error)[:80]})") from None


def _bounded(nodes: int) -> int:
    if nodes > NODES:
        raise RefusedError(f"has {nodes} nodes; expected {NODES} at most")
    return nodes


def array(tensor: Any) -> tuple[np.ndarray, int]:
    """The numbers of a tensor whose size has been checked, and the bits of one as it is stored.

    Raises:
        RefusedError: numbers of a kind that no weight has, or damaged.
    """
    from onnx import numpy_helper

    bits = BITS.get(tensor.data_type)
    if bits is None:
        raise RefusedError(
            f"holds {tensor.name[:80]!r} as ONNX type {kind(tensor.data_type)}; expected floats of 16 to 64 "
            "bits or integers of 4 to 64"
        )
    try:
        values = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise RefusedError(f"holds a damaged {tensor.name[:80]!r} ({str(error)[:80]})") from None
    if bits == 4:  # numpy knows no such numbers of its own
        values = values.astype(np.int8 if tensor.data_type == 22 else np.uint8)
    return (values.astype(np.float32) if tensor.data_type in (10, 16) else values), bits


def kind(number: int) -> str:
    """The name of a TensorProto type, such as FLOAT8E4M3FN."""
    from onnx import TensorProto

    known = number in TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(number)) if known else str(number)


def settings(node: Any) -> dict[str, Any]:
    """A node's attributes by name, as Python's values; tensors as they are."""
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def sorted_nodes(graph: Any) -> list[Any]:
    """The nodes, each after those whose outputs it reads; otherwise in the order of the file.

    Raises:
        RefusedError: a node that reads what nothing gives, or a circle.
    """
    there = {t.name for t in graph.initializer} | {i.name for i in graph.input} | {""}
    waiting: dict[str, list[Any]] = {}
    lacking: dict[int, int] = {}
    ready, done = [], []
    for node in graph.node:
        lacks = dict.fromkeys(name for name in _reads(node) if name not in there)
        lacking[id(node)] = len(lacks)
        for name in lacks:
            waiting.setdefault(name, []).append(node)
        if not lacks:
            ready.append(node)
    ready.reverse()
    while ready:
        node = ready.pop()
        done.append(node)
        freed = []
        for name in node.output:
            for other in waiting.pop(name, ()) if name else ():
                lacking[id(other)] -= 1
                if not lacking[id(other)]:
                    freed.append(other)
        ready += reversed(freed)
    if len(done) < len(graph.node):
        name = next(iter(waiting), "")
        raise RefusedError(f"reads {name[:80]!r}, which no node and no initialiser gives")
    return done


def _reads(node: Any) -> Iterator[str]:
    """What a node reads, the branches inside it too."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            inner = attribute.g
            own = {t.name for t in inner.initializer} | {o for n in inner.node for o in n.output}
            own |= {i.name for i in inner.input}
            for child in inner.node:
                yield from (name for name in _reads(child) if name not in own)
