"""Floats to stored words and back: integer codes, floating-point words, and majority-read copies.

Layout of a protected word of k bits with its top t bits tripled: bits 0..k-1 are the code, then two copies
of the top bit, then two copies of the bit below it. Source: the affine code and the copies of the most
significant bit are those of FORTUNE (ATS 2024); with 4 bits and t = 2 a word is exactly one byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from resq.core import FLOATS, BitFlips, Encoding, QuantizedModel, QuantizedTensor
from resq.core.encoding import IMPORTED
from resq.core.errors import ResqError
from resq.memory import bits


def word_type(encoding: Encoding) -> np.dtype:
    """The smallest unsigned integer that holds a stored word."""
    return np.dtype("u1" if encoding.word_bits <= 8 else "u2" if encoding.word_bits <= 16 else "u4")


def quantize(weight: np.ndarray, encoding: Encoding) -> QuantizedTensor:
    """A float weight (out, ...) as stored words.

    Raises:
        ValueError: the weight holds NaN or infinity.
    """
    weight = np.ascontiguousarray(weight, dtype=np.float32)
    if not np.isfinite(weight).all():
        raise ResqError(f"a weight of shape {weight.shape} holds NaN or infinity; expected finite numbers")
    if weight.ndim < 1 or not weight.size:
        raise ResqError(f"a weight of shape {weight.shape} has no numbers to store; expected (out, ...)")
    if encoding.code == IMPORTED:
        raise ResqError(f"{encoding} words come from a file, not out of floats; expected such as int8")
    if encoding.code in FLOATS:
        one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
        return QuantizedTensor(_float_words(weight, encoding.code), one, none, encoding)
    rows = weight.reshape(len(weight) if encoding.per == "channel" else 1, -1)
    scale, zero = _range(rows, encoding)
    codes = np.rint(rows / scale[:, None]) + zero[:, None]
    words = protected(_words(codes, encoding), encoding)
    return QuantizedTensor(words.reshape(weight.shape), scale, zero, encoding)


def _range(rows: np.ndarray, encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of each row."""
    low, high = rows.min(axis=1), rows.max(axis=1)
    if encoding.beside == "folded":  # its zero points are codes too, so zero lies in the range
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    if encoding.code != "affine":
        high = np.maximum(high, -low)
        low = -high
    if encoding.clip == "mse":
        shrink = _least_squares(rows, low, high, encoding)
        low, high = low * shrink, high * shrink
    return _scale(low, high, encoding)


