"""TFLite's operators in torch. Add one: ``(values, step) -> Tensor`` and a line in OPS.

Tensors are float32 in the shapes that the graph gives them; images are (N, H, W, C).

Products of integers are summed up as integers (floats hold them exactly up to 2**24), scaled once in float32
and rounded half to even, as XNNPACK, LiteRT's default delegate, does it; everything else is computed in real
numbers and rounded to the output's quantizer. Images keep TFLite's order of axes, NHWC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resq.deployed.twin import tflite_shapes
from resq.deployed.twin.graph import Step
from resq.deployed.twin.rounding import along, away, coded
from resq.deployed.twin.values import Values, whole

Op = Callable[[Values, Step], Any]
# Fused activation -> the range that it cuts to.
CUTS: dict[int, tuple[float | None, float | None]] = {
    0: (None, None),
    1: (0.0, None),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}
TANH = 4


def conv(v: Values, step: Step) -> Tensor:
    """CONV_2D: weights (out, h, w, in)."""
    x, w = _centred(v, step.inputs[0]), _centred(v, step.inputs[1]).permute(0, 3, 1, 2)
    return _product(v, step, _convolved(x, w, step, x.shape[3] // w.shape[1]), 0)


def depthwise(v: Values, step: Step) -> Tensor:
    """DEPTHWISE_CONV_2D: weights (1, h, w, channels)."""
    x, w = _centred(v, step.inputs[0]), _centred(v, step.inputs[1]).permute(3, 0, 1, 2)
    return _product(v, step, _convolved(x, w, step, x.shape[3]), 3)


def _convolved(x: Tensor, w: Tensor, step: Step, groups: int) -> Tensor:
    """The sums of products (N, h, w, out); a padded pixel is 0, which stands for the zero point."""
    t = step.attributes
    stride, dilation = (t["stride_h"], t["stride_w"]), (t["dilation_h"], t["dilation_w"])
    moved = x.permute(0, 3, 1, 2)
    if t["padding"] == 0:
        moved = F.pad(moved, same(moved.shape[2:], w.shape[2:], stride, dilation))
    return F.conv2d(moved, w, None, stride, 0, dilation, groups).permute(0, 2, 3, 1)


def same(size: Any, window: Any, stride: Any, dilation: Any) -> list[int]:
    """Pixels to add left, right, above and below, for as many outputs as there are strides in the input."""
    pads = []
    for n, k, s, d in zip(size, window, stride, dilation, strict=True):
        more = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads.append((more // 2, more - more // 2))
    return [*pads[1], *pads[0]]


def dense(v: Values, step: Step) -> Tensor:
    """FULLY_CONNECTED: weights (out, in)."""
    w = _centred(v, step.inputs[1])
    x = _centred(v, step.inputs[0])
    if not step.attributes["keep"]:
        x = x.reshape(-1, w.shape[1])
    return _product(v, step, x @ w.t(), 0)


def _centred(v: Values, name: str) -> Tensor:
    """Integers less their zero point; real numbers as they are."""
    codes = v.codes(name)
    if codes is None:
        return v[name]
    return v[name] - along(v[codes.zero], v[name].dim(), codes.axis)


def _product(v: Values, step: Step, sums: Tensor, axis: int) -> Tensor:
    """Sums of products plus bias, brought to the output's scale. Channels are the last axis."""
    x, w, out = step.inputs[0], step.inputs[1], step.outputs[0]
    bias = v.get(step.inputs, 2)
    both = v.codes(x) is not None and v.codes(w) is not None
    if not both or v.codes(out) is None:
        scaled = sums
        for name in (x, w):
            if v.codes(name):
                scaled = scaled * v.quantizer(name)[0]
        real = scaled if bias is None else scaled + v.real(step.inputs[2])
        return v.give(out, _cut(real, step))
    scale, zero = v.quantizer(out)
    factor = v.quantizer(x)[0] * v.quantizer(w)[0] / scale
    codes = coded(
        (sums if bias is None else sums + bias) * factor, zero.reshape(()), v.program.codes[out].dtype
    )
    return _cut_codes(codes, scale, zero, step)


def _cut_codes(codes: Tensor, scale: Tensor, zero: Tensor, step: Step) -> Tensor:
    low, high = CUTS.get(step.attributes.get("activation", 0), (None, None))
    if low is not None:
        codes = torch.maximum(codes, torch.round(low / scale) + zero)
    return codes if high is None else torch.minimum(codes, torch.round(high / scale) + zero)


def _cut(real: Tensor, step: Step) -> Tensor:
    kind = step.attributes.get("activation", 0)
    if kind == TANH:
        return torch.tanh(real)
    low, high = CUTS[kind]
    return real if low is None and high is None else real.clamp(low, high)


