"""Operations of a traced network that write into a value they were given, made to give a new one instead.

A value that is kept for the next fault map must not be written into. A graph knows what reads a value but not
what shares its memory, so a write is replaced only where nothing else can see it.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from torch import fx, nn

# What writes -> what gives the same in memory of its own.
ANEW = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}
# What gives memory of its own, which nothing else in the network shares.
FRESH_MODULES = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.MaxPool2d, nn.ReLU, nn.ReLU6,
    nn.SiLU, nn.GELU, nn.Hardswish, nn.Sigmoid, nn.Tanh, nn.AdaptiveAvgPool2d,
)  # fmt: skip
FRESH_FUNCTIONS = ("add", "sub", "mul", "truediv", "matmul", "conv2d", "linear", "relu", "gelu", "silu")
# What gives, in evaluation, the very memory that it was given.
SAME_MODULES = (nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten)
SAME_FUNCTIONS = ("stochastic_depth", "dropout", "flatten")

Modules = Mapping[str, nn.Module]


class Proxy(fx.Proxy):
    """A traced value that notes ``h += g`` as the write it is; fx takes it for ``h = h + g``."""

    def __iadd__(self, other: Any) -> fx.Proxy:
        return self._written(operator.iadd, other)

    def __isub__(self, other: Any) -> fx.Proxy:
        return self._written(operator.isub, other)

    def __imul__(self, other: Any) -> fx.Proxy:
        return self._written(operator.imul, other)

    def __itruediv__(self, other: Any) -> fx.Proxy:
        return self._written(operator.itruediv, other)

    def _written(self, write: Any, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", write, (self, other), {})


def replaced(traced: fx.GraphModule) -> bool:
    """Whether every write of the graph gives a new value from now on; else nothing was changed.

    Args:
        traced: of a network in evaluation mode.
    """
    modules = dict(traced.named_modules())
    writes = [node for node in traced.graph.nodes if _writes(node, modules)]
    if not all(_replaceable(node, modules) and _alone(node.args[0], modules) for node in writes):
        return False
    for node in writes:
        if node.op == "call_module":
            setattr(modules[node.target], "inplace", False)  # noqa: B010 - to mypy a module has none
        elif node.target in ANEW:
            node.target = ANEW[node.target]
        else:
            node.kwargs = {**node.kwargs, "inplace": False}
    traced.recompile()
    return True


def _writes(node: Any, modules: Modules) -> bool:
    """Whether an operation writes into what it is given, as far as its name and its arguments tell."""
    if node.op == "call_module":
        module = modules[node.target]
        idle = isinstance(module, SAME_MODULES) and not module.training
        return bool(getattr(module, "inplace", False)) and not idle
    if node.op not in ("call_function", "call_method"):
        return False
    if node.target in ANEW or node.kwargs.get("inplace") or node.kwargs.get("out") is not None:
        return True
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name.endswith("_") and not name.endswith("__") and not hasattr(operator, name)  # add_, not and_


def _replaceable(node: Any, modules: Modules) -> bool:
    """Whether the same is there as an operation that gives a new value."""
    if not node.args:
        return False
    if node.op == "call_module":  # what the word means to a class of a person's own is not known
        return type(modules[node.target]).__module__.startswith("torch.nn.")
    return node.target in ANEW or bool(node.kwargs.get("inplace"))


def _alone(value: Any, modules: Modules) -> bool:
    """Whether nothing but the one operation that reads a value can see its memory."""
    if not isinstance(value, fx.Node) or len(value.users) != 1:
        return False
    if value.op == "call_module":
        module = modules[str(value.target)]
        same = isinstance(module, SAME_MODULES) or getattr(module, "inplace", False)
        return _alone(value.args[0], modules) if same else isinstance(module, FRESH_MODULES)
    name = getattr(value.target, "__name__", "") if value.op == "call_function" else ""
    if value.target in ANEW or value.kwargs.get("inplace") or name in SAME_FUNCTIONS:
        return bool(value.args) and _alone(value.args[0], modules)
    return name in FRESH_FUNCTIONS
