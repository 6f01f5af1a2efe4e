"""What each input of a TFLite operator holds where it is a constant: weights, biases, norms.

Source: the schema's BuiltinOperator (operators by their numbers), and inputs as TFLite's kernels number them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from resq.deployed.formats.operators.onnx_inputs import B, N, W

# (operator, inputs, outputs) of a node, tensors by their numbers.
Node = tuple[int, list[int], list[int]]
BOTH = {0: N, 1: N}
RNN = {1: W, 2: W, 3: B}
LSTM = {**dict.fromkeys((*range(1, 12), 16), W), **dict.fromkeys((*range(12, 16), 17), B),
        **dict.fromkeys(range(20, 24), N)}  # fmt: skip
BOTH_LSTM = {**dict.fromkeys((*range(1, 12), 16, *range(18, 29), 33, *range(40, 48)), W),
             **dict.fromkeys((*range(12, 16), 17, *range(29, 33), 34), B)}  # fmt: skip
# Operator -> its name and the kind of each input by its number.
READS: dict[int, tuple[str, Mapping[int, str]]] = {
    0: ("ADD", BOTH),
    3: ("CONV_2D", {1: W, 2: B}),
    4: ("DEPTHWISE_CONV_2D", {1: W, 2: B}),
    7: ("EMBEDDING_LOOKUP", {1: W}),
    9: ("FULLY_CONNECTED", {1: W, 2: B}),
    16: ("LSTM", LSTM),
    18: ("MUL", BOTH),
    24: ("RNN", RNN),
    27: ("SVDF", {1: W, 2: W, 3: B}),
    35: ("UNIDIRECTIONAL_SEQUENCE_RNN", RNN),
    36: ("GATHER", {0: W}),
    41: ("SUB", BOTH),
    42: ("DIV", BOTH),
    44: ("UNIDIRECTIONAL_SEQUENCE_LSTM", LSTM),
    46: ("BIDIRECTIONAL_SEQUENCE_RNN", {**RNN, 5: W, 6: W, 7: B, 10: W, 11: W}),
    52: ("BIDIRECTIONAL_SEQUENCE_LSTM", BOTH_LSTM),
    54: ("PRELU", BOTH),
    67: ("TRANSPOSE_CONV", {1: W, 3: B}),
    126: ("BATCH_MATMUL", {0: W, 1: W}),
    132: ("CONV_3D", {1: W, 2: B}),
    141: ("CONV_3D_TRANSPOSE", {1: W, 3: B}),
    163: ("STABLEHLO_ADD", BOTH),
    164: ("STABLEHLO_DIVIDE", BOTH),
    165: ("STABLEHLO_MULTIPLY", BOTH),
    171: ("STABLEHLO_CONVOLUTION", {1: W}),
    188: ("STABLEHLO_SUBTRACT", BOTH),
    197: ("STABLEHLO_DOT_GENERAL", {0: W, 1: W}),
}
SUMS = (0, 163)
FORMULAS = (*SUMS, 18, 41, 42, 164, 165, 188)
PRODUCTS = tuple(op for op, (_, kinds) in READS.items() if W in kinds.values() and op not in (7, 36))
DEQUANTIZE, CAST, QUANTIZE = 6, 53, 114
# Operators between a product and the addition of its biases.
BETWEEN = (DEQUANTIZE, CAST, QUANTIZE)
# Operators that pass a constant on: what reads their output says what it is for. Shapes, turns, DENSIFY.
THROUGH = (*BETWEEN, 22, 39, 43, 70, 124)
DEEPEST = 12


def kind_of(node: Node, place: int, count: int, products: Collection[int]) -> str:
    """The kind of a constant of ``count`` numbers that a node reads at this place.

    Args:
        products: numbers of the tensors that are products with weights: what is added to them is their bias.
    """
    op, inputs, _ = node
    kind = READS[op][1].get(place, "other") if op in READS else "other"
    if kind == N and op in FORMULAS and count == 1:
        return "other"  # a number of the formula, such as a mean of all pixels
    added = op in SUMS and any(number in products for at, number in enumerate(inputs) if at != place)
    return B if kind == N and added else kind


def products_of(nodes: Sequence[Node]) -> set[int]:
    """The tensors that products with weights make, as they are or rounded or made real."""
    products: set[int] = set()
    for op, inputs, outputs in nodes:  # in an order in which each tensor is made before it is read
        if op in PRODUCTS or (op in BETWEEN and inputs and inputs[0] in products):
            products.update(outputs[:1])
    return products


def source_of(number: int, passed: Mapping[int, int]) -> int:
    """The tensor that operators of THROUGH make this one of; ``passed``: what they make -> what they read."""
    for _ in range(DEEPEST):
        if number not in passed:
            break
        number = passed[number]
    return number
