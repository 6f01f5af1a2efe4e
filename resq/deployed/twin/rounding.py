"""Rounding that lets gradients through: forward as integers do it, backward as if it were not there.

Tensors are float32 of any shape; the result is of the same shape.

Source: Bengio et al. 2013, arXiv:1308.3432 (the straight-through estimator).
"""

from __future__ import annotations

import torch
from torch import Tensor

# Integer type -> its smallest and its largest number.
LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535),
          "int4": (-8, 7), "uint4": (0, 15), "int32": (-(2**31), 2**31 - 1)}  # fmt: skip


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.round()  # half to even, as runtimes do

    @staticmethod
    def backward(ctx: object, *slopes: Tensor) -> Tensor:
        return slopes[0]


def rounded(x: Tensor) -> Tensor:
    """``x`` rounded half to even; its gradient is that of ``x``."""
    return _Rounded.apply(x)


def away(x: Tensor) -> Tensor:
    """``x`` rounded half away from zero, as TFLite's means are; its gradient is that of ``x``."""
    return x + ((x.abs() + 0.5).floor() * x.sign() - x).detach()


def coded(x: Tensor, zero: Tensor, dtype: str) -> Tensor:
    """``x`` rounded, moved by the zero point and cut to an integer type's numbers, as floats.

    The zero point is added to the rounded number, as runtimes do: where it is odd, a half would otherwise be
    rounded the other way. No gradient passes where it is cut. What is no number becomes the smallest integer.
    """
    low, high = LIMITS[dtype]
    return (rounded(x) + zero).clamp(low, high).nan_to_num(nan=low)


def along(numbers: Tensor, rank: int, axis: int) -> Tensor:
    """One number, or one for each channel, shaped to broadcast along ``axis`` of a tensor of this rank."""
    if numbers.numel() == 1:
        return numbers.reshape(())
    shape = [1] * rank
    shape[axis] = numbers.numel()
    return numbers.reshape(shape)
