"""Codes that weights came as from elsewhere: kept as they are; which encoding has the very same words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from resq.core import Encoding, QuantizedTensor
from resq.core.errors import ResqError
from resq.memory import quant

OPTIONS = ("", "-tensor", "-symmetric", "-symmetric-tensor")


def own(codes: np.ndarray, scale: np.ndarray, zero: np.ndarray, bits: int) -> QuantizedTensor:
    """Integer codes (out, ...) as stored words: signed ones in two's complement, -2 ** (bits - 1) among them.

    Args:
        scale, zero: broadcast against the codes. Kept are one, one per output channel, or one per run of
            weights that share them, as many as tell them apart.

    Raises:
        ValueError: codes beyond ``bits``, or more than 8 of them.

    >>> own(np.array([[-8, 7]], np.int8), np.float32(0.5), np.float32(0), 4).words.tolist()
    [[8, 7]]
    """
    if not 2 <= bits <= 8:
        raise ResqError(f"codes of {bits} bits; stored words have 2 to 8")
    signed = codes.dtype.kind == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if codes.size and not low <= int(codes.min()) <= int(codes.max()) <= high:
        raise ResqError(f"codes span {codes.min()}..{codes.max()}; {bits} bits hold {low}..{high}")
    # Row by row in memory, as all stored words: codes read out of a transposed weight lie by columns.
    words = np.ascontiguousarray((codes.astype(np.int64) & (2**bits - 1)).astype(np.uint8))
    spread = [np.broadcast_to(np.asarray(v, np.float32), codes.shape).reshape(-1) for v in (scale, zero)]
    run = _run(spread, codes.size // max(1, len(codes)))
    encoding = Encoding(
        bits, "symmetric" if signed else "affine", "tensor" if run == codes.size else "channel"
    )
    return QuantizedTensor(words, spread[0][::run].copy(), spread[1][::run].copy(), encoding)


def _run(spread: list[np.ndarray], row: int) -> int:
    """The most neighbours that always share scale and zero point: all, a channel, or a part of one."""
    changes = np.flatnonzero(np.logical_or.reduce([v[1:] != v[:-1] for v in spread])) + 1
    if not len(changes):
        return len(spread[0])
    return math.gcd(row, int(np.gcd.reduce(changes)))


def bits_of(owned: Mapping[str, QuantizedTensor]) -> int:
    """The bits of all codes, or 0 where they differ or there are none.

    >>> bits_of({})
    0
    """
    widths = {q.encoding.bits for q in owned.values()}
    return widths.pop() if len(widths) == 1 else 0


def differing(owned: Mapping[str, QuantizedTensor]) -> dict[str, int]:
    """How many words each encoding of as many bits makes differ from the file's, by the encoding's name."""
    names = [f"int{bits_of(owned)}{option}" for option in OPTIONS] if bits_of(owned) else []
    floats = {name: quant.dequantize(q) for name, q in owned.items()}
    return {
        name: sum(
            int(np.count_nonzero(quant.quantize(floats[k], Encoding.parse(name)).words != q.words))
            for k, q in owned.items()
        )
        for name in names
    }


def stands(q: QuantizedTensor, weight: np.ndarray) -> bool:
    """Whether the words still stand for this weight: training moves weights and not the words beside them.

    ``weight`` is float32 in the shape of the words.
    """
    return np.array_equal(quant.dequantize(q), weight)


def as_stored(there: QuantizedTensor, encoding: Encoding) -> QuantizedTensor:
    """Words that a file holds, as an encoding of the same codes stores them.

    Where norms are folded, zero points are codes too: a channel whose zero point is none, as its weights all
    have one sign, is quantized anew over a range that holds zero. All others keep their words.
    """
    words, scale, zero = there.words, there.scale, there.zero
    outside = (zero < 0) | (zero > 2**there.encoding.bits - 1)
    if encoding.beside == "folded" and outside.any():
        wide = quant.quantize(quant.dequantize(there), replace(there.encoding, beside="folded"))
        rows = outside.reshape(-1, *[1] * (words.ndim - 1))
        words = np.where(rows, wide.words, words)
        scale, zero = np.where(outside, wide.scale, scale), np.where(outside, wide.zero, zero)
    return QuantizedTensor(quant.fitted(quant.protected(words, encoding), encoding), scale, zero, encoding)


def imported(
    weight: np.ndarray, there: QuantizedTensor | None, encoding: Encoding, bits: int
) -> QuantizedTensor:
    """A weight in the words that it was imported in; one that came in floats, in symmetric ones of as many.

    Args:
        there: its words, if it came in some.
        bits: of the network's codes, 0 if it has none or several widths.

    Raises:
        ValueError: the network was not imported as codes of as many bits, or has been trained since.
    """
    if bits != encoding.bits:
        raise ResqError(
            f"{encoding} is for networks imported as integer codes of {encoding.bits} bits; "
            + (f"this one's have {bits}" if bits else "this one was not, or has codes of several widths")
        )
    if there is None:
        return quant.quantize(weight, Encoding(bits, "symmetric"))
    if not stands(there, weight):
        raise ResqError(f"{encoding} words are those of the file, but the weights have changed since")
    return there
