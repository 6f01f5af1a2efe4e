"""ONNX's operators on integers, and ONNX Runtime's own: QDQ pairs, QOperator, dynamic quantization.

Tensors hold the numbers that integers of the file stand for, as float32, in the shapes that the graph gives
them.

Integers are summed up as integers (floats hold them exactly up to 2**24), scaled once and rounded half to
even, as ONNX Runtime's CPU kernels do it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from resq.core.errors import ResqError
from resq.deployed.twin.graph import Step
from resq.deployed.twin.rounding import along, coded
from resq.deployed.twin.values import Values

ELEMENTS = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 21: "uint4", 22: "int4"}


def quantized(v: Values, step: Step) -> Tensor:
    """QuantizeLinear."""
    x, axis = v[step.inputs[0]], step.attributes.get("axis", 1)
    scale = _along(v[step.inputs[1]], x, axis, step)
    zero = v.get(step.inputs, 2)
    dtype = (
        v.dtypes[step.inputs[2]]
        if zero is not None
        else ELEMENTS.get(step.attributes.get("output_dtype", 2), "uint8")
    )
    moved = torch.zeros(()) if zero is None else _along(zero, x, axis, step)
    return coded(x / scale, moved, dtype)


def dequantized(v: Values, step: Step) -> Tensor:
    """DequantizeLinear: of one scale, of one for each channel, or of one for each block."""
    x, axis = v[step.inputs[0]], step.attributes.get("axis", 1)
    zero = v.get(step.inputs, 2)
    moved = x if zero is None else x - _along(zero, x, axis, step)
    return moved * _along(v[step.inputs[1]], x, axis, step)


def packed_matmul(v: Values, step: Step) -> Tensor:
    """MatMulNBits: x, codes (N, blocks x size), scales, zero points and, at last, a bias."""
    if v.get(step.inputs, 4) is not None:
        raise ResqError("orders the inputs of a MatMulNBits by an index (g_idx), which is not followed")
    codes, rows, size = v[step.inputs[1]], step.attributes["N"], step.attributes["block_size"]
    codes = codes.reshape(rows, -1, size)
    scale, zero, bias = v[step.inputs[2]], v.get(step.inputs, 3), v.get(step.inputs, 5)
    middle = torch.tensor(float(2 ** (step.attributes.get("bits", 4) - 1)))
    moved = middle if zero is None else zero.reshape(rows, -1)[:, : codes.shape[1], None]
    weight = ((codes - moved) * scale.reshape(rows, -1, 1)).reshape(rows, -1)[:, : step.attributes["K"]]
    out = v[step.inputs[0]] @ weight.T
    return out if bias is None else out + bias


def _along(numbers: Tensor, x: Tensor, axis: int, step: Step) -> Tensor:
    block = step.attributes.get("block_size", 0)
    if not block:
        return along(numbers, x.dim(), axis % max(1, x.dim()))
    return numbers.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])


def q_conv(v: Values, step: Step) -> Tensor:
    """QLinearConv: x, its scale and zero, w, its scale and zero, the output's scale and zero, int32 bias."""
    from resq.deployed.twin.onnx.onnx_ops import convolved

    names = step.inputs
    x, w = v[names[0]] - v[names[2]].reshape(()), v[names[3]]
    w = w - along(v[names[5]], w.dim(), 0)
    bias = v.get(names, 8)
    factor = v[names[1]].reshape(()) * v[names[4]] / v[names[6]].reshape(())
    sums = convolved(x, w, bias, step)
    return coded(sums * along(factor, sums.dim(), 1), v[names[7]].reshape(()), v.dtypes[names[7]])


def q_matmul(v: Values, step: Step) -> Tensor:
    """QLinearMatMul: a, scale, zero, b, scale, zero, the output's scale and zero."""
    n = step.inputs
    b = v[n[3]]
    sums = (v[n[0]] - v[n[2]].reshape(())) @ (b - along(v[n[5]], b.dim(), b.dim() - 1))
    factor = v[n[1]].reshape(()) * v[n[4]] / v[n[6]].reshape(())
    return coded(sums * along(factor, sums.dim(), sums.dim() - 1), v[n[7]].reshape(()), v.dtypes[n[7]])


def q_gemm(v: Values, step: Step) -> Tensor:
    """QGemm: a, scale, zero, b, scale, zero, int32 c, the output's scale and zero or none for floats."""
    n, t = step.inputs, step.attributes
    a, b = v[n[0]] - v[n[2]].reshape(()), v[n[3]]
    b = b - along(v[n[5]], 2, 0 if t.get("transB") else 1)
    sums = (a.t() if t.get("transA") else a) @ (b.t() if t.get("transB") else b)
    c = v.get(n, 6)
    sums = sums if c is None else sums + c
    factor = v[n[1]].reshape(()) * v[n[4]] * t.get("alpha", 1.0)
    scale = v.get(n, 7)
    if scale is None:
        return sums * along(factor, 2, 1)
    return coded(sums * along(factor / scale.reshape(()), 2, 1), v[n[8]].reshape(()), v.dtypes[n[8]])


