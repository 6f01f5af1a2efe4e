"""MatMulNBits of onnxruntime keeps codes of few bits in bytes, low bits first: these are its words.

Source: com.microsoft's MatMulNBits in ContribOperators.md: weights (N, blocks, bytes of a block), their
scales and zero points (N, blocks); a row's zero points end in whole bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resq.deployed.formats.onnx_kinds import Graph, Node
from resq.deployed.formats.onnx_tensors import TYPES, Held

OP, WEIGHTS, ZEROS = "MatMulNBits", 1, 3
UINT8 = 2
BY_BITS = {2: 25, 4: 21, 8: UINT8}  # bits of a code -> its data type
ATTRIBUTES = ("K", "N", "bits")


def blocks(node: Node) -> int:
    """How many blocks a row of its weights has; 0: it does not say it."""
    size = node.numbers.get("block_size", 0)
    return -(-node.numbers.get("K", 0) // size) if size > 0 else 0


def bits(node: Node) -> int:
    """Bits of a code."""
    return node.numbers.get("bits", 4)


def spelled(constants: Mapping[str, Held], graph: Graph) -> dict[str, Held]:
    """The constants, those of MatMulNBits in the type and shape of their codes where the sizes agree."""
    spelled_out = dict(constants)
    for node in graph.nodes:
        if node.op != OP or bits(node) not in BY_BITS:
            continue
        rows, many = node.numbers.get("N", 0), blocks(node)
        shapes = {
            WEIGHTS: (rows, many * node.numbers.get("block_size", 0)),
            ZEROS: (rows, -(-many * bits(node) // 8) * 8 // bits(node)),
        }
        for place, shape in shapes.items():
            one = constants.get(node.inputs[place]) if len(node.inputs) > place else None
            if one is not None and one.type == UINT8:
                spelled_out[one.name] = _as(one, BY_BITS[bits(node)], shape)
    return spelled_out


def padding(graph: Graph, constants: Mapping[str, Held]) -> tuple[str, ...]:
    """A sentence on codes behind a row's last weight, where rows end within a block: they fill the block."""
    lying = 0
    for node in graph.nodes:
        if node.op == OP and len(node.inputs) > WEIGHTS and node.inputs[WEIGHTS] in constants:
            past = blocks(node) * node.numbers.get("block_size", 0) - node.numbers.get("K", 0)
            lying += max(0, past) * node.numbers.get("N", 0)
    if not lying:
        return ()
    return (
        f"{lying:,} of the words of {OP} fill blocks up behind the last weight of a row: they lie in the "
        "memory and are counted, and no flip in them changes an answer",
    )


def _as(one: Held, kind: int, shape: tuple[int, ...]) -> Held:
    codes = replace(one, type=kind, shape=shape)
    return codes if codes.count * TYPES[kind][1] == 8 * one.count else one
