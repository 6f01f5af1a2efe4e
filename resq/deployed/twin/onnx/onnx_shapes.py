"""ONNX's operators that move numbers, or compute shapes.

Tensors have the shapes that the graph gives them, and any type; what computes shapes is int64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resq.core.errors import ResqError
from resq.deployed.twin.graph import Step
from resq.deployed.twin.values import Values, device_like, whole


def reshape(v: Values, step: Step) -> Tensor:
    """Reshape; 0 keeps an axis. A shape that was written down for one image holds for many."""
    x, shape = v[step.inputs[0]], whole(v[step.inputs[1]])
    if not step.attributes.get("allowzero"):
        shape = [x.shape[i] if n == 0 else n for i, n in enumerate(shape)]
    if -1 not in shape and torch.Size(shape).numel() != x.numel():
        shape[0] = -1
    return x.reshape(shape)


def flattened(v: Values, step: Step) -> Tensor:
    """Flatten to two axes."""
    x, axis = v[step.inputs[0]], step.attributes.get("axis", 1)
    return x.reshape(torch.Size(x.shape[:axis]).numel(), -1)


def _axes(v: Values, step: Step) -> list[int]:
    axes_input = v.get(step.inputs, 1)
    return whole(axes_input) if axes_input is not None else list(step.attributes.get("axes", []))


def squeezed(v: Values, step: Step) -> Tensor:
    """Squeeze."""
    x, axes = v[step.inputs[0]], _axes(v, step)
    return x.squeeze(tuple(axes)) if axes else x.squeeze()


def unsqueezed(v: Values, step: Step) -> Tensor:
    """Unsqueeze; axes are those of the result."""
    x, axes = v[step.inputs[0]], _axes(v, step)
    for axis in sorted(a % (x.dim() + len(axes)) for a in axes):
        x = x.unsqueeze(axis)
    return x


def sliced(v: Values, step: Step) -> Tensor:
    """Slice; backwards by reversing."""
    x, t = v[step.inputs[0]], step.attributes
    bounds = [v.get(step.inputs, i) for i in range(1, 5)]
    begins = whole(bounds[0]) if bounds[0] is not None else list(t["starts"])
    ends = whole(bounds[1]) if bounds[1] is not None else list(t["ends"])
    axes = whole(bounds[2]) if bounds[2] is not None else list(t.get("axes", range(len(begins))))
    steps = whole(bounds[3]) if bounds[3] is not None else [1] * len(begins)
    for begin, end, axis, by in zip(begins, ends, axes, steps, strict=True):
        places = range(x.shape[axis])[slice(begin, None if by < 0 and end < -x.shape[axis] else end, by)]
        x = x.index_select(axis, device_like(list(places), x)) if by != 1 else x.narrow(axis, *_span(places))
    return x


def _span(places: range) -> tuple[int, int]:
    return (places[0], len(places)) if len(places) else (0, 0)


def split(v: Values, step: Step) -> Any:
    """Split into parts of the sizes that are told, or into equal ones."""
    x, sizes_input, axis = v[step.inputs[0]], v.get(step.inputs, 1), step.attributes.get("axis", 0)
    sizes = whole(sizes_input) if sizes_input is not None else step.attributes.get("split")
    return torch.split(x, sizes, axis) if sizes else x.chunk(len(step.outputs), axis)


def gathered(v: Values, step: Step) -> Tensor:
    """Gather along an axis."""
    x, index, axis = v[step.inputs[0]], v[step.inputs[1]].long(), step.attributes.get("axis", 0)
    axis %= x.dim()
    rows = x.index_select(axis, index.reshape(-1) % x.shape[axis])
    return rows.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


def padded(v: Values, step: Step) -> Tensor:
    """Pad by a constant, a reflection or the edge."""
    x, pads_input = v[step.inputs[0]], v.get(step.inputs, 1)
    ends, filler = (
        whole(pads_input) if pads_input is not None else list(step.attributes["pads"]),
        v.get(step.inputs, 2),
    )
    axes = (
        whole(v[step.inputs[3]]) if len(step.inputs) > 3 and step.inputs[3] else list(range(len(ends) // 2))
    )
    pairs = [(0, 0)] * x.dim()
    for i, axis in enumerate(axes):
        pairs[axis] = (ends[i], ends[i + len(axes)])
    flat = [n for pair in reversed(pairs) for n in pair]
    mode = step.attributes.get("mode", "constant")
    if mode == "constant":
        value = float(filler.reshape(())) if filler is not None else step.attributes.get("value", 0.0)
        return F.pad(x, flat, value=value)
    return F.pad(x, flat[:4], {"reflect": "reflect", "edge": "replicate"}[mode])


def cast(v: Values, step: Step) -> Tensor:
    """Cast: to integers for shapes and places; codes and floats stay what they are."""
    x, to = v[step.inputs[0]], step.attributes["to"]
    if to in (6, 7):
        return x.long() if to == 7 or not x.is_floating_point() else x
    return x.bool() if to == 9 else x.to(v.dtype) if to in (1, 10, 11, 16) else x


def filled(v: Values, step: Step) -> Tensor:
    """ConstantOfShape."""
    value = step.attributes.get("value")
    number = torch.tensor(value).reshape(()) if value is not None else torch.tensor(0.0)
    return number.expand(whole(v[step.inputs[0]])).clone()


def expanded(v: Values, step: Step) -> Tensor:
    """Expand: both ways, as broadcasting does."""
    x, shape = v[step.inputs[0]], whole(v[step.inputs[1]])
    return x.expand(torch.broadcast_shapes(x.shape, shape))


def shape(v: Values, step: Step) -> Tensor:
    """Shape, or a part of it."""
    x = v[step.inputs[0]]
    return device_like(list(x.shape)[step.attributes.get("start", 0) : step.attributes.get("end")], x)


def transposed(v: Values, step: Step) -> Tensor:
    """Transpose; without an order, reversed."""
    x = v[step.inputs[0]]
    return x.permute(step.attributes.get("perm") or list(reversed(range(x.dim()))))


def scattered(v: Values, step: Step) -> Tensor:
    """ScatterND without a reduction: a copy with slices replaced."""
    x, places, updates = (v[name] for name in step.inputs)
    if step.attributes.get("reduction", "none") != "none":
        raise ResqError(
            f"scatters with the reduction {step.attributes['reduction']}, which a twin does not compute"
        )
    return x.index_put(places.long().unbind(-1), updates)


def ranged(v: Values, step: Step) -> Tensor:
    """Range, from where it starts to before where it ends."""
    ends = [v[name].reshape(()).item() for name in step.inputs]
    return torch.arange(*ends, dtype=v[step.inputs[0]].dtype)


OPS: dict[str, Callable[[Values, Step], Any]] = {
    "Reshape": reshape,
    "Flatten": flattened,
    "Squeeze": squeezed,
    "Unsqueeze": unsqueezed,
    "Slice": sliced,
    "Split": split,
    "Gather": gathered,
    "Pad": padded,
    "Cast": cast,
    "ConstantOfShape": filled,
    "Expand": expanded,
    "Shape": shape,
    "Transpose": transposed,
    "Concat": lambda v, s: torch.cat([v[name] for name in s.inputs], s.attributes["axis"]),
    "Identity": lambda v, s: v[s.inputs[0]],
    "Dropout": lambda v, s: v[s.inputs[0]],
    "ScatterND": scattered,
    "Range": ranged,
    "Where": lambda v, s: torch.where(*(v[name] for name in s.inputs)),
}
