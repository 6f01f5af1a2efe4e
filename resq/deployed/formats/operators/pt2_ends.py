"""What the input and the output of a program of torch.export stand for: told by the operators beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from resq.deployed.formats import zero_points
from resq.deployed.formats.pt2_graph import Node, Ref
from resq.deployed.formats.zero_points import Computed
from resq.deployed.words import RefusedError, Tensor, middle, no_scale

QUANTIZE, DEQUANTIZE = "quantize_per_tensor", "dequantize_per_tensor"


def input_of(end: Tensor, nodes: Sequence[Node], held: Collection[str]) -> Tensor:
    """The input, with the scale and zero point that it is quantized with, or that its integers are read with.

    The shape is of images, as the program has it.

    Args:
        held: names of the values that lie in the file.
    """
    seen = {name: one for name, _, one in _quantizers(nodes, QUANTIZE, reverse=True) if name not in held}
    own = seen.pop(end.name, None)
    if "int" in end.dtype:
        return _of_integers(end, nodes, list(seen.values()))
    if own is None:
        return end
    symmetric = zero_points.symmetric(own.codes, seen.values())
    return replace(end, scale=own.scale, zero=own.zero, codes=own.codes, symmetric=symmetric)


def _of_integers(end: Tensor, nodes: Sequence[Node], others: list[Computed]) -> Tensor:
    """An input of integers, with what those that compute with them say; scale 0 where they say several."""
    quantizers = {
        (one.scale, one.zero) for name, _, one in _quantizers(nodes, DEQUANTIZE) if name == end.name
    }
    if len(quantizers) == 1:
        scale, zero = quantizers.pop()
        return replace(end, scale=scale, zero=zero, symmetric=zero_points.symmetric(end.dtype, others))
    return replace(end, zero=middle(end.dtype), codes=end.dtype) if quantizers else end


def output_of(end: Tensor, nodes: Sequence[Node]) -> Tensor:
    """The output, of the same shape, with the scale and zero point of the operator that makes its integers.

    Raises:
        RefusedError: none that makes them says so.
    """
    if "int" not in end.dtype:
        return end
    for _, made, one in _quantizers(nodes, QUANTIZE):
        if made == end.name:
            return replace(end, scale=one.scale, zero=one.zero)
    raise RefusedError(no_scale(end.dtype))


def _quantizers(nodes: Sequence[Node], op: str, reverse: bool = False) -> Iterator[tuple[str, str, Computed]]:
    """(what is read, what is made, the quantizer) of each such operator whose numbers stand in the graph."""
    for node in reversed(nodes) if reverse else nodes:
        arguments = dict(node.arguments)
        if node.op != op or not isinstance(arguments.get("input"), Ref):
            continue
        scale, zero, codes = arguments["scale"], arguments["zero_point"], arguments["dtype"].value
        if isinstance(scale, float) and isinstance(zero, int):
            yield arguments["input"].name, next(node.makes(), ""), Computed(codes, scale, zero)