def _scale(low: np.ndarray, high: np.ndarray, encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point that spread the codes over low..high; a row of equal weights has scale 1."""
    if encoding.code == "affine":
        scale = (high - low) / np.float32(2**encoding.bits - 1)
        scale = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
        return scale, np.rint(-low / scale).astype(np.float32)
    scale = high / np.float32(2 ** (encoding.bits - 1) - 1)
    scale = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
    return scale, np.zeros_like(scale)


def _least_squares(rows: np.ndarray, low: np.ndarray, high: np.ndarray, encoding: Encoding) -> np.ndarray:
    """For each row the share of its range, 1.00, 0.95, ..., 0.30, that quantizes it with the least error.

    Ranges under 5 standard deviations are not tried: they would win on squared error alone and cut off the
    few large weights that a network leans on.
    """
    best, least = np.ones_like(low), np.full_like(low, np.inf)
    floor = 5 * rows.std(axis=1)
    for shrink in np.arange(1.0, 0.29, -0.05, dtype=np.float32):
        scale, zero = _scale(low * shrink, high * shrink, encoding)
        words = _words(np.rint(rows / scale[:, None]) + zero[:, None], encoding)
        plain = replace(encoding, tmr=0)
        error = np.square(values(words, scale[:, None], zero[:, None], plain) - rows).mean(axis=1)
        better = (error < least) & ((shrink == 1) | ((high - low) * shrink >= floor))
        best, least = np.where(better, shrink, best), np.where(better, error, least)
    return best


def _words(codes: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Integer codes, clipped to the encoding's range, as unprotected words."""
    k, dtype = encoding.bits, word_type(encoding)
    if encoding.code == "affine":
        return np.clip(codes, 0, 2**k - 1).astype(dtype)
    top = 2 ** (k - 1) - 1
    codes = np.clip(codes, -top, top).astype(np.int32)
    if encoding.code == "symmetric":
        return (codes & (2**k - 1)).astype(dtype)
    return (np.abs(codes) | ((codes < 0) << (k - 1))).astype(dtype)


def protected(words: np.ndarray, encoding: Encoding) -> np.ndarray:
    """The words with two copies of each of their top ``tmr`` bits above them."""
    for i in range(encoding.tmr):
        bit = words >> (encoding.bits - 1 - i) & 1
        words = words | bit * 0b11 << (encoding.bits + 2 * i)
    return words


@cache
def codes(encoding: Encoding) -> np.ndarray:
    """The code that each possible stored word is read as, float32 (2 ** stored,); copies are voted on."""
    words = np.arange(2**encoding.word_bits, dtype=np.int64)
    read = words & (2**encoding.bits - 1)
    for i in range(encoding.tmr):
        top, copies = encoding.bits - 1 - i, encoding.bits + 2 * i
        votes = (words >> top & 1) + (words >> copies & 1) + (words >> (copies + 1) & 1)
        read = read & ~(1 << top) | (votes >= 2).astype(np.int64) << top
    sign = 1 << (encoding.bits - 1)
    if encoding.code == "symmetric":
        read = (read ^ sign) - sign
    elif encoding.code == "magnitude":
        read = np.where(read & sign, -(read ^ sign), read)
    table = read.astype(np.float32)
    table.setflags(write=False)  # shared by everyone who decodes
    return table


def values(words: np.ndarray, scale: np.ndarray, zero: np.ndarray, encoding: Encoding) -> np.ndarray:
    """What words are read as, float32; ``scale`` and ``zero`` broadcast against them."""
    if encoding.code in FLOATS:
        return _from_float_words(words, encoding.code)
    return (codes(encoding).take(words) - zero) * scale


def dequantize(q: QuantizedTensor) -> np.ndarray:
    """The float32 weight that the stored words are read as."""
    rows = q.words.reshape(len(q.scale), -1)
    return values(rows, q.scale[:, None], q.zero[:, None], q.encoding).reshape(q.words.shape)


def channel(q: QuantizedTensor, index: np.ndarray) -> np.ndarray:
    """Which entry of scale and zero belongs to each flat word index.

    int64 (n,) -> int64 (n,).
    """
    return index // (q.words.size // len(q.scale))


def quantize_model(
    state: Mapping[str, np.ndarray],
    weights: tuple[str, ...],
    encoding: Encoding,
    word: Callable[[str, Encoding], QuantizedTensor] | None = None,
) -> QuantizedModel:
    """A state dict with its ``weights`` quantized and all else kept in floats.

    Args:
        word: (name, encoding) -> stored words, where a weight has words already; default: ``quantize``.

    Raises:
        ValueError: the encoding stores layers apart that the network does not have.
    """
    if encoding.other is not None and encoding.apart[-1] >= len(weights):
        last = encoding.apart[-1]
        raise ResqError(f"{encoding} stores layer {last} apart; the network has 0..{len(weights) - 1}")
    put = word or (lambda name, how: quantize(state[name], how))
    stored = {name: put(name, encoding.of(i)) for i, name in enumerate(weights)}
    return QuantizedModel(stored, {name: v for name, v in state.items() if name not in stored})


def flip(model: QuantizedModel, flips: BitFlips) -> QuantizedModel:
    """A model with these bits flipped; untouched layers are shared, the given model is not changed.

    Raises:
        ValueError: an address outside the model's bits.
    """
    touched = {
        name: replace(model.weights[name], words=_xor(model.weights[name].words, index, mask))
        for name, index, mask in by_layer(model, flips)
    }
    return QuantizedModel({**model.weights, **touched}, model.floats)


def checked(model: QuantizedModel, flips: BitFlips) -> np.ndarray:
    """The addresses of the flips, if all of them lie in the model.

    Raises:
        ValueError: an address outside the model's bits.
    """
    at, bits_there = flips.addresses, model.n_bits
    if len(at) and (at[0] < 0 or at[-1] >= bits_there):
        raise ResqError(f"flip addresses span {at[0]}..{at[-1]}, the model has bits 0..{bits_there - 1}")
    return at


def misread(model: QuantizedModel, flips: BitFlips) -> np.ndarray:
    """The bits that are read wrong under the flips, sorted addresses of ``model.read``.

    Of a bit that is stored several times more than half of the copies must be flipped.

    Raises:
        ValueError: an address outside the model's bits.
    """
    at = checked(model, flips)
    if model.layout is model.read:
        return at
    cuts, parts = np.searchsorted(at, model.layout.starts), []
    for i, q in enumerate(model.weights.values()):
        local = at[cuts[i] : cuts[i + 1]] - model.layout.starts[i]
        if q.encoding.copies > 1:
            places, votes = np.unique(local % (q.words.size * q.encoding.word_bits), return_counts=True)
            local = places[votes > q.encoding.copies // 2]
        parts.append(model.read.starts[i] + local)
    return np.concatenate(parts)


def by_layer(model: QuantizedModel, flips: BitFlips) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What the flips change of the words as they are read: (layer, distinct flat word indices, xor masks).

    Layers in which nothing is read wrong are left out.

    Raises:
        ValueError: an address outside the model's bits.
    """
    layout, at = model.read, misread(model, flips)
    cuts = np.searchsorted(at, layout.starts)
    found = []
    for i, (name, q) in enumerate(model.weights.items()):
        if cuts[i] < cuts[i + 1]:
            local = at[cuts[i] : cuts[i + 1]] - layout.starts[i]
            found.append((name, *bits.masks(local, layout.word_bits, q.words.dtype)))
    return found


def _xor(words: np.ndarray, index: np.ndarray, mask: np.ndarray) -> np.ndarray:
    changed = words.copy()
    changed.reshape(-1)[index] ^= mask
    return changed


def _float_words(weight: np.ndarray, code: str) -> np.ndarray:
    if code == "fp32":
        return weight.view(np.uint32).copy()
    if code == "fp16":
        return weight.astype(np.float16).view(np.uint16)
    return bfloat16(weight)


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The bits of float32 numbers as bfloat16, uint16: the upper half, rounded to nearest, ties to even.

    >>> [hex(word) for word in bfloat16(np.array([1.0, -2.0], np.float32))]
    ['0x3f80', '0xc000']
    """
    raw = values.view(np.uint32)
    odd = raw >> 16 & 1
    # A finite number cannot overflow 32 bits here, and infinity is even.
    return ((raw + (odd + np.uint32(0x7FFF))) >> 16).astype(np.uint16)


def _from_float_words(words: np.ndarray, code: str) -> np.ndarray:
    words = np.ascontiguousarray(words)
    if code == "fp32":
        return words.view(np.float32)
    if code == "fp16":
        return words.view(np.float16).astype(np.float32)
    return (words.astype(np.uint32) << 16).view(np.float32)
