"""What a constant of a .pt2 program is for: told by the operator that reads it and by the argument it is.

Source: ATen's schemas (native_functions.yaml), and those of torch.ao's ``quantized_decomposed``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resq.deployed.formats.pt2_graph import Node

W, B, S, N = "weights", "biases", "scales", "norms"
PRODUCTS = ("conv1d", "conv2d", "conv3d", "convolution", "_convolution", "conv_transpose2d", "linear",
            "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "embedding")  # fmt: skip
NORMS = ("batch_norm", "native_batch_norm", "_native_batch_norm_legit_no_training", "layer_norm",
         "native_layer_norm", "group_norm", "native_group_norm", "instance_norm", "rms_norm", "prelu",
         "_prelu_kernel", "_fused_rms_norm")  # fmt: skip
SUMS = ("add", "sub", "mul", "div", "rsub", "add_", "sub_", "mul_", "div_")
ADDED = {"addmm": "self", "baddbmm": "self"}  # the argument of a product that is a bias
TEXTS = "quantize_per"
# Operators that pass a constant on: what reads their output says what it is for.
THROUGH = ("permute", "transpose", "t", "view", "reshape", "_unsafe_view", "clone", "detach", "alias", "to",
           "_to_copy", "contiguous", "expand", "unsqueeze", "squeeze", "flatten", "slice", "index", "numpy_T",
           "select", "unfold", "repeat")  # fmt: skip
DEEPEST = 12

Readers = Mapping[str, Sequence[tuple[int, Node, str]]]


def readers(nodes: Sequence[Node]) -> dict[str, list[tuple[int, Node, str]]]:
    """Name of a value -> (place, operator, argument) of all that read it."""
    by_value: dict[str, list[tuple[int, Node, str]]] = {}
    for number, node in enumerate(nodes):
        for argument, name in node.reads():
            by_value.setdefault(name, []).append((number, node, argument))
    return by_value


def kind_of(name: str, read: Readers, count: int, depth: int = 0) -> tuple[str, str, int]:
    """(kind, operator, its place) of a constant of ``count`` numbers: of its first reader which tells one."""
    first_reader = ("other", "", 0)
    for number, node, argument in read.get(name, ()):
        first = bool(node.arguments) and node.arguments[0][0] == argument
        passes = node.op in THROUGH or (node.op.startswith("dequantize_per") and argument == "input")
        if passes and first and depth < DEEPEST:
            role = next((kind_of(out, read, count, depth + 1) for out in node.makes()), first_reader)
        else:
            role = _kind(node, argument, count), node.op, number
        if role[0] != "other":
            return role
        first_reader = first_reader if first_reader[1] else role
    return first_reader


def _kind(node: Node, argument: str, count: int) -> str:
    if node.op in PRODUCTS:
        return B if argument == "bias" or ADDED.get(node.op) == argument else W
    if node.op in NORMS:
        return N
    if node.op in SUMS:  # one number is one of the formula, such as the root of a head's size
        return N if count > 1 else "other"
    return S if TEXTS in node.op else "other"


def quantizer_of(name: str, read: Readers) -> tuple[tuple[str, str, int] | None, tuple[float, int] | None]:
    """Names of a constant's scales and zero points and their axis, or both where the graph writes them."""
    for _, node, argument in read.get(name, ()):
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
