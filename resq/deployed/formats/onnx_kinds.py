"""What an ONNX constant is for: told by the operator that reads it, and by which of its inputs it is.

Source: the operators' documents, ONNX and com.microsoft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from resq.deployed.formats.operators.onnx_inputs import EMBEDDINGS, INPUTS, B, N, S, W

# Operators that pass a constant on: what reads their output says what it is for.
THROUGH = (
    "DequantizeLinear", "Identity", "Transpose", "Reshape", "Cast", "Clip", "QuantizeLinear",
    "Squeeze", "Unsqueeze", "Flatten",
)  # fmt: skip
# Products whose whole numbers become real by a Cast and a Mul behind them.
INTEGER = ("ConvInteger", "MatMulInteger")
PRODUCTS = tuple(op for op, kinds in INPUTS.items() if W in kinds.values() and op not in EMBEDDINGS)
# Operators between a product and the addition of its biases.
BETWEEN = ("QuantizeLinear", "DequantizeLinear", "Cast", "Identity")
DEEPEST = 12


@dataclass(frozen=True)
class Node:
    """An operator of the graph: its inputs and outputs by name.

    Attributes:
        number: its place in the graph; ``numbers``: its attributes that are whole numbers, by name.
        domain: whose operator it is; "" is ONNX's own.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    number: int
    numbers: Mapping[str, int]
    domain: str = ""


@dataclass(frozen=True)
class Graph:
    """The operators of a graph, found by what they read and make.

    Attributes:
        readers: name -> the operators that read it; ``makers``: name -> the one that makes it.
    """

    nodes: tuple[Node, ...]
    readers: Mapping[str, list[Node]]
    makers: Mapping[str, Node]

    @staticmethod
    def of(nodes: Sequence[Node]) -> Graph:
        """The graph of these operators."""
        readers: dict[str, list[Node]] = {}
        for node in nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        return Graph(tuple(nodes), readers, {out: node for node in nodes for out in node.outputs})

    @cached_property
    def scales(self) -> frozenset[str]:
        """The values that products of integers are multiplied with to be real."""
        return frozenset(name for node in self.nodes if node.op in INTEGER for name in scales_of(node, self))


def kind_of(name: str, graph: Graph, count: int, depth: int = 0) -> tuple[str, str, int]:
    """(kind, operator, its place) of a constant of ``count`` numbers: of its first reader which tells one."""
    first_reader = ("other", "", 0)
    for node in graph.readers.get(name, ()):
        place = node.inputs.index(name)
        if place == 0 and node.op in THROUGH and node.outputs and depth < DEEPEST:
            role = kind_of(node.outputs[0], graph, count, depth + 1)
        else:
            role = _kind(name, node, place, graph, count), node.op, node.number
        if role[0] != "other":
            return role
        first_reader = first_reader if first_reader[1] else role
    return first_reader


def _kind(name: str, node: Node, place: int, graph: Graph, count: int) -> str:
    if node.op == "Mul" and name in graph.scales:
        return S
    own = INPUTS.get(f"{node.domain}.{node.op}", INPUTS.get(node.op, {}))
    kind = own.get(place, "other")
    if node.op == "QLinearConcat" and place != 2 and (place < 2 or (place - 2) % 3):
        return S
    if kind == N and node.op in ("Add", "Sub", "Mul", "Div") and count == 1:
        return "other"  # a number of the formula, such as the root of a head's size
    if kind == N and node.op in ("Add", "QLinearAdd"):
        others = [other for other in node.inputs if other != name]
        return B if any(_is_product(other, graph) for other in others) else N
    return kind


def _is_product(name: str, graph: Graph, depth: int = 0) -> bool:
    """Whether a value is a product with weights, rounded or made real: what is added to it is its bias."""
    maker = graph.makers.get(name)
    if maker is None or not maker.inputs or depth > DEEPEST:
        return False
    if maker.op == "Mul":
        return any(_is_integer_product(one, graph) for one in maker.inputs)
    return maker.op in PRODUCTS or (maker.op in BETWEEN and _is_product(maker.inputs[0], graph, depth + 1))


def _is_integer_product(name: str, graph: Graph) -> bool:
    """Whether a value is a Cast of a product of whole numbers."""
    cast = graph.makers.get(name)
    product = graph.makers.get(cast.inputs[0]) if cast is not None and cast.op == "Cast" else None
    return product is not None and product.op in INTEGER


def scales_of(product: Node, graph: Graph) -> tuple[str, ...]:
    """The values that a product of integers is multiplied with to be real: Cast -> Mul, by a product of two.

    In quantize_dynamic's files those of its input and of its weights.
    """
    scales: list[str] = []
    for cast in (node for out in product.outputs for node in graph.readers.get(out, ()) if node.op == "Cast"):
        for mul in (node for node in graph.readers.get(cast.outputs[0], ()) if node.op == "Mul"):
            for name in set(mul.inputs) - {cast.outputs[0]}:
                maker = graph.makers.get(name)
                scales += maker.inputs if maker is not None and maker.op == "Mul" else (name,)
    return tuple(scales)
