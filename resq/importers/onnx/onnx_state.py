"""A network's state out of the layers of an ONNX file that stand where its own stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from resq.core.errors import ResqError
from resq.importers.graphs import Layer
from resq.importers.names import COUNTER
from resq.importers.onnx.onnx_values import Value
from resq.importers.onnx.onnx_weight_ops import Graph, Norm, Read

Arrays = dict[str, np.ndarray]


@dataclass(eq=False)
class Filled:
    """A state, and how it came about.

    Attributes:
        weights: those that came as codes.
        unfolded: batch norms that the file has folded into the convolution before them.
        eps: batch norms whose epsilon is not the network's, so that scale or variance were adapted.
    """

    state: Arrays = field(default_factory=dict)
    weights: dict[str, Value] = field(default_factory=dict)
    unfolded: int = 0
    eps: int = 0


def filled(body: nn.Module, ours: Sequence[Layer], graph: Graph, places: Sequence[int]) -> Filled:
    """The state of ``body``, whose own integer buffers are kept.

    Raises:
        ValueError: a number that the network has no place for, or a parameter that the file lacks.
    """
    made = Filled()
    for layer, place in zip(ours, places, strict=True):
        read, module = graph.reads[place], body.get_submodule(layer.name)
        if read.weight is None:
            _lone_norm(made, layer.name, module, read.norm)
        else:
            _weighted(made, body, layer, module, read)
    for name, value in body.state_dict().items():
        if name not in made.state:
            made.state[name] = _rest(name, value, body, ours, graph, places)
    made.state = {name: _kind(made.state[name], value) for name, value in body.state_dict().items()}
    return made


def _kind(value: np.ndarray, own: Any) -> np.ndarray:
    whole = not own.is_floating_point()
    return np.ascontiguousarray(value, np.int64 if whole else np.float32).reshape(tuple(own.shape))


def _weighted(made: Filled, body: nn.Module, layer: Layer, module: Any, read: Read) -> None:
    """A convolution or linear layer, its bias and the batch norm after it."""
    name, value = layer.name, read.weight
    assert value is not None
    out = value.array.shape[0]
    bias = np.zeros(out, np.float32) if read.bias is None else read.bias
    if not layer.norm and read.norm is not None:
        factor = read.norm.weight / np.sqrt(_var(read.norm) + np.float32(read.norm.eps or 0))
        value, bias = value.times(factor), read.norm.bias + (bias - _mean(read.norm)) * factor
    made.state[f"{name}.weight"] = value.floats.astype(np.float32)
    if value.scale is not None:
        made.weights[f"{name}.weight"] = value
    if layer.norm:
        bias = _normed(
            made, layer.norm, body.get_submodule(layer.norm), read.norm, bias, module.bias is not None
        )
    if module.bias is not None:
        made.state[f"{name}.bias"] = bias
    elif not layer.norm and np.any(bias):
        raise ResqError(f"its layer {read.layer.name!r:.80} has a bias, where {name} of the network has none")


def _normed(
    made: Filled, name: str, module: Any, norm: Norm | None, bias: np.ndarray, own: bool
) -> np.ndarray:
    """Fills the batch norm after a layer; returns what is left for the layer's own bias.

    Args:
        own: whether the layer has a bias of its own.
    """
    if norm is None:  # folded: a norm that changes nothing, and the bias wherever there is room
        made.unfolded += 1
        one = np.ones_like(bias)
        norm = Norm(
            one, np.zeros_like(bias) if own else bias, np.zeros_like(bias), one - module.eps, module.eps
        )
        _put(made, name, module, norm)
        return bias
    mean = _mean(norm) if own else _mean(norm) - bias
    _put(made, name, module, Norm(norm.weight, norm.bias, mean, norm.var, norm.eps))
    return bias


def _put(made: Filled, name: str, module: Any, norm: Norm) -> None:
    """Fills a batch norm so that it computes what the file's does, though its epsilon is another."""
    weight, var = norm.weight, _var(norm)
    theirs, ours = np.float64(norm.eps if norm.eps is not None else module.eps), np.float64(module.eps)
    if abs(theirs - ours) > 1e-9 + 1e-6 * ours:
        made.eps += 1
        wanted = var.astype(np.float64) + theirs
        var = np.maximum(wanted - ours, 0)
        weight = weight * np.sqrt((var + ours) / wanted)
    made.state |= {f"{name}.weight": weight, f"{name}.bias": norm.bias,
                   f"{name}.running_mean": _mean(norm), f"{name}.running_var": var}  # fmt: skip


def _mean(norm: Norm) -> np.ndarray:
    return np.zeros_like(norm.weight) if norm.mean is None else norm.mean


def _var(norm: Norm) -> np.ndarray:
    return np.ones_like(norm.weight) if norm.var is None else norm.var


def _lone_norm(made: Filled, name: str, module: Any, norm: Norm | None) -> None:
    """A norm that is a layer of its own."""
    assert norm is not None
    if isinstance(module, nn.BatchNorm2d):
        _put(made, name, module, norm)
        return
    if norm.eps is not None and abs(norm.eps - module.eps) > 1e-3 * module.eps:
        raise ResqError(
            f"its norm in the place of {name} has epsilon {norm.eps:g}; the network's has {module.eps:g}"
        )
    made.state |= {f"{name}.weight": norm.weight, f"{name}.bias": norm.bias}


def _rest(
    name: str, value: Any, body: nn.Module, ours: Sequence[Layer], graph: Graph, places: Sequence[int]
) -> np.ndarray:
    """What no layer holds: a counter, the network's own indices, or a table of relative positions."""
    if name.rsplit(".", 1)[-1] == COUNTER:
        return np.zeros((), np.int64)
    if not value.is_floating_point():
        return np.asarray(value.numpy())
    if name.endswith("relative_position_bias_table"):
        return _table(name, tuple(value.shape), body, ours, graph, places)
    raise ResqError(f"nothing in it stands where the network has {name}")


def _table(
    name: str,
    shape: tuple[int, ...],
    body: nn.Module,
    ours: Sequence[Layer],
    graph: Graph,
    places: Sequence[int],
) -> np.ndarray:
    """A table of relative positions (offsets, heads) from what is added to the attention, (heads, n, n)."""
    module = name.rpartition(".")[0]
    index = np.asarray(body.get_buffer(f"{module}.relative_position_index").numpy()).reshape(-1)
    near = {place for layer, place in zip(ours, places, strict=True) if layer.name.startswith(f"{module}.")}
    side = round(len(index) ** 0.5)
    for before, value in graph.tables:
        if before and before <= near and value.size == shape[1] * len(index) and value.shape[-1] == side:
            flat = value.reshape(shape[1], -1).T
            table = np.zeros(shape, np.float32)
            table[index] = flat
            if np.array_equal(table[index], flat):
                return table
    raise ResqError(f"nothing in it is added to the attention as {name} of shape {shape} would be")