def _real(v: Values, names: tuple[str, ...]) -> Tensor:
    """Codes, their scale and their zero point as real numbers."""
    x, scale = v[names[0]], v[names[1]].reshape(())
    return (x - v[names[2]].reshape(()) if len(names) > 2 and names[2] else x) * scale


def _coded_as(v: Values, real: Tensor, names: tuple[str, ...]) -> Tensor:
    """Real numbers as the codes of a scale and a zero point."""
    return coded(real / v[names[0]].reshape(()), v[names[1]].reshape(()), v.dtypes[names[1]])


def q_add(v: Values, step: Step) -> Tensor:
    """QLinearAdd: the zero point is added before rounding, b before a, products unrounded.

    Products that are rounded first would put a few sums on the other side of a half.
    """
    (a, sa, za), (b, sb, zb) = (tuple(v[n] for n in step.inputs[i : i + 3]) for i in (0, 3))
    scale, zero = (v[n].reshape(()) for n in step.inputs[6:8])
    left, right = sa.reshape(()) / scale, sb.reshape(()) / scale
    fixed = zero - (left * za.reshape(()) + right * zb.reshape(()))
    made = _multiplied_in(a, left, _multiplied_in(b, right, fixed))
    return coded(made, torch.zeros_like(zero), v.dtypes[step.inputs[7]])


def _multiplied_in(x: Tensor, by: Tensor, more: Tensor) -> Tensor:
    """``x * by + more``, rounded once: what processors call fused multiply-add."""
    return (x.double() * by.double() + more.double()).to(x.dtype)


def _q_pair(compute: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Values, Step], Tensor]:
    def op(v: Values, step: Step) -> Tensor:
        n = step.inputs
        return _coded_as(v, compute(_real(v, n[:3]), _real(v, n[3:6])), n[6:8])

    return op


def _q_each(compute: Callable[[Tensor, Step], Tensor]) -> Callable[[Values, Step], Tensor]:
    return lambda v, step: _coded_as(v, compute(_real(v, step.inputs[:3]), step), step.inputs[3:5])


def _q_pool(x: Tensor, step: Step) -> Tensor:
    from resq.deployed.twin.onnx.onnx_ops import windowed

    return windowed(x, step, False)


def q_concat(v: Values, step: Step) -> Tensor:
    """QLinearConcat: the output's scale and zero, then three inputs for each part."""
    n = step.inputs
    parts = [_real(v, n[i : i + 3]) for i in range(2, len(n), 3)]
    return _coded_as(v, torch.cat(parts, step.attributes["axis"]), n[:2])


def dynamic(v: Values, step: Step) -> Any:
    """DynamicQuantizeLinear: uint8 codes, scale and zero point of the range of all that comes."""
    x = v[step.inputs[0]]
    low, high = x.detach().amin().clamp(max=0), x.detach().amax().clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero = torch.round((-low / scale).clamp(0, 255))
    return coded(x / scale, zero, "uint8"), scale, zero


def conv_integer(v: Values, step: Step) -> Tensor:
    """ConvInteger: sums of products of integers less their zero points."""
    from resq.deployed.twin.onnx.onnx_ops import convolved

    x, w = _less(v, step, 0, 2), v[step.inputs[1]]
    zero = v.get(step.inputs, 3)
    return convolved(x, w if zero is None else w - along(zero, w.dim(), 0), None, step)


def matmul_integer(v: Values, step: Step) -> Tensor:
    """MatMulInteger."""
    b, zero = v[step.inputs[1]], v.get(step.inputs, 3)
    return _less(v, step, 0, 2) @ (b if zero is None else b - along(zero, b.dim(), b.dim() - 1))


def _less(v: Values, step: Step, place: int, zero: int) -> Tensor:
    x, moved = v[step.inputs[place]], v.get(step.inputs, zero)
    return x if moved is None else x - moved.reshape(())


OPS: dict[str, Callable[[Values, Step], Any]] = {
    "QuantizeLinear": quantized,
    "DequantizeLinear": dequantized,
    "QLinearConv": q_conv,
    "QLinearMatMul": q_matmul,
    "QGemm": q_gemm,
    "QLinearAdd": q_add,
    "QLinearMul": _q_pair(torch.mul),
    "QLinearSigmoid": _q_each(lambda x, _: torch.sigmoid(x)),
    "QLinearLeakyRelu": _q_each(
        lambda x, s: torch.nn.functional.leaky_relu(x, s.attributes.get("alpha", 0.01))
    ),
    "QLinearSoftmax": _q_each(lambda x, s: torch.softmax(x, s.attributes.get("axis", -1))),
    "QLinearGlobalAveragePool": _q_each(lambda x, _: x.mean(tuple(range(2, x.dim())), keepdim=True)),
    "QLinearAveragePool": _q_each(_q_pool),
    "QLinearConcat": q_concat,
    "DynamicQuantizeLinear": dynamic,
    "ConvInteger": conv_integer,
    "MatMulInteger": matmul_integer,
    "MatMulNBits": packed_matmul,
}
