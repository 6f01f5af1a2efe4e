"""The layers of an ONNX graph: what a tensor is, is said by the node that reads it and never by its name.

Add an operator that carries weights: a rule, and a line in RULES; one that cannot be read: a line in REFUSED.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from resq.importers.formats.pickles import RefusedError
from resq.importers.graphs import Layer
from resq.importers.onnx import onnx_file, onnx_packed
from resq.importers.onnx.onnx_dequantize import SHAPES, Plain, moved
from resq.importers.onnx.onnx_values import UnreadError, Value

PASSING = ("Identity", "Cast", "Relu")
ENDS = ("InstanceNormalization", "Div")
TWO = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


@dataclass(eq=False)
class Norm:
    """A batch norm, or the scale and shift that another norm ends with; float32 (channels,) each."""

    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray | None = None
    var: np.ndarray | None = None
    eps: float | None = None


@dataclass(eq=False)
class Read:
    """A layer and its numbers.

    Attributes:
        weight: in torch's shape, (out, in, ...).
        bias: float32 (out,) or None.
        norm: the batch norm right after it, or what a norm of its own holds.
    """

    layer: Layer
    weight: Value | None = None
    bias: np.ndarray | None = None
    norm: Norm | None = None


@dataclass(eq=False)
class Graph:
    """A file's layers, each after those that feed it.

    Attributes:
        tables: what is added to activations and is more than a shift per channel, by the layers before it.
        unread: why the constant of a sum or product could not be worked out; it may have been a weight.
        scale, shift: what the graph does to the images before the first layer, x scale + shift, (channels,).
    """

    reads: list[Read] = field(default_factory=list)
    tables: list[tuple[frozenset[int], np.ndarray]] = field(default_factory=list)
    unread: str = ""
    scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    shift: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @property
    def layers(self) -> list[Layer]:
        """Without their numbers."""
        return [read.layer for read in self.reads]


class Walk:
    """One pass over a plain graph."""

    def __init__(self, plain: Plain) -> None:
        self.p, self.graph = plain, Graph()
        self.reach: dict[str, frozenset[int]] = {}
        self.images = {i.name for i in plain.model.graph.input} & plain.moving
        self.readers: dict[str, list[Any]] = defaultdict(list)
        for node in plain.nodes:
            for name in node.input:
                self.readers[name].append(node)
        self.ends = {o.name for o in plain.model.graph.output}
        self.taken: set[int] = set()

    def done(self) -> Graph:
        """The layers.

        Raises:
            RefusedError: an operator with weights that is not read; the sentence names it.
        """
        for node in self.p.nodes:
            activations = [name for name in node.input if name in self.p.moving]
            if not activations or node.output[0] not in self.p.moving:
                continue
            before: frozenset[int] = frozenset().union(*(self.reach.get(n, frozenset()) for n in activations))
            self._visit(node, activations, before)
            for name in node.output:
                self.reach.setdefault(name, before)
        last = frozenset().union(*(self.reach.get(name, frozenset()) for name in self.ends))
        for i, read in enumerate(self.graph.reads):
            read.layer = read.layer.ending(i in last)
        return self.graph

    def _visit(self, node: Any, activations: list[str], before: frozenset[int]) -> None:
        if id(node) in self.taken:
            return
        rule = RULES.get(node.op_type)
        if rule is not None and len(activations) == 1 and activations[0] == node.input[0]:
            rule(self, node, before)
        elif node.op_type == "MatMul" and len(activations) == 1:
            raise RefusedError(f"multiplies a weight by activations from the left (node {node.name[:80]!r})")
        elif node.op_type in TWO and len(activations) == 1:
            self._two(node, activations[0], before)
        elif node.op_type in REFUSED:
            raise RefusedError(
                f"computes with {node.op_type}, which no network here has (node {node.name[:80]!r})"
            )

    def add(self, node: Any, read: Read) -> None:
        """A layer, with all that follows it channel by channel."""
        self.graph.reads.append(read)
        number = len(self.graph.reads) - 1
        for name in node.output:
            self.reach[name] = frozenset({number})
        if read.weight is not None:
            _absorb(self, node.output[0], read)
        read.layer = Layer(
            read.layer.kind, read.layer.shape, read.layer.before, node.name or node.output[0], read.layer.how,
            "norm" if read.norm is not None and read.weight is not None else "")  # fmt: skip

    def only_reader(self, name: str) -> Any:
        """The one node that reads the values of a name, and not only its shape or kind, or None."""
        nodes = [n for n in self.readers[name] if n.op_type not in SHAPES and name in moved(n)]
        return nodes[0] if len(nodes) == 1 and name not in self.ends else None

    def value(self, name: str) -> np.ndarray:
        """The floats of a constant.

        float32, in the shape of the initializer.
        """
        return np.asarray(self.p.values.of(name).floats, np.float32)

    def _two(self, node: Any, moving: str, before: frozenset[int]) -> None:
        """A sum or product with a constant: the images' normalisation, a norm's end, or a table."""
        other = next(name for name in node.input if name != moving)
        try:
            value = self.value(other)
        except UnreadError as error:
            self.graph.unread = self.graph.unread or str(error)
            return
        except RefusedError:  # it follows from shapes, so it is no weight
            return
        if _source(self.p, moving) in self.images and value.size <= 3:
            if _normalise(self.graph, node, moving, value):
                self.images.add(node.output[0])
        elif value.size > 1 and node.op_type == "Mul" and _ends_a_norm(self.p, moving):
            self._affine(node, value, before)
        elif node.op_type == "Add" and sum(n > 1 for n in value.shape) > 1:
            self.graph.tables.append((before, value))

    def _affine(self, node: Any, weight: np.ndarray, before: frozenset[int]) -> None:
        """A norm written out, of which only scale and shift are weights."""
        after, bias = self.only_reader(node.output[0]), np.zeros(weight.size, np.float32)
        if after is not None and after.op_type == "Add":
            other = [name for name in after.input if name not in self.p.moving]
            bias = self.value(other[0]).reshape(-1) if other else bias
            self.taken.add(id(after))
        layer = Layer("norm", (weight.size,), before, node.name)
        self.add(node, Read(layer, norm=Norm(weight.reshape(-1), bias, eps=_epsilon(self.p, node))))


def _source(p: Plain, name: str) -> str:
    """Where a name comes from, past nodes that change nothing or undo nothing of order."""
    while name in p.made and p.made[name].op_type in ("Identity", "Cast"):
        name = p.made[name].input[0]
    return name


def _normalise(graph: Graph, node: Any, moving: str, value: np.ndarray) -> bool:
    """Takes in a step of the images' normalisation; whether it was one."""
    flat, first = value.reshape(-1).astype(np.float64), node.input[0] == moving
    if node.op_type in ("Mul", "Div") and first:
        factor = flat if node.op_type == "Mul" else 1 / flat
        graph.scale, graph.shift = graph.scale * factor, graph.shift * factor
    elif node.op_type in ("Add", "Sub") and first:
        graph.shift = graph.shift + (flat if node.op_type == "Add" else -flat)
    else:
        return False
    graph.scale, graph.shift = (np.asarray(v) for v in np.broadcast_arrays(graph.scale, graph.shift))
    return True