def pooled(v: Values, step: Step) -> Tensor:
    """AVERAGE_POOL_2D and MAX_POOL_2D; padding counts for neither."""
    t, name = step.attributes, step.inputs[0]
    same_codes = _alike(v, name, step.outputs[0])
    x = (v[name] if same_codes else v.real(name)).permute(0, 3, 1, 2)
    window, stride = (t["height"], t["width"]), (t["stride_h"], t["stride_w"])
    pads = same(x.shape[2:], window, stride, (1, 1)) if t["padding"] == 0 else [0, 0, 0, 0]
    if step.op == "MAX_POOL_2D":
        made = F.max_pool2d(F.pad(x, pads, value=-torch.inf), window, stride)
    else:
        made = F.avg_pool2d(F.pad(x, pads), window, stride)
        if any(pads):
            made = made / F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), pads), window, stride)
    made = made.permute(0, 2, 3, 1)
    if not same_codes:
        return v.give(step.outputs[0], _cut(made, step))
    scale, zero = (q.reshape(()) for q in v.quantizer(name))
    return _cut_codes(away(made), scale, zero, step)


def _alike(v: Values, name: str, other: str) -> bool:
    """Whether two values are integers of one scale and zero point."""
    if v.codes(name) is None or v.codes(other) is None:
        return False
    return all(torch.equal(a, b) for a, b in zip(v.quantizer(name), v.quantizer(other), strict=True))


def _pairwise(compute: Callable[[Tensor, Tensor], Tensor]) -> Op:
    def op(v: Values, step: Step) -> Tensor:
        return v.give(step.outputs[0], _cut(compute(*(v.real(name) for name in step.inputs[:2])), step))

    return op


def _each(compute: Callable[[Tensor], Tensor]) -> Op:
    def op(v: Values, step: Step) -> Tensor:
        return v.give(step.outputs[0], compute(v.real(step.inputs[0])))

    return op


def _reduced(compute: Callable[..., Tensor]) -> Op:
    def op(v: Values, step: Step) -> Tensor:
        axes = whole(v[step.inputs[1]])
        return v.give(
            step.outputs[0], compute(v.real(step.inputs[0]), axes, keepdim=bool(step.attributes["keep"]))
        )

    return op


def softmax(v: Values, step: Step) -> Tensor:
    """SOFTMAX over the last axis."""
    return v.give(step.outputs[0], torch.softmax(step.attributes["beta"] * v.real(step.inputs[0]), -1))


def batched(v: Values, step: Step) -> Tensor:
    """BATCH_MATMUL."""
    x, y = (v.real(name) for name in step.inputs)
    x = x.transpose(-1, -2) if step.attributes["x"] else x
    return v.give(step.outputs[0], x @ (y.transpose(-1, -2) if step.attributes["y"] else y))


OPS: dict[str, Op] = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    "AVERAGE_POOL_2D": pooled,
    "MAX_POOL_2D": pooled,
    "ADD": _pairwise(torch.add),
    "SUB": _pairwise(torch.sub),
    "MUL": _pairwise(torch.mul),
    "DIV": _pairwise(torch.div),
    "POW": _pairwise(torch.pow),
    "MAXIMUM": _pairwise(torch.maximum),
    "MINIMUM": _pairwise(torch.minimum),
    "SQUARED_DIFFERENCE": _pairwise(lambda x, y: (x - y) ** 2),
    "PRELU": _pairwise(lambda x, slope: torch.where(x > 0, x, slope * x)),
    "RELU": _each(torch.relu),
    "RELU6": _each(lambda x: x.clamp(0, 6)),
    "RELU_N1_TO_1": _each(lambda x: x.clamp(-1, 1)),
    "LOGISTIC": _each(torch.sigmoid),
    "TANH": _each(torch.tanh),
    "HARD_SWISH": _each(F.hardswish),
    "EXP": _each(torch.exp),
    "NEG": _each(torch.neg),
    "SQRT": _each(torch.sqrt),
    "RSQRT": _each(torch.rsqrt),
    "QUANTIZE": _each(lambda x: x),
    "DEQUANTIZE": _each(lambda x: x),
    "GELU": lambda v, s: v.give(
        s.outputs[0],
        F.gelu(v.real(s.inputs[0]), approximate="tanh" if s.attributes["approximate"] else "none"),
    ),
    "LEAKY_RELU": lambda v, s: v.give(s.outputs[0], F.leaky_relu(v.real(s.inputs[0]), s.attributes["alpha"])),
    "MEAN": _reduced(torch.mean),
    "SUM": _reduced(torch.sum),
    "SOFTMAX": softmax,
    "BATCH_MATMUL": batched,
    **tflite_shapes.OPS,
}
