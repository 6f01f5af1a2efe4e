"""ONNX's operators on real numbers, in torch. Add one: ``(values, step) -> Tensor`` and a line in OPS.

Tensors are float32 in the shapes that the graph gives them; images are (N, C, H, W).

Source: the operators' documents, onnx.ai/onnx/operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resq.core.errors import ResqError
from resq.deployed.twin.graph import Step
from resq.deployed.twin.onnx import onnx_integers, onnx_shapes
from resq.deployed.twin.values import Values, whole

Op = Callable[[Values, Step], Any]


def conv(v: Values, step: Step) -> Tensor:
    """Conv in one or two dimensions."""
    return convolved(v[step.inputs[0]], v[step.inputs[1]], v.get(step.inputs, 2), step)


def convolved(x: Tensor, w: Tensor, bias: Tensor | None, step: Step) -> Tensor:
    """A convolution with the attributes of Conv, ConvInteger and QLinearConv."""
    t, rank = step.attributes, w.dim() - 2
    stride, dilation = t.get("strides", [1] * rank), t.get("dilations", [1] * rank)
    pads = window_pads(x, w.shape[2:], stride, dilation, step)
    run = {1: F.conv1d, 2: F.conv2d}.get(rank)
    if run is None:
        raise ResqError(f"convolves in {rank} dimensions, which a twin does not compute")
    return run(F.pad(x, pads), w, bias, stride, 0, dilation, t.get("group", 1))


def window_pads(
    x: Tensor, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int], step: Step
) -> list[int]:
    """Places to add before and after each axis, the last axis first, as ``F.pad`` takes them."""
    t, rank = step.attributes, len(window)
    auto = t.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID", ""):
        ends = t.get("pads", [0] * 2 * rank) if auto != "VALID" else [0] * 2 * rank
        return [n for i in reversed(range(rank)) for n in (ends[i], ends[i + rank])]
    pads: list[int] = []
    for n, k, s, d in reversed(list(zip(x.shape[2:], window, stride, dilation, strict=True))):
        more = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        less = more // 2
        pads += [less, more - less] if auto == "SAME_UPPER" else [more - less, less]
    return pads


def gemm(v: Values, step: Step) -> Tensor:
    """Gemm: alpha A B + beta C."""
    t, (a, b) = step.attributes, (v[name] for name in step.inputs[:2])
    a, b = a.t() if t.get("transA") else a, b.t() if t.get("transB") else b
    made, c = a @ b * t.get("alpha", 1.0), v.get(step.inputs, 2)
    return made if c is None else made + t.get("beta", 1.0) * c


def clip(v: Values, step: Step) -> Tensor:
    """Clip, its limits as inputs or, before opset 11, as attributes."""
    x = v[step.inputs[0]]
    low, high = (v.get(step.inputs, i) for i in (1, 2))
    if low is not None:
        x = torch.maximum(x, low)
    if high is not None:
        x = torch.minimum(x, high)
    if len(step.inputs) == 1:
        x = x.clamp(step.attributes.get("min"), step.attributes.get("max")) if step.attributes else x
    return x


def pooled(v: Values, step: Step) -> Tensor:
    """MaxPool and AveragePool."""
    return windowed(v[step.inputs[0]], step, step.op == "MaxPool")


def windowed(x: Tensor, step: Step, most: bool) -> Tensor:
    """The largest or the mean of each window."""
    t = step.attributes
    window = t["kernel_shape"]
    stride, dilation = t.get("strides", [1] * len(window)), t.get("dilations", [1] * len(window))
    pads = window_pads(x, window, stride, dilation, step)
    if t.get("ceil_mode") or len(window) != 2:
        raise ResqError(
            f"pools {len(window)} axes with ceil_mode {t.get('ceil_mode', 0)}; a twin pools two, without"
        )
    if most:
        return F.max_pool2d(F.pad(x, pads, value=-torch.inf) if any(pads) else x, window, stride, 0, dilation)
    made = F.avg_pool2d(F.pad(x, pads), window, stride)
    if any(pads) and not t.get("count_include_pad"):
        made = made / F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), pads), window, stride)
    return made


def global_pooled(v: Values, step: Step) -> Tensor:
    """GlobalAveragePool and GlobalMaxPool."""
    x = v[step.inputs[0]]
    axes = tuple(range(2, x.dim()))
    return x.mean(axes, keepdim=True) if step.op == "GlobalAveragePool" else x.amax(axes, keepdim=True)


def normed(v: Values, step: Step) -> Tensor:
    """BatchNormalization with its running mean and variance."""
    x, scale, bias, mean, variance = (v[name] for name in step.inputs[:5])
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, step.attributes.get("epsilon", 1e-5))


def layer_normed(v: Values, step: Step) -> Tensor:
    """LayerNormalization over the axes from ``axis`` on."""
    x, scale = v[step.inputs[0]], v[step.inputs[1]]
    axis = step.attributes.get("axis", -1) % x.dim()
    made = F.layer_norm(x, x.shape[axis:], None, None, step.attributes.get("epsilon", 1e-5)) * scale
    bias = v.get(step.inputs, 2)
    return made if bias is None else made + bias


def soft(v: Values, step: Step) -> Tensor:
    """Softmax and LogSoftmax along one axis."""
    x, axis_attribute = v[step.inputs[0]], step.attributes.get("axis")
    old = v.program.opset and v.program.opset < 13
    axis = axis_attribute if axis_attribute is not None else 1 if old else -1
    if old and axis % x.dim() != x.dim() - 1:
        raise ResqError(
            "takes a Softmax over several axes, as before opset 13, which a twin does not compute"
        )
    return torch.log_softmax(x, axis) if step.op == "LogSoftmax" else torch.softmax(x, axis)


def _each(compute: Callable[[Tensor], Tensor]) -> Op:
    return lambda v, step: compute(v[step.inputs[0]])


def _pairwise(compute: Callable[[Tensor, Tensor], Tensor]) -> Op:
    return lambda v, step: compute(v[step.inputs[0]], v[step.inputs[1]])


def _divided(x: Tensor, y: Tensor) -> Tensor:
    """Division; of integers, cut towards zero."""
    whole_ = not x.is_floating_point() and not y.is_floating_point()
    return torch.div(x, y, rounding_mode="trunc") if whole_ else x / y


def _reduced(compute: Callable[..., Tensor]) -> Op:
    def op(v: Values, step: Step) -> Tensor:
        x, axes_input = v[step.inputs[0]], v.get(step.inputs, 1)
        axes = whole(axes_input) if axes_input is not None else step.attributes.get("axes")
        if not axes and step.attributes.get("noop_with_empty_axes"):
            return x
        return compute(x, tuple(axes or range(x.dim())), keepdim=bool(step.attributes.get("keepdims", 1)))

    return op


def _hard_sigmoid(v: Values, step: Step) -> Tensor:
    return (step.attributes.get("alpha", 0.2) * v[step.inputs[0]] + step.attributes.get("beta", 0.5)).clamp(
        0, 1
    )


OPS: dict[str, Op] = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": _pairwise(torch.matmul),
    "Add": _pairwise(torch.add),
    "Sub": _pairwise(torch.sub),
    "Mul": _pairwise(torch.mul),
    "Div": _pairwise(_divided),
    "Pow": _pairwise(torch.pow),
    "Mod": _pairwise(torch.remainder),
    "Max": _pairwise(torch.maximum),
    "Min": _pairwise(torch.minimum),
    "Equal": _pairwise(torch.eq),
    "Not": _each(torch.logical_not),
    "PRelu": _pairwise(lambda x, slope: torch.where(x > 0, x, slope * x)),
    "Relu": _each(torch.relu),
    "Sigmoid": _each(torch.sigmoid),
    "HardSwish": _each(F.hardswish),
    "HardSigmoid": _hard_sigmoid,
    "Tanh": _each(torch.tanh),
    "Erf": _each(torch.erf),
    "Exp": _each(torch.exp),
    "Log": _each(torch.log),
    "Sqrt": _each(torch.sqrt),
    "Neg": _each(torch.neg),
    "Abs": _each(torch.abs),
    "Reciprocal": _each(torch.reciprocal),
    "Gelu": lambda v, s: F.gelu(v[s.inputs[0]], approximate=s.attributes.get("approximate", "none")),
    "LeakyRelu": lambda v, s: F.leaky_relu(v[s.inputs[0]], s.attributes.get("alpha", 0.01)),
    "Elu": lambda v, s: F.elu(v[s.inputs[0]], s.attributes.get("alpha", 1.0)),
    "Clip": clip,
    "MaxPool": pooled,
    "AveragePool": pooled,
    "GlobalAveragePool": global_pooled,
    "GlobalMaxPool": global_pooled,
    "BatchNormalization": normed,
    "LayerNormalization": layer_normed,
    "Softmax": soft,
    "LogSoftmax": soft,
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "ReduceMax": _reduced(torch.amax),
    **onnx_shapes.OPS,
    **onnx_integers.OPS,
}
