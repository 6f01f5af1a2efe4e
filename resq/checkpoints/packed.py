"""Weights kept as integer codes in a checkpoint's file: a half or a quarter of float16's bytes.

A weight of shape (out, ...) lies there as uint8 codes, affine per output channel, with ``NAME|scale`` and
``NAME|zero`` beside it, float32 (out,). Read again it is float32, whatever encoding it is then put into.
Codes of 4 bits lie two in a byte, each channel from a byte of its own on, (out, bytes), the earlier code in
the lower half; ``NAME|shape`` then says the weight's shape, int64.

Codes that a file from elsewhere brought lie one in a byte, in the weight's shape, with as many scales and
zero points as they had; ``NAME|code`` says their bits and whether they are signed, int64 (2,).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from resq.core import Encoding, QuantizedTensor
from resq.core.errors import ResqError
from resq.memory import quant

INT8, INT4 = Encoding(), Encoding(4)
SCALE, ZERO, SHAPE, CODE = "|scale", "|zero", "|shape", "|code"
LARGE = 2**20  # weights; a finished network of so many is kept as codes


def bits_per_weight(
    state: Mapping[str, np.ndarray], weights: tuple[str, ...], encoding: Encoding = INT8
) -> int:
    """Bits per weight in the checkpoint file: 8, or 0 for a small network, which is kept in floats.

    4 where ``encoding``, the one it is meant for, has the very codes of 4 bits: nothing is lost. Files stay
    below 16 MiB up to VGG16.
    """
    if sum(state[name].size for name in weights) < LARGE:
        return 0
    return 4 if replace(encoding.bare, tmr=0, copies=1) == INT4 else 8


def pack(name: str, weight: np.ndarray, bits: int = 8) -> dict[str, np.ndarray]:
    """The tensors that stand for one weight in the file.

    >>> [(k, v.dtype.name) for k, v in pack("a", np.array([[0.0, 1.0]])).items()]
    [('a', 'uint8'), ('a|scale', 'float32'), ('a|zero', 'float32')]
    >>> pack("a", np.array([[0.0, 15.0, 3.0]]), 4)["a"].tolist()
    [[240, 3]]
    """
    q = quant.quantize(weight, INT4 if bits == 4 else INT8)
    scales = {name + SCALE: q.scale, name + ZERO: q.zero}
    if bits != 4:
        return {name: q.words, **scales}
    rows = q.words.reshape(len(q.words), -1)
    even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    shape = np.array(weight.shape, np.int64)
    return {name: even[:, ::2] | even[:, 1::2] << 4, **scales, name + SHAPE: shape}


def pack_codes(name: str, q: QuantizedTensor) -> dict[str, np.ndarray]:
    """The tensors that stand in the file for a weight that came as codes; nothing is rounded.

    Codes uint8 in the shape of the weight, scale float32 and zero point of one entry or one a channel.
    """
    how = np.array([q.encoding.bits, q.encoding.code == "symmetric"], np.int64)
    return {name: q.words, name + SCALE: q.scale, name + ZERO: q.zero, name + CODE: how}


def imported(tensors: Mapping[str, np.ndarray]) -> dict[str, QuantizedTensor]:
    """The weights of a file that came as codes, with their words as they were.

    Codes uint8 in the shape of the weight, scale float32 and zero point of one entry or one a channel.

    Raises:
        ValueError: codes, scale and zero point do not belong together; the sentence names the weight.
    """
    names = [key.removesuffix(CODE) for key in tensors if key.endswith(CODE)]
    return {name: _imported(name, tensors) for name in names}


def finished(tensors: Mapping[str, np.ndarray]) -> dict[str, QuantizedTensor]:
    """The weights of a file that lie there as codes of 4 bits, the words that the network is meant for.

    Made of their floats anew, a channel as far above zero as below would get another zero point: its range is
    then one step narrower than that which was rounded, and half of a step is rounded to even.
    """
    names = [key.removesuffix(SHAPE) for key in tensors if key.endswith(SHAPE)]
    return {name: _unpack_bytes(name, tensors) for name in names}


def unpack(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a file with every coded weight as float32; the others are passed on.

    Raises:
        ValueError: codes, scale and zero point do not belong together; the sentence names the weight.
    """
    coded = {key.removesuffix(SCALE) for key in tensors if key.endswith(SCALE)}
    beside = {name + end for name in coded for end in (SCALE, ZERO, SHAPE, CODE)}
    lost = sorted(coded - set(tensors))
    if lost:
        raise ResqError(f"there are scales of {lost[0][:80]!r} but no codes")
    return {k: _weight(k, tensors) if k in coded else v for k, v in tensors.items() if k not in beside}