def _ends_a_norm(p: Plain, name: str) -> bool:
    """Whether a name is what a norm gives before its scale."""
    for _ in range(6):
        node = p.made.get(name)
        if node is None:
            return False
        made = {p.made[source].op_type for source in node.input if source in p.made}
        if node.op_type in ENDS or (node.op_type == "Mul" and made & {"Reciprocal", "Div"}):
            return True
        if node.op_type not in (*PASSING, "Reshape"):
            return False
        name = node.input[0]
    return False


def _epsilon(p: Plain, node: Any) -> float | None:
    """The epsilon below the square root that a norm's division ends in, where it is found."""
    todo = [name for name in node.input if name in p.moving]
    for _ in range(40):
        if not todo:
            return None
        made = p.made.get(todo.pop(0))
        if made is None:
            continue
        if made.op_type == "InstanceNormalization":
            return float(onnx_file.settings(made).get("epsilon", 1e-5))
        if (
            made.op_type == "Sqrt"
            and (inner := p.made.get(made.input[0])) is not None
            and inner.op_type == "Add"
        ):
            still = [name for name in inner.input if name not in p.moving]
            return float(p.values.of(still[0]).floats.reshape(-1)[0]) if still else None
        todo += [name for name in made.input if name in p.moving]
    return None


def _absorb(walk: Walk, name: str, read: Read) -> None:
    """Takes in what follows a layer and works on its channels: bias, scale and batch norm."""
    out = read.layer.shape[0]
    axes = 4 if read.layer.kind == "conv" else 0
    while (node := walk.only_reader(name)) is not None:
        if node.op_type in ("Identity", "Cast"):
            pass
        elif node.op_type == "BatchNormalization" and node.input[0] == name and read.norm is None:
            read.norm = _batch_norm(walk, node)
        elif node.op_type in TWO and read.norm is None:
            other = [n for n in node.input if n != name]
            if (
                len(other) != 1
                or other[0] in walk.p.moving
                or not _scaled(walk, node, name, other[0], read, out, axes)
            ):
                return
        else:
            return
        walk.taken.add(id(node))
        walk.reach[node.output[0]] = walk.reach[name]
        name = node.output[0]


