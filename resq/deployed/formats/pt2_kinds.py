"""What a constant of a .pt2 program is for: told by the operator that reads it and by the argument it is.

Source: ATen's schemas (native_functions.yaml), and those of torch.ao's ``quantized_decomposed``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from resq.deployed.formats.pt2_graph import Node

W, B, S, N = "weights", "biases", "scales", "norms"
PRODUCTS = ("conv1d", "conv2d", "conv3d", "convolution", "_convolution", "conv_transpose2d", "linear",
            "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "embedding", "_int_mm")  # fmt: skip
NORMS = ("batch_norm", "native_batch_norm", "_native_batch_norm_legit_no_training", "layer_norm",
         "native_layer_norm", "group_norm", "native_group_norm", "instance_norm", "rms_norm", "prelu",
         "_prelu_kernel", "_fused_rms_norm")  # fmt: skip
SUMS = ("add", "sub", "mul", "div", "rsub", "add_", "sub_", "mul_", "div_")
ADDED = {"addmm": "self", "baddbmm": "self"}  # the argument of a product that is a bias
ADDITIONS, MULTIPLIED = ("add", "add_"), ("mul", "mul_")
# Operators of quantizers: their first argument passes on, rounded; only these arguments are scales.
ROUNDING = ("quantize_per", "fake_quant")
SCALES = ("scale", "scales", "zero_point", "zero_points")
# Operators that pass a constant on: what reads their output says what it is for.
THROUGH = ("permute", "transpose", "t", "view", "reshape", "_unsafe_view", "clone", "detach", "alias", "to",
           "_to_copy", "contiguous", "expand", "unsqueeze", "squeeze", "flatten", "slice", "index", "numpy_T",
           "select", "unfold", "repeat")  # fmt: skip
DEEPEST = 12

# Operators between a product and the addition of its biases.
BETWEEN = ("clone", "detach", "alias", "to", "_to_copy", "contiguous")
MATRICES = (
    "mm",
    "bmm",
    "_int_mm",
)  # products of matrices, which decompositions put into shape by a view behind them
VIEWS = ("view", "_unsafe_view", "reshape")


@dataclass(frozen=True)
class Graph:
    """The operators of a program, found by what they read and make.

    Attributes:
        readers: name of a value -> (place, operator, argument) of all that read it.
        makers: name of a value -> the operator that makes it.
        codes: names of constants that are integers of 8 bits or less.
    """

    readers: Mapping[str, Sequence[tuple[int, Node, str]]]
    makers: Mapping[str, Node]
    codes: frozenset[str] = frozenset()

    @staticmethod
    def of(nodes: Sequence[Node], codes: Collection[str] = ()) -> Graph:
        """The graph of these operators."""
        readers: dict[str, list[tuple[int, Node, str]]] = {}
        for number, node in enumerate(nodes):
            for argument, name in node.reads():
                readers.setdefault(name, []).append((number, node, argument))
        return Graph(readers, {name: node for node in nodes for name in node.makes()}, frozenset(codes))


def kind_of(name: str, graph: Graph, count: int, depth: int = 0) -> tuple[str, str, int]:
    """(kind, operator, its place) of a constant of ``count`` numbers: of its first reader which tells one."""
    first_reader = ("other", "", 0)
    for number, node, argument in graph.readers.get(name, ()):
        first = bool(node.arguments) and node.arguments[0][0] == argument
        if first and (node.op in THROUGH or _rounds(node)) and depth < DEEPEST:
            role = next((kind_of(out, graph, count, depth + 1) for out in node.makes()), first_reader)
        else:
            role = _kind(name, node, argument, graph, count), node.op, number
        if role[0] != "other":
            return role
        first_reader = first_reader if first_reader[1] else role
    return first_reader


def _rounds(node: Node) -> bool:
    """Whether an operator rounds its first argument to codes, reads it from codes, or does both at once."""
    return any(part in node.op for part in ROUNDING)


def _kind(name: str, node: Node, argument: str, graph: Graph, count: int) -> str:
    if node.op in PRODUCTS:
        return B if argument == "bias" or ADDED.get(node.op) == argument else W
    if node.op in NORMS:
        return N
    if node.op in MULTIPLIED and _scaled(node, name, graph):
        return S
    if node.op in SUMS and count > 1:  # one number is one of the formula, such as the root of a head's size
        others = [other for _, other in node.reads() if other != name]
        added = node.op in ADDITIONS and any(_is_product(other, graph) for other in others)
        return B if added else N
    return S if _rounds(node) and argument in SCALES else "other"


def _is_product(name: str, graph: Graph, viewed: bool = False) -> bool:
    """Whether a value is a product, rounded or put into shape: what is added to it is its bias."""
    for _ in range(DEEPEST):
        maker = graph.makers.get(name)
        if maker is None:
            return False
        if maker.op in PRODUCTS and maker.op != "embedding":
            return not viewed or maker.op in MATRICES
        if maker.op in MULTIPLIED and any(_of_codes(read, graph) for _, read in maker.reads()):
            return True
        if not (maker.op in (*BETWEEN, *VIEWS) or _rounds(maker)):
            return False
        viewed = viewed or maker.op in VIEWS
        name = next((read for _, read in maker.reads()), "")
    return False


def _scaled(node: Node, name: str, graph: Graph) -> bool:
    """Whether a constant multiplies a product with codes, so that it is the scale of the codes."""
    return any(other != name and _of_codes(other, graph) for _, other in node.reads())


def _of_codes(name: str, graph: Graph) -> bool:
    """Whether a value is a product with constant codes, cast, put into shape or scaled before."""
    todo = [(name, False)]
    for _ in range(3 * DEEPEST):
        if not todo:
            return False
        at, inside = todo.pop()
        if inside and at in graph.codes:
            return True
        if (maker := graph.makers.get(at)) is None:
            continue
        if not inside and maker.op in PRODUCTS:
            todo += [(read, True) for argument, read in maker.reads() if argument != "bias"]
        elif (inside and maker.op in THROUGH) or (maker.op in (*BETWEEN, *VIEWS, *MULTIPLIED) and not inside):
            todo += [(read, inside) for _, read in maker.reads()]
    return False


def quantizer_of(name: str, graph: Graph) -> tuple[tuple[str, str, int] | None, tuple[float, int] | None]:
    """Names of a constant's scales and zero points and their axis, or both where the graph writes them."""
    for _, node, argument in graph.readers.get(name, ()):
        if argument != "input" or not node.op.startswith("dequantize_per"):
            continue
        arguments = dict(node.arguments)
        if node.op == "dequantize_per_channel":
            zero = arguments["zero_points"]
            return (arguments["scales"].name, zero.name if zero else "", int(arguments["axis"])), None
        if isinstance(arguments["scale"], float | int):
            return None, (float(arguments["scale"]), int(arguments["zero_point"]))
        return (arguments["scale"].name, arguments["zero_point"].name, -1), None
    return None, None
