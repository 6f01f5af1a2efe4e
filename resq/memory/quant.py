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

from resq.core import FLOATS, Encoding, QuantizedModel, QuantizedTensor
from resq.core.encoding import IMPORTED
from resq.core.errors import ResqError
from resq.memory.guards import READERS


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
        words = fitted(_float_words(weight, encoding.code), encoding)
        return QuantizedTensor(words, one, none, encoding)
    rows = weight.reshape(len(weight) if encoding.per == "channel" else 1, -1)
    scale, zero = _range(rows, encoding)
    codes = np.rint(rows / scale[:, None]) + zero[:, None]
    words = fitted(protected(coded(codes, encoding), encoding).reshape(-1), encoding)
    return QuantizedTensor(words.reshape(weight.shape), scale, zero, encoding)


def _range(rows: np.ndarray, encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of each row."""
    low, high = rows.min(axis=1), rows.max(axis=1)
    # Zero lies in the range of folded words, whose zero points are codes too, and of a row of equal weights,
    # which has no range of its own.
    whole = np.full(len(low), encoding.beside == "folded") | (low == high)
    low, high = np.where(whole, np.minimum(low, 0), low), np.where(whole, np.maximum(high, 0), high)
    if encoding.code != "affine":
        high = np.maximum(high, -low)
        low = -high
    if encoding.clip == "mse":
        shrink = _least_squares(rows, low, high, encoding)
        low, high = low * shrink, high * shrink
    return _scale(low, high, encoding)


def _scale(low: np.ndarray, high: np.ndarray, encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point that spread the codes over low..high; a row of zeros has scale 1."""
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
        words = coded(np.rint(rows / scale[:, None]) + zero[:, None], encoding)
        plain = replace(encoding, tmr=0)
        error = np.square(values(words, scale[:, None], zero[:, None], plain) - rows).mean(axis=1)
        better = (error < least) & ((shrink == 1) | ((high - low) * shrink >= floor))
        best, least = np.where(better, shrink, best), np.where(better, error, least)
    return best


def coded(codes: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Codes, clipped to the encoding's range, as unprotected words: whole floats (n,) -> unsigned (n,)."""
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


def fitted(words: np.ndarray, encoding: Encoding) -> np.ndarray:
    """The nearest words that the encoding's guard can keep, in their shape; the words where it has none."""
    if not encoding.guard:
        return words
    return READERS[encoding.guard].fit(words.reshape(-1), encoding).reshape(words.shape)


def zeros(q: QuantizedTensor) -> np.ndarray:
    """The word that stands for weight 0, or for the weight nearest to it: of each word (n,), or (1,)."""
    if q.encoding.code != "affine":
        return np.zeros(1, q.words.dtype)
    code = np.clip(np.rint(q.zero), 0, 2**q.encoding.bits - 1).astype(q.words.dtype)
    return np.repeat(protected(code, q.encoding), q.words.size // len(code))


@cache
def codes(encoding: Encoding) -> np.ndarray:
    """The code that each possible stored word is read as, float32 (2 ** word_bits,); copies are voted on."""
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
    check_apart(encoding, len(weights))
    put = word or (lambda name, how: quantize(state[name], how))
    quantized = {name: put(name, encoding.of(i)) for i, name in enumerate(weights)}
    return QuantizedModel(quantized, {name: v for name, v in state.items() if name not in quantized})


def check_apart(encoding: Encoding, layers: int) -> None:
    """Refuses an encoding that stores layers apart beyond the ``layers`` that there are.

    Raises:
        ResqError: what it stores apart, and the numbers of the layers.
    """
    if encoding.other is not None and encoding.apart[-1] >= layers:
        last = encoding.apart[-1]
        raise ResqError(f"{encoding} stores layer {last} apart; the network has 0..{layers - 1}")


def _float_words(weight: np.ndarray, code: str) -> np.ndarray:
    if code == "fp32":
        return weight.view(np.uint32).copy()
    if code == "fp16":
        return weight.astype(np.float16).view(np.uint16)
    return bfloat16(weight)


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The bits of float32 numbers as bfloat16, uint16: the upper half, rounded to nearest, ties to even.

    NaN stays NaN with its sign, whatever its other bits: rounded like a number it could become -0.

    >>> [hex(word) for word in bfloat16(np.array([1.0, -2.0, np.inf, np.nan], np.float32))]
    ['0x3f80', '0xc000', '0x7f80', '0x7fc0']
    """
    raw = values.view(np.uint32)
    odd = raw >> 16 & 1
    # A finite number cannot overflow 32 bits here, and infinity is even.
    rounded = (raw + (odd + np.uint32(0x7FFF))) >> 16
    quiet = raw >> 16 | 0x40  # the upper half of a NaN may be that of infinity
    return np.where(np.isnan(values), quiet, rounded).astype(np.uint16)


def _from_float_words(words: np.ndarray, code: str) -> np.ndarray:
    words = np.ascontiguousarray(words)
    if code == "fp32":
        return words.view(np.float32)
    if code == "fp16":
        return words.view(np.float16).astype(np.float32)
    return (words.astype(np.uint32) << 16).view(np.float32)
