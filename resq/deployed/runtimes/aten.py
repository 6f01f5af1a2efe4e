"""Operators of a .pt2 program as torch computes them: ATen's own kernels, called in the program's order."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.ao.quantization.fx._decomposed  # noqa: F401  registers quantized_decomposed

from resq.core.errors import ResqError
from resq.deployed.formats.pt2_graph import NUMBERS, OPERATORS, Node, Ref, Said


class Values(Protocol):
    """What was made so far, by name."""

    def __getitem__(self, name: str, /) -> Any: ...


def called(target: str) -> Callable[..., Any]:
    """The function of an operator.

    Raises:
        ValueError: this torch has none of that name.
    """
    if known := OPERATORS.fullmatch(target):
        space, name, overload = known.groups()
        function = getattr(getattr(getattr(torch.ops, space), name, None), overload, None)
        if isinstance(function, torch._ops.OpOverload):
            return function
    elif NUMBERS.fullmatch(target):
        rooms = {"_operator": operator, "math": math, "torch": torch}
        space, name = target.split(".", 1)
        function = getattr(rooms[space], name, None)
        if callable(function):
            return function
    raise ResqError(f"torch {torch.__version__} has no operator {target!r:.80}")


def computed(node: Node, function: Callable[..., Any], values: Values) -> dict[str, Any]:
    """What an operator makes of the values so far, by name."""
    if node.target.startswith("torch.ops."):
        result = function(**{name: argument(value, values) for name, value in node.arguments})
    else:
        result = function(*(argument(value, values) for _, value in node.arguments))
    return named(node, result)


def named(node: Node, result: Any) -> dict[str, Any]:
    """Results under the names that the graph has for them."""
    made: dict[str, Any] = {}
    for name, one in zip(node.made, (result,) if len(node.made) == 1 else result, strict=True):
        if isinstance(name, tuple):
            made |= dict(zip(name, one, strict=True))
        elif name is not None:
            made[name] = one
    return made


def argument(value: Any, values: Values) -> Any:
    """What is given, with names replaced by values."""
    if isinstance(value, Ref):
        return values[value.name]
    if isinstance(value, Said):
        return torch.device(value.value) if value.kind == "device" else getattr(torch, value.value)
    if isinstance(value, tuple):
        return [argument(one, values) for one in value]
    return value


def writes(function: Callable[..., Any]) -> bool:
    """Whether an operator changes what it is given."""
    return isinstance(function, torch._ops.OpOverload) and function._schema.is_mutable
