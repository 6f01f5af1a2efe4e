"""One number in several formats: the word that it is stored as, and what any word of the format stands for.

Source: IEEE 754 (fp16), the OCP 8-bit floating point specification (E4M3 without infinities, E5M2), bfloat16
as the upper half of single precision. The codes are the two's complement ones that this
lab stores as int8-symmetric and int4-symmetric, times a scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class NumberFormat:
    """How a word is read: sign, exponent and mantissa; or, without an exponent, a two's complement code.

    Attributes:
        finite: whether the largest exponent stands for numbers too, as in E4M3; only its last word is NaN.
    """

    exponent: int
    mantissa: int
    finite: bool = False

    @property
    def bits(self) -> int:
        """Bits of a word."""
        return 1 + self.exponent + self.mantissa

    def kind(self, bit: int) -> str:
        """What a bit is: "sign", "exponent", "mantissa" or "code"."""
        if bit == self.bits - 1:
            return "sign"
        if not self.exponent:
            return "code"
        return "exponent" if bit >= self.mantissa else "mantissa"


FORMATS = {
    "fp16": NumberFormat(5, 10),
    "bf16": NumberFormat(8, 7),
    "fp8 e4m3": NumberFormat(4, 3, finite=True),
    "fp8 e5m2": NumberFormat(5, 2),
    "int8-symmetric": NumberFormat(0, 7),
    "int4-symmetric": NumberFormat(0, 3),
}


@cache
def values(name: str) -> np.ndarray:
    """What every word of a format stands for, float64 (2**bits,); of codes, the code.

    >>> values("fp8 e4m3")[[0x38, 0x7E]].tolist(), values("int4-symmetric")[[7, 8, 15]].tolist()
    ([1.0, 448.0], [7.0, -8.0, -1.0])
    """
    form = FORMATS[name]
    words = np.arange(1 << form.bits)
    if not form.exponent:
        return np.where(words >> form.mantissa, words - (1 << form.bits), words).astype(float)
    sign = np.where(words >> (form.bits - 1), -1.0, 1.0)
    e, m = words >> form.mantissa & ((1 << form.exponent) - 1), words & ((1 << form.mantissa) - 1)
    bias, part = (1 << (form.exponent - 1)) - 1, m / (1 << form.mantissa)
    read = np.where(e == 0, np.ldexp(part, 1 - bias), np.ldexp(1 + part, e - bias))
    last = e == (1 << form.exponent) - 1
    if form.finite:
        read[last & (m == (1 << form.mantissa) - 1)] = np.nan
    else:
        read[last] = np.where(m[last] == 0, np.inf, np.nan)
    return sign * read


def scale(name: str, largest: float) -> float:
    """What a step of a code is worth where the largest magnitude is the largest code; 1 of floats.

    >>> round(scale("int8-symmetric", 12.7), 6)
    0.1
    """
    form = FORMATS[name]
    return 1.0 if form.exponent or not largest else largest / ((1 << form.mantissa) - 1)


def store(name: str, value: float, largest: float) -> int:
    """The word nearest to a number; of two as near the even one, and of two zeros that of the number's sign.

    Args:
        largest: the largest magnitude that the code's scale is made for; floats need none.

    >>> hex(store("fp16", 1.0, 0)), store("int8-symmetric", -12.7, 12.7)
    ('0x3c00', 129)
    """
    off = np.abs(values(name) - value / scale(name, largest))
    near, sign = np.flatnonzero(off == np.nanmin(off)).tolist(), 1 << (FORMATS[name].bits - 1)
    return int(min(near, key=lambda word: (bool(word & sign) != (value < 0), word % 2)))


def read(name: str, word: int, largest: float) -> float:
    """What a word stands for.

    >>> read("fp16", 0x3C00 ^ 1 << 14, 0)
    inf
    """
    return float(values(name)[word] * scale(name, largest))
