"""Which layer of a network feeds which: read from one forward pass of shapes without values.

Autograd notes every operation and the parameters it takes. Layers are what computes with parameters; all
else is the way from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from resq.importers.graphs import Layer

SIDE = 32  # pixels of an image here


def layers(body: nn.Module) -> list[Layer]:
    """The layers of a network on the device meta, each after those that feed it.

    A batch norm that alone reads a convolution is no layer of its own: ``norm`` of the convolution names it.

    Raises:
        RuntimeError, TypeError, ...: whatever a network of one's own raises on a tensor without values.
    """
    x = torch.empty(1, 3, SIDE, SIDE, device="meta", requires_grad=True)
    body.eval()
    end = body(x).grad_fn
    owners = {id(p): name.rpartition(".")[0] for name, p in body.named_parameters(remove_duplicate=False)}
    traced: list[Layer] = []
    reach: dict[Any, frozenset[int]] = {}
    for step in _ordered(end):
        before: frozenset[int] = frozenset().union(
            *(reach.get(s, frozenset()) for s, _ in step.next_functions)
        )
        parameters = _parameters(step, owners, x)
        moving = any(_moves(s, reach, x) for s, _ in step.next_functions)
        if not moving:
            continue
        reach[step] = before
        if parameters:
            made = _layer(body, parameters[0], before, traced)
            if made is not None:
                traced.append(made)
                reach[step] = frozenset({len(traced) - 1})
    last = reach.get(end, frozenset())
    return [layer.ending(i in last) for i, layer in enumerate(traced)]


def _moves(step: Any, reach: dict[Any, frozenset[int]], x: torch.Tensor) -> bool:
    return step is not None and (step in reach or getattr(step, "variable", None) is x)


def _parameters(step: Any, owners: dict[int, str], x: torch.Tensor) -> list[str]:
    """Modules whose parameters a step takes, past views of them; the weight's first."""
    names = []
    for source, _ in step.next_functions:
        for _ in range(8):  # a transposed, reshaped or indexed parameter
            if source is None or hasattr(source, "variable") or len(source.next_functions) != 1:
                break
            if source.name().startswith(("T", "View", "Index", "Permute", "Unsqueeze", "Clone", "Reshape")):
                source = source.next_functions[0][0]
            else:
                break
        variable = getattr(source, "variable", None)
        if variable is not None and variable is not x and id(variable) in owners:
            names.append(owners[id(variable)])
    return names


def _layer(body: nn.Module, name: str, before: frozenset[int], traced: list[Layer]) -> Layer | None:
    """The layer of a module, or None where it is a norm that belongs to the layer before it."""
    module = body.get_submodule(name)
    if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and len(before) == 1:
        (one,) = before
        if (
            not traced[one].norm
            and traced[one].kind in ("conv", "linear")
            and module.num_features == traced[one].shape[0]
        ):
            traced[one] = traced[one].normed(name)
            return None
    if isinstance(module, nn.Conv2d):
        how = (*module.stride, module.groups)
        return Layer("conv", tuple(module.weight.shape), before, name, how)
    if isinstance(module, nn.Linear):
        return Layer("linear", tuple(module.weight.shape), before, name)
    weight: Any = getattr(module, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.ndim == 1:
        return Layer("norm", tuple(weight.shape), before, name)
    return None  # a table of positions, say: not a layer, found by those around it


def _ordered(end: Any) -> Iterator[Any]:
    """Every step before ``end`` and itself, each after those that feed it; without recursion."""
    seen, todo = set(), [(end, False)]
    while todo:
        step, done = todo.pop()
        if done:
            yield step
        elif step not in seen:
            seen.add(step)
            todo.append((step, True))
            todo += [(s, False) for s, _ in reversed(step.next_functions) if s is not None and s not in seen]
