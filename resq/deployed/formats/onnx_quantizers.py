"""The scale and the zero point of an ONNX constant: told by the operator that reads it.

Source: the operators' documents, ONNX and com.microsoft.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from resq.deployed.formats import onnx_tensors
from resq.deployed.formats.onnx_kinds import Graph, Node, scales_of
from resq.deployed.formats.onnx_tensors import Held
from resq.deployed.formats.operators import onnx_packed

BEHIND = -1  # the scale is no input: it multiplies what the operator makes
# Operator -> (a constant, its scale, its zero point) by the numbers of the inputs.
SCALED = {
    "DequantizeLinear": ((0, 1, 2),),
    "QLinearConv": ((3, 4, 5),),
    "QLinearMatMul": ((0, 1, 2), (3, 4, 5)),
    "QGemm": ((3, 4, 5),),
    "QLinearAdd": ((0, 1, 2), (3, 4, 5)),
    "QLinearMul": ((0, 1, 2), (3, 4, 5)),
    "ConvInteger": ((1, BEHIND, 3),),
    "MatMulInteger": ((1, BEHIND, 3),),
    "MatMulIntegerToFloat": ((1, 3, 5),),
    "DynamicQuantizeMatMul": ((1, 2, 3),),
    "DynamicQuantizeLSTM": ((1, 8, 9), (2, 10, 11)),
    "QAttention": ((1, 4, 7),),
    onnx_packed.OP: ((1, 2, 3),),
    "QEmbedLayerNormalization": tuple((2 + at, 8 + at, 13 + at) for at in range(5)),
}
# Operator -> (its biases, the scales of its input and of its weights): they stand for the product of the two.
BIASES = {"QLinearConv": (8, 1, 4), "QGemm": (6, 1, 4)}


@dataclass(frozen=True)
class Quantizer:
    """What the numbers of a constant are multiplied with, and which number stands for 0.

    Attributes:
        scale, zero: of the whole, of each channel, or of each block; empty where they are not known.
        axis: the axis of the channels or blocks, -1: one for all.
        block: numbers of a block, 0: there are no blocks.
    """

    scale: tuple[float, ...] = ()
    zero: tuple[int, ...] = ()
    axis: int = -1
    block: int = 0


UNKNOWN, ZERO = Quantizer(), np.zeros(1, np.int64)


def quantizer_of(raw: bytes, one: Held, graph: Graph, constants: Mapping[str, Held]) -> Quantizer:
    """The quantizer of a constant; of no numbers where no reader tells it or the file computes it."""
    for node in graph.readers.get(one.name, ()):
        place, given = node.inputs.index(one.name), (*node.inputs, *[""] * 9)
        if place == BIASES.get(node.op, (-1,))[0]:
            taken, own = (_numbers(raw, given[at], constants) for at in BIASES[node.op][1:])
            return _fitted(one, 0, 0, own * taken if len(taken) == 1 else taken[:0], ZERO)
        for at, scale, zero in SCALED.get(node.op, ()):
            if place == at and not (node.op == onnx_packed.OP and given[4]):  # an index gives each its block
                name = _behind(node, graph, constants) if scale == BEHIND else given[scale]
                zeros = _zeros(node, _numbers(raw, given[zero], constants) if given[zero] else None)
                block = max(0, node.numbers.get("block_size", 0))
                return _fitted(one, _axis(node), block, _numbers(raw, name, constants), zeros)
    return UNKNOWN


def _zeros(node: Node, numbers: np.ndarray | None) -> np.ndarray:
    """The zero points as the operator takes them; where it has none, those of its default."""
    if node.op != onnx_packed.OP:
        return ZERO if numbers is None else numbers
    if numbers is None:
        return np.array([1 << (onnx_packed.bits(node) - 1)])
    many = max(1, node.numbers.get("N", 1))
    if numbers.size % many:
        return numbers
    rows = numbers.reshape(many, -1)
    return rows[:, : onnx_packed.blocks(node)].reshape(-1)


def _behind(node: Node, graph: Graph, constants: Mapping[str, Held]) -> str:
    """The one constant that a product of integers is multiplied with, the scale of its weights; "": none."""
    names = [name for name in scales_of(node, graph) if name in constants]
    return names[0] if len(names) == 1 else ""


def _numbers(raw: bytes, name: str, constants: Mapping[str, Held]) -> np.ndarray:
    """The numbers of a constant, flat; none where the file computes it. Floats are widened to float64."""
    if name not in constants or not constants[name].count:
        return np.zeros(0, np.int64)
    numbers = onnx_tensors.array(raw, constants[name]).reshape(-1)
    return numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers


def _fitted(one: Held, axis: int, block: int, scale: np.ndarray, zero: np.ndarray) -> Quantizer:
    """These numbers as the quantizer of a constant, where they are as many as its channels or its blocks."""
    axis %= max(1, len(one.shape))
    shape = [-(-n // max(1, block)) if i == axis else n for i, n in enumerate(one.shape)]
    sizes = 1, int(np.prod(shape)) if block else (*one.shape, 1)[axis]
    if zero.dtype.kind not in "iu" or any(len(numbers) not in (0, *sizes) for numbers in (scale, zero)):
        return UNKNOWN
    per = axis if len(scale) > 1 or len(zero) > 1 else -1
    return Quantizer(tuple(map(float, scale)), tuple(map(int, zero)), per, block if per >= 0 else 0)


def _axis(node: Node) -> int:
    """The axis of a constant that has a scale for each index: that of the outputs."""
    if node.op == "DequantizeLinear":
        return node.numbers.get("axis", 1)
    if node.op == "QGemm":
        return 0 if node.numbers.get("transB", 0) else 1
    return 0 if node.op in ("QLinearConv", "ConvInteger") else -1
