"""Weights kept as integer codes in a checkpoint's file: a half or a quarter of float16's bytes.

A weight of shape (out, ...) lies there as uint8 codes, affine per output channel, with ``NAME|scale`` and
``NAME|zero`` beside it, float32 (out,). Read again it is float32, whatever encoding it is then put into.
Codes of 4 bits lie two in a byte, each channel from a byte of its own on, (out, bytes), the earlier code in
the lower half; ``NAME|shape`` then says the weight's shape, int64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from resq.core import Encoding, QuantizedTensor
from resq.memory import quant

BYTE, HALF = Encoding(), Encoding(4)
SCALE, ZERO, SHAPE = "|scale", "|zero", "|shape"
LARGE = 2**20  # weights; a finished network of so many is kept as codes


def width(state: Mapping[str, np.ndarray], weights: tuple[str, ...], encoding: Encoding = BYTE) -> int:
    """Bits of the codes that a finished network is kept as: 8, or 0 for a small one, which is kept in floats.

    4 where ``encoding``, the one it is meant for, has the very codes of 4 bits: nothing is lost. Files stay
    below 16 MiB up to VGG16.
    """
    if sum(state[name].size for name in weights) < LARGE:
        return 0
    return 4 if replace(encoding.bare, tmr=0, copies=1) == HALF else 8


def packed(name: str, weight: np.ndarray, bits: int = 8) -> dict[str, np.ndarray]:
    """The tensors that stand for one weight in the file.

    >>> [(k, v.dtype.name) for k, v in packed("a", np.array([[0.0, 1.0]])).items()]
    [('a', 'uint8'), ('a|scale', 'float32'), ('a|zero', 'float32')]
    >>> packed("a", np.array([[0.0, 15.0, 3.0]]), 4)["a"].tolist()
    [[240, 3]]
    """
    q = quant.quantize(weight, HALF if bits == 4 else BYTE)
    scales = {name + SCALE: q.scale, name + ZERO: q.zero}
    if bits != 4:
        return {name: q.words, **scales}
    rows = q.words.reshape(len(q.words), -1)
    even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    shape = np.array(weight.shape, np.int64)
    return {name: even[:, ::2] | even[:, 1::2] << 4, **scales, name + SHAPE: shape}


def unpacked(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a file with every coded weight as float32; the others are passed on.

    Raises:
        ValueError: codes, scale and zero point do not belong together; the sentence names the weight.
    """
    coded = {key.removesuffix(SCALE) for key in tensors if key.endswith(SCALE)}
    beside = {name + end for name in coded for end in (SCALE, ZERO, SHAPE)}
    lost = sorted(coded - set(tensors))
    if lost:
        raise ValueError(f"there are scales of {lost[0][:80]!r} but no codes")
    return {k: _weight(k, tensors) if k in coded else v for k, v in tensors.items() if k not in beside}


def _weight(name: str, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    words, scale, zero = tensors[name], tensors[name + SCALE], tensors.get(name + ZERO)
    if words.dtype != np.uint8 or not words.ndim:
        raise ValueError(f"{name[:80]!r} is {words.dtype} {words.shape}; expected uint8 codes (out, ...)")
    if zero is None:
        raise ValueError(f"the codes of {name[:80]!r} have no zero point beside them")
    for key, value in (("scale", scale), ("zero point", zero)):
        if value.dtype != np.float32 or value.shape != words.shape[:1] or not np.isfinite(value).all():
            raise ValueError(
                f"the {key} of {name[:80]!r} is {value.dtype} {value.shape}; "
                f"expected finite float32 {words.shape[:1]}"
            )
    shape = tensors.get(name + SHAPE)
    if shape is None:
        return quant.dequantize(QuantizedTensor(words, scale, zero, BYTE))
    return quant.dequantize(QuantizedTensor(_halves(name, words, shape), scale, zero, HALF))


def _halves(name: str, words: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Codes of 4 bits out of bytes, in the weight's shape."""
    sizes = [int(size) for size in shape.reshape(-1)] if shape.dtype == np.int64 else []
    inner = math.prod(sizes[1:])
    if len(sizes) < 2 or min(sizes) < 1 or words.shape != (sizes[0], -(-inner // 2)):
        raise ValueError(
            f"{name[:80]!r} is {words.shape} bytes of two codes each, its shape is said to be {sizes}; "
            "expected (out, half of the rest)"
        )
    both = np.stack([words & 15, words >> 4], axis=2).reshape(sizes[0], -1)
    return np.ascontiguousarray(both[:, :inner]).reshape(sizes)
