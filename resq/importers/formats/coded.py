"""Weights kept as integer codes beside their scale and zero point: read as the floats that they stand for.

torchao's flattened state dicts in safetensors name the parts ``linear._weight_qdata``, ``_scale`` and
``_zero_point``, older ones ``linear.weight:qdata`` or ``linear.weight.int_data``. A weight is
(code - zero point) x scale, one scale per tensor, per output channel or per block of a channel.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from resq.core import QuantizedTensor
from resq.importers.formats.pickles import RefusedError
from resq.importers.formats.tensors import Found, Listing, describe
from resq.memory.own import own

DATA = re.compile(r"(.+?)([.:_]_?)(qdata|int_data)")
WHOLE = ("i1", "u1", "i2", "i4", "i8")
# Packed tensors keep several codes in a byte; of these only the unpacked ones read as they stand.
UNPACKED = ("IntxUnpackedToInt8Tensor", "Int8Tensor", "AffineQuantizedTensor")


@dataclass(frozen=True)
class Coded:
    """A weight as integer codes, read like a tensor of float32."""

    data: Found
    scale: Found
    zero: Found | None
    kind: str = "f4"
    bits: int = 0  # of a code; 0: as many as the file stores it in

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the codes."""
        return self.data.shape

    @property
    def width(self) -> int:
        """Bits of a code."""
        return self.bits or int(self.data.kind[1]) * 8

    def read(self, file: Path) -> np.ndarray:
        """The floats that the codes stand for."""
        return dequantized(*self._parts(file))

    def own(self, file: Path) -> QuantizedTensor | None:
        """The codes as stored words; None where they have more than 8 bits or lie beyond those said."""
        codes, scale, zero = self._parts(file)
        try:
            return own(codes, scale, np.asarray(zero), self.width)
        except ValueError:
            return None

    def _parts(self, file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | float]:
        zero = 0.0 if self.zero is None else _spread(self.zero.read(file), self.shape)
        return self.data.read(file), _spread(self.scale.read(file), self.shape), zero


def dequantized(codes: np.ndarray, scale: np.ndarray, zero: np.ndarray | float) -> np.ndarray:
    """(codes - zero) x scale, float32; scale and zero broadcast against the codes.

    >>> dequantized(np.array([130, 126], np.uint8), np.float32(0.5), 128.0)
    array([ 1., -1.], dtype=float32)
    """
    return ((codes.astype(np.float32) - np.asarray(zero, np.float32)) * scale).astype(np.float32)


def decoded(listed: Listing) -> Listing:
    """The listing with every trio of codes, scale and zero point as one tensor of floats.

    Raises:
        RefusedError: codes without a scale, packed codes, or a scale whose shape does not fit the codes.
    """
    tensors, used = {}, set()
    for name in listed.tensors:
        match = DATA.fullmatch(name)
        if match and listed.tensors[name].kind in WHOLE:
            weight, parts = _trio(listed.tensors, listed.about, *match.groups())
            tensors[weight] = parts
            stem = name.removesuffix(match[3])
            used |= {name, f"{stem}scale", f"{stem}zero_point"}
    rest = {name: tensor for name, tensor in listed.tensors.items() if name not in used}
    if not tensors:
        return listed
    return replace(listed, tensors={**rest, **tensors}, format=f"{listed.format} (integer codes)")


def _trio(
    tensors: Mapping[str, Found], about: Mapping[str, str], base: str, sep: str, part: str
) -> tuple[str, Coded]:
    weight = re.sub(r"(^|\.)_(\w+)$", r"\1\2", base)
    data, scale = tensors[f"{base}{sep}{part}"], tensors.get(f"{base}{sep}scale")
    zero, kind = tensors.get(f"{base}{sep}zero_point"), _type(about.get(weight, ""))
    if kind and kind not in UNPACKED:
        raise RefusedError(
            f"stores {weight[:80]!r} as {kind[:40]}, several codes in a byte; expected {', '.join(UNPACKED)}"
        )
    if scale is None:
        raise RefusedError(f"holds the codes of {weight[:80]!r} without their scale, {base[:80]}{sep}scale")
    for name, parameter in (("scale", scale), ("zero point", zero)):
        wrong = "" if parameter is None else unfit(parameter.shape, data.shape, even=bool(kind))
        if wrong:
            raise RefusedError(
                f"gives {weight[:80]!r}, codes of shape {describe(data.shape)}, a {name} {wrong}"
            )
    return weight, Coded(data, scale, zero, bits=_bits(about.get(weight, "")))


def _bits(header: str) -> int:
    """The bits of a code that a torchao header names, as in torch.int4, or 0."""
    match = re.search(r'"target_dtype":[^}]*"(?:torch\.)?u?int([1-8])"', header)
    return int(match[1]) if match else 0


def _type(header: str) -> str:
    """The class that a torchao header names for a tensor, or an empty string."""
    try:
        fields = json.loads(header)
    except (ValueError, RecursionError):
        return ""
    return str(fields.get("_type", "")) if isinstance(fields, dict) else ""


def unfit(shape: tuple[int, ...], codes: tuple[int, ...], even: bool = False) -> str:
    """What is wrong with a scale or zero point of this shape, for codes of that one; empty: nothing.

    Blocks need not divide an axis: compressed-tensors puts 192 rows in blocks of 128 into 128 and 64, as many
    blocks as two of 96. Refused is what is read in two ways: evenly, or in blocks of a power of two.

    Args:
        even: whether the tool that wrote them, as torchao, only makes blocks that divide the axis.

    >>> unfit((2, 6), (256, 768)), unfit((10, 3), (10, 96)), unfit((2, 6), (192, 768), even=True)
    ('', '', '')
    >>> unfit((2, 6), (192, 768))[:64]
    'of shape 2x6, which blocks of 96 and blocks of 128 with a rest o'
    """
    if math.prod(shape) == 1 or (len(shape) == 1 and codes and shape[0] == codes[0]):
        return ""
    if len(shape) != len(codes) or not all(m and n % m == 0 for n, m in zip(codes, shape, strict=True)):
        return f"of shape {describe(shape)}; expected one per tensor, per channel or per block"
    for axis, (n, m) in enumerate(zip(codes, shape, strict=True)):
        power = 1 << (n // m).bit_length()
        if m > 1 and not even and -(-n // power) == m:
            return (
                f"of shape {describe(shape)}, which blocks of {n // m} and blocks of {power} with a rest of "
                f"{n % power} both give along axis {axis}, and the file does not say which: save the "
                "dequantized weights"
            )
    return ""


def _spread(values: np.ndarray, codes: tuple[int, ...]) -> np.ndarray:
    """A scale or zero point so that it broadcasts against the codes."""
    if values.size == 1:
        return values.reshape(())
    if values.ndim == 1:
        return values.reshape(-1, *[1] * (len(codes) - 1))
    for axis, (n, m) in enumerate(zip(codes, values.shape, strict=True)):
        if m > 1:
            values = np.repeat(values, n // m, axis=axis)
    return values
