"""TFLite's operators that move numbers and compute none: the integers are passed on as they are.

Tensors have the shapes that the graph gives them, and any type.
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
    """RESHAPE; a shape that was written down for one image holds for many."""
    x, shape_input = v[step.inputs[0]], v.get(step.inputs, 1)
    shape = whole(shape_input) if shape_input is not None else list(step.attributes["shape"])
    if -1 not in shape and torch.Size(shape).numel() != x.numel():
        shape[0] = -1
    return x.reshape(shape)


def concatenated(v: Values, step: Step) -> Tensor:
    """CONCATENATION; parts of other scales are brought to the output's."""
    same = len({tuple(map(id, v.quantizer(n))) for n in (*step.inputs, *step.outputs) if v.codes(n)}) <= 1
    if same:
        return torch.cat([v[name] for name in step.inputs], step.attributes["axis"])
    return v.give(step.outputs[0], torch.cat([v.real(name) for name in step.inputs], step.attributes["axis"]))


def padded(v: Values, step: Step) -> Tensor:
    """PAD and PADV2: (rank, 2) numbers of places before and after."""
    x, ends = v[step.inputs[0]], whole(v[step.inputs[1]])
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    value = v.get(step.inputs, 2)
    if value is not None:
        filler = float(value.reshape(()))
    else:
        filler = float(v.quantizer(step.inputs[0])[1].reshape(-1)[0]) if v.codes(step.inputs[0]) else 0.0
    return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=filler)


def strided(v: Values, step: Step) -> Tensor:
    """STRIDED_SLICE with masks; steps ahead only, as torch has no others."""
    x, t = v[step.inputs[0]], step.attributes
    if t["ellipsis"] or t["new"]:
        raise ResqError("takes a slice with an ellipsis or a new axis, which a twin does not compute")
    places = []
    for i, (begin, end, by) in enumerate(zip(*(whole(v[n]) for n in step.inputs[1:4]), strict=True)):
        if t["shrink"] >> i & 1:
            places.append(begin)
            continue
        first = None if t["begin"] >> i & 1 else begin
        places.append(slice(first, None if t["end"] >> i & 1 else end, by))
    return x[tuple(places)]


def sliced(v: Values, step: Step) -> Tensor:
    """SLICE: places and sizes, -1 for all that is left."""
    begin, size = (whole(v[name]) for name in step.inputs[1:3])
    cuts = tuple(slice(b, None if n < 0 else b + n) for b, n in zip(begin, size, strict=True))
    return v[step.inputs[0]][cuts]


def squeezed(v: Values, step: Step) -> Tensor:
    """SQUEEZE of the axes that are named, or of all of length 1."""
    axes = step.attributes.get("axes")
    return v[step.inputs[0]].squeeze(tuple(axes)) if axes else v[step.inputs[0]].squeeze()


OPS: dict[str, Callable[[Values, Step], Any]] = {
    "RESHAPE": reshape,
    "CONCATENATION": concatenated,
    "PAD": padded,
    "PADV2": padded,
    "STRIDED_SLICE": strided,
    "SLICE": sliced,
    "SQUEEZE": squeezed,
    "EXPAND_DIMS": lambda v, s: v[s.inputs[0]].unsqueeze(whole(v[s.inputs[1]])[0]),
    "TRANSPOSE": lambda v, s: v[s.inputs[0]].permute(whole(v[s.inputs[1]])),
    "SPLIT": lambda v, s: v[s.inputs[1]].chunk(len(s.outputs), whole(v[s.inputs[0]])[0]),
    "GATHER": lambda v, s: _gathered(v[s.inputs[0]], v[s.inputs[1]].long(), s.attributes["axis"]),
    "SHAPE": lambda v, s: device_like(list(v[s.inputs[0]].shape), v[s.inputs[0]]),
    "PACK": lambda v, s: torch.stack([v[name] for name in s.inputs], s.attributes["axis"]),
    "BROADCAST_TO": lambda v, s: v[s.inputs[0]].expand(whole(v[s.inputs[1]])),
    "CAST": lambda v, s: v[s.inputs[0]],
}


def _gathered(x: Tensor, index: Tensor, axis: int) -> Tensor:
    axis %= x.dim()
    rows = x.index_select(axis, index.reshape(-1))
    return rows.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])
