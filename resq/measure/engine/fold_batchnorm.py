"""Batch norm folded into the convolution before it: the same function in fewer passes over memory.

In evaluation a batch norm multiplies each channel by gamma / sqrt(var + eps) and adds a constant. Both go
into the convolution's weight and bias. The stored words stay those of the weight as it was: whoever writes
a flipped word's float into a folded network multiplies it by its channel's factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.fx as fx
from torch import Tensor, nn

from resq.core.errors import ResqError
from resq.networks.small_conv import SmallConv2d


def fold(body: nn.Module) -> dict[str, Tensor]:
    """Folds batch norms in place; returns the factors (channels,) of each weight that was multiplied.

    Only a convolution whose output goes nowhere but into one batch norm is folded, and of a person's own
    classes neither; all else stays as it is, and so does a network whose data flow cannot be traced.
    """
    factors = {}
    for name, norm in list(_pairs(body)):
        if _unlike(body, name, norm):
            continue
        conv = body.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        factors[f"{name}.weight"] = _absorb(conv, body.get_submodule(norm))
        parent, _, leaf = norm.rpartition(".")
        setattr(body.get_submodule(parent), leaf, nn.Identity())
    return factors


def check(body: nn.Module) -> None:
    """Nothing, where every batch norm that alone reads a convolution can be folded into it.

    Raises:
        ValueError: one is of a class of its own, has hooks or shares its parameters; or there is no trace.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in body.modules()):
        return
    if _traced(body) is None:
        raise ResqError(
            f"{type(body).__name__} cannot be traced, so its norms cannot be folded; an encoding without "
            "+folded stores them as they are"
        )
    for name, norm in _pairs(body):
        if unlike := _unlike(body, name, norm):
            raise ResqError(
                f"{norm} is not folded into {name}: {unlike}; an encoding without +folded stores norms as "
                "they are"
            )


def _unlike(body: nn.Module, conv: str, norm: str) -> str:
    """What keeps the product of a weight and a factor from being what the two layers compute; or ""."""
    every = [id(p) for _, p in body.named_parameters(remove_duplicate=False)]
    for name, kinds in ((conv, CONVOLUTIONS), (norm, (nn.BatchNorm2d,))):
        module = body.get_submodule(name)
        if type(module) not in kinds or "forward" in vars(module):
            return f"{name} is of a class of its own, {type(module).__name__}"
        if module._forward_pre_hooks or module._forward_hooks:
            return f"{name} has hooks, which may change what it computes"
        if any(every.count(id(p)) > 1 for p in module.parameters()):
            return f"{name} shares its parameters with another layer"
    return ""


CONVOLUTIONS = (nn.Conv2d, SmallConv2d)  # the second computes what the first does


class _Tracer(fx.Tracer):
    """Looks into no convolution and no batch norm, whatever class of one it is."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, nn.Conv2d | nn.BatchNorm2d) or super().is_leaf_module(module, name)


def _pairs(body: nn.Module) -> Iterator[tuple[str, str]]:
    """(convolution, batch norm) by name, where the second alone reads the first."""
    modules = dict(body.named_modules())
    if not any(isinstance(module, nn.BatchNorm2d) for module in modules.values()):
        return
    graph = _traced(body)
    if graph is None:
        return
    read = {str(node.target).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}
    calls: list[Any] = [node for node in graph.nodes if node.op == "call_module"]
    times = {node.target: sum(other.target == node.target for other in calls) for node in calls}
    for node in calls:
        norm: nn.Module = modules[node.target]
        before: Any = node.args[0] if node.args else None
        if isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None and before in calls:
            alone = len(before.users) == 1 and times[before.target] == times[node.target] == 1
            if (
                alone
                and not {before.target, node.target} & read
                and isinstance(modules[before.target], nn.Conv2d)
            ):
                yield before.target, node.target


def _traced(body: nn.Module) -> fx.Graph | None:
    try:
        return _Tracer().trace(body)
    except Exception:  # a network of one's own may branch on its input: then it is evaluated unfolded
        return None


def _absorb(conv: nn.Conv2d, norm: nn.Module) -> Tensor:
    """Puts the norm into the convolution's weight and bias; returns what each channel was multiplied by."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = torch.rsqrt(norm.running_var + norm.eps)
    factor = factor if norm.weight is None else factor * norm.weight.detach()
    shift = torch.zeros_like(factor) if norm.bias is None else norm.bias.detach()
    bias = torch.zeros_like(factor) if conv.bias is None else conv.bias.detach()
    conv.weight = nn.Parameter(conv.weight.detach() * factor.view(-1, 1, 1, 1), requires_grad=False)
    conv.bias = nn.Parameter(shift + (bias - norm.running_mean) * factor, requires_grad=False)
    return factor