def _weight(name: str, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    return quant.dequantize(
        _imported(name, tensors) if name + CODE in tensors else _unpack_bytes(name, tensors)
    )


def _imported(name: str, tensors: Mapping[str, np.ndarray]) -> QuantizedTensor:
    """Codes from elsewhere, which may have a scale for every run of so many weights."""
    words, how = tensors.get(name), tensors[name + CODE]
    scale, zero = tensors.get(name + SCALE), tensors.get(name + ZERO)
    if words is None or scale is None or zero is None:
        raise ResqError(f"the codes of {name[:80]!r} lack their words, scale or zero point")
    header = how.reshape(-1).tolist() if how.dtype == np.int64 else []
    if len(header) != 2 or not 2 <= header[0] <= 8 or header[1] not in (0, 1):
        raise ResqError(
            f"the codes of {name[:80]!r} are said to be {header}; expected 2 to 8 bits, signed or not"
        )
    fits = words.dtype == np.uint8 and words.ndim > 1 and words.size and int(words.max()) < 2 ** header[0]
    even = scale.ndim == 1 and scale.size and words.size % scale.size == 0 and scale.shape == zero.shape
    floats = all(v.dtype == np.float32 and np.isfinite(v).all() for v in (scale, zero))
    if not (fits and even and floats):
        raise ResqError(
            f"{name[:80]!r} is {words.dtype} {words.shape} with {scale.dtype} {scale.shape}; expected codes "
            f"of {header[0]} bits and finite float32 scales for runs of equal length"
        )
    per = "tensor" if scale.size == 1 else "channel"
    return QuantizedTensor(
        words, scale, zero, Encoding(header[0], "symmetric" if header[1] else "affine", per)
    )


def _unpack_bytes(name: str, tensors: Mapping[str, np.ndarray]) -> QuantizedTensor:
    words, scale, zero = tensors[name], tensors[name + SCALE], tensors.get(name + ZERO)
    if words.dtype != np.uint8 or not words.ndim:
        raise ResqError(f"{name[:80]!r} is {words.dtype} {words.shape}; expected uint8 codes (out, ...)")
    if zero is None:
        raise ResqError(f"the codes of {name[:80]!r} have no zero point beside them")
    for key, value in (("scale", scale), ("zero point", zero)):
        if value.dtype != np.float32 or value.shape != words.shape[:1] or not np.isfinite(value).all():
            raise ResqError(
                f"the {key} of {name[:80]!r} is {value.dtype} {value.shape}; "
                f"expected finite float32 {words.shape[:1]}"
            )
    shape = tensors.get(name + SHAPE)
    if shape is None:
        return QuantizedTensor(words, scale, zero, INT8)
    return QuantizedTensor(_unpack_nibbles(name, words, shape), scale, zero, INT4)


def _unpack_nibbles(name: str, words: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Codes of 4 bits out of bytes, in the weight's shape."""
    sizes = [int(size) for size in shape.reshape(-1)] if shape.dtype == np.int64 else []
    inner = math.prod(sizes[1:])
    if len(sizes) < 2 or min(sizes) < 1 or words.shape != (sizes[0], -(-inner // 2)):
        raise ResqError(
            f"{name[:80]!r} is {words.shape} bytes of two codes each, its shape is said to be {sizes}; "
            "expected (out, half of the rest)"
        )
    both = np.stack([words & 15, words >> 4], axis=2).reshape(sizes[0], -1)
    return np.ascontiguousarray(both[:, :inner]).reshape(sizes)