def _scaled(walk: Walk, node: Any, name: str, other: str, read: Read, out: int, axes: int) -> bool:
    """Takes in a sum or product per channel; whether it was one."""
    try:
        value = walk.value(other)
    except RefusedError:
        return False
    last = value.shape[-3:-2] if axes and value.ndim >= 3 else value.shape[-1:] if not axes else (1,)
    per_channel = value.size == out and last == (out,)
    if not per_channel and value.size != 1:
        return False
    flat = value.reshape(-1)
    if node.op_type in ("Add", "Sub"):
        if node.op_type == "Sub" and node.input[0] != name:
            return False
        flat = -flat if node.op_type == "Sub" else flat
        read.bias = (np.zeros(out, np.float32) if read.bias is None else read.bias) + flat
        return True
    if node.op_type == "Div" and node.input[0] != name:
        return False
    flat = 1 / flat if node.op_type == "Div" else flat
    assert read.weight is not None
    read.weight = read.weight.times(flat)
    read.bias = None if read.bias is None else read.bias * flat
    return True


def _batch_norm(walk: Walk, node: Any) -> Norm:
    settings = onnx_file.settings(node)
    if settings.get("training_mode"):
        raise RefusedError(
            f"normalises in training mode (node {node.name[:80]!r}); export the model after .eval()"
        )
    weight, bias, mean, var = (walk.value(name).reshape(-1) for name in node.input[1:5])
    return Norm(weight, bias, mean, var, float(settings.get("epsilon", 1e-5)))


def _conv(walk: Walk, node: Any, before: frozenset[int]) -> None:
    weight, s = walk.p.values.of(node.input[1]), onnx_file.settings(node)
    if weight.array.ndim != 4:
        raise RefusedError(
            f"convolves over {weight.array.ndim - 2} axes (node {node.name[:80]!r}); expected 2"
        )
    how = (*s.get("strides", (1, 1)), s.get("group", 1))
    bias = walk.value(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    layer = Layer("conv", weight.array.shape, before, node.name, how)
    walk.add(node, Read(layer, weight, bias))


def _gemm(walk: Walk, node: Any, before: frozenset[int]) -> None:
    weight, s = walk.p.values.of(node.input[1]), onnx_file.settings(node)
    if s.get("transA"):
        raise RefusedError(f"transposes its activations (node {node.name[:80]!r})")
    if not s.get("transB"):
        weight = weight.moved(np.transpose)
    if s.get("alpha", 1.0) != 1:
        weight = weight.times(np.array([s["alpha"]], np.float32))
    bias = walk.value(node.input[2]).reshape(-1) if len(node.input) > 2 and node.input[2] else None
    if bias is not None:
        bias = np.broadcast_to(bias * np.float32(s.get("beta", 1.0)), weight.array.shape[0])
    walk.add(node, Read(Layer("linear", weight.array.shape, before, node.name), weight, bias))


def _matmul(walk: Walk, node: Any, before: frozenset[int]) -> None:
    weight = walk.p.values.of(node.input[1])
    if weight.array.ndim != 2:
        raise RefusedError(
            f"multiplies by a weight of shape {weight.array.shape} (node {node.name[:80]!r}); expected 2 axes"
        )
    weight = weight.moved(np.transpose)
    walk.add(node, Read(Layer("linear", weight.array.shape, before, node.name), weight))


def _packed_matmul(walk: Walk, node: Any, before: frozenset[int]) -> None:
    weight = onnx_packed.weight(node, walk.p.values)
    bias = walk.value(node.input[5]).reshape(-1) if len(node.input) > 5 and node.input[5] else None
    walk.add(node, Read(Layer("linear", weight.array.shape, before, node.name), weight, bias))


def _norm(walk: Walk, node: Any, before: frozenset[int]) -> None:
    """LayerNormalization and GroupNormalization, or a batch norm that stands alone."""
    s = onnx_file.settings(node)
    if node.op_type == "BatchNormalization":
        norm = _batch_norm(walk, node)
    else:
        weight = walk.value(node.input[1]).reshape(-1)
        has = len(node.input) > 2 and bool(node.input[2])
        bias = walk.value(node.input[2]).reshape(-1) if has else np.zeros_like(weight)
        norm = Norm(weight, bias, eps=float(s.get("epsilon", 1e-5)))
    walk.add(node, Read(Layer("norm", (norm.weight.size,), before, node.name), norm=norm))


RULES = {
    "Conv": _conv,
    "FusedConv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    onnx_packed.OP: _packed_matmul,
    "LayerNormalization": _norm,
    "GroupNormalization": _norm,
    "BatchNormalization": _norm,
}
REFUSED = ("ConvTranspose", "LSTM", "GRU", "RNN", "Einsum", "Loop", "Scan", "If")


def layers(plain: Plain) -> Graph:
    """The layers of a plain graph, with their numbers."""
    return Walk(plain).done()
