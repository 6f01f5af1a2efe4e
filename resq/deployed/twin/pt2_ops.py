"""Operators of a .pt2 program with gradients: ATen's own, and rounding that lets gradients through.

Words that are integers are floats in a twin, so that they have gradients too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from resq.deployed.formats.pt2_graph import Node, Ref, Said
from resq.deployed.runtimes import aten
from resq.deployed.twin.graph import Step
from resq.deployed.twin.read_pt2 import LIES
from resq.deployed.twin.rounding import along, rounded
from resq.deployed.twin.values import Values


class Operators:
    """Short name of an operator -> what computes it; all that this torch has."""

    def __contains__(self, op: str) -> bool:
        return True  # what is not run was refused when the file was read

    def __getitem__(self, op: str) -> Callable[[Values, Step], Any]:
        return OWN.get(op, _aten)


def _aten(v: Values, step: Step) -> tuple[Any, ...]:
    node: Node = step.attributes["node"]
    made = aten.computed(node, aten.called(node.target), v)
    return tuple(made[name] for name in step.outputs)


def _arguments(v: Values, step: Step) -> dict[str, Any]:
    node: Node = step.attributes["node"]
    return {name: v[value.name] if isinstance(value, Ref) else value for name, value in node.arguments}


def _quantize(v: Values, step: Step) -> Tensor:
    arguments = _arguments(v, step)
    x, (scale, zero) = arguments["input"], _quantizer(arguments, v.dtype)
    return (rounded(x * (1 / scale)) + zero).clamp(arguments["quant_min"], arguments["quant_max"])


def _dequantize(v: Values, step: Step) -> Tensor:
    arguments = _arguments(v, step)
    scale, zero = _quantizer(arguments, v.dtype)
    return (arguments["input"].to(v.dtype) - zero) * scale


def _quantizer(arguments: dict[str, Any], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Scale and zero point, shaped for the input."""
    pair = [arguments.get(one, arguments.get(f"{one}s")) for one in ("scale", "zero_point")]
    numbers = [torch.zeros(()) if n is None else torch.as_tensor(n) for n in pair]
    made = [along(n.to(dtype), arguments["input"].dim(), arguments.get("axis", 0)) for n in numbers]
    return made[0], made[1]


def _cast(v: Values, step: Step) -> Tensor:
    """A change of type between floats is none in a twin."""
    node: Node = step.attributes["node"]
    kinds = [value.value for _, value in node.arguments if isinstance(value, Said) and value.kind == "dtype"]
    x: Tensor = v[step.inputs[0]]
    if x.is_floating_point() and all("float" in kind for kind in kinds):
        return x
    changed: Tensor = _aten(v, step)[0]
    return changed


def _lies(v: Values, step: Step) -> Tensor:
    return v[step.inputs[0]].permute(*step.attributes["axes"])


OPS = Operators()
OWN: dict[str, Callable[[Values, Step], Any]] = {
    "quantize_per_tensor": _quantize, "quantize_per_channel": _quantize,
    "dequantize_per_tensor": _dequantize, "dequantize_per_channel": _dequantize,
    "to": _cast, "_to_copy": _cast, LIES: _lies,
}  # fmt: skip
