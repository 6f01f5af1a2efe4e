"""What people write for numbers and names, as the plain values that specs hold; or refused in a sentence."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor

from resq.core.errors import ResqError


def whole(name: str, value: Any, least: int | None = None) -> int:
    """A whole number of whatever type, such as one of numpy's.

    Args:
        name: of the argument, for the sentence.
        least: the smallest that it may be; None: any.

    Raises:
        ResqError: no whole number, ``10.0`` and ``True`` among them, or one that is too small.

    >>> whole("n", np.int64(3))
    3
    """
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:  # operator.index of a float
        number = None
    if number is None:
        raise ResqError(f"{name} is a whole number, such as 10, got {value!r:.80}")
    if least is not None and number < least:
        raise ResqError(f"{name} must be at least {least}, got {number}")
    return number


def wholes(name: str, values: Any) -> tuple[int, ...]:
    """Whole numbers, one or several, as ``whole`` reads each.

    >>> wholes("planes", 7), wholes("planes", np.array([6, 7]))
    ((7,), (6, 7))
    """
    return tuple(whole(name, value) for value in _several(values))


def floats(name: str, values: Any) -> tuple[float, ...]:
    """Numbers, one or several; those of float32 are what they print as, not 0.10000000149.

    Raises:
        ResqError: something else, a text among them.

    >>> floats("ber", 1e-3), floats("ber", np.float32([0, 0.1]))
    ((0.001,), (0.0, 0.1))
    """
    return tuple(_number(name, value) for value in _several(values))


def number(name: str, value: Any) -> float:
    """A single number, as ``floats`` reads it.

    Raises:
        ResqError: none, or several.

    >>> number("top", np.float32(0.1))
    0.1
    """
    entries = floats(name, value)
    if len(entries) != 1:
        raise ResqError(f"{name} is one number, got {len(entries)}")
    return entries[0]


def names(name: str, values: Any) -> tuple[str, ...]:
    """Names, one or several.

    Raises:
        ResqError: something that is no text.

    >>> names("layers", "fc.weight"), names("layers", ["conv1.*", "fc.weight"])
    (('fc.weight',), ('conv1.*', 'fc.weight'))
    """
    entries = tuple(_several(values))
    odd = [value for value in entries if not isinstance(value, str)]
    if odd:
        raise ResqError(f"{name} is a name or several, got {odd[0]!r:.80}")
    return entries


def channels(name: str, values: Any) -> tuple[float, ...]:
    """A number for each of three channels, or none.

    Raises:
        ResqError: not three numbers.

    >>> channels("mean", np.array([0.5, 0.5, 0.5]))
    (0.5, 0.5, 0.5)
    """
    entries = floats(name, values)
    if len(entries) not in (0, 3):
        raise ResqError(f"{name} is three numbers, one for each channel, got {len(entries)}: {entries}")
    return entries


def _several(values: Any) -> Iterable[Any]:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or not getattr(values, "ndim", 1):
        return (values,)
    return values


def _number(name: str, value: Any) -> float:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()[()]
    if isinstance(value, str | bytes | bool | np.bool_):
        raise ResqError(f"{name} is a number or several, such as 1e-3 or [0, 1e-3], got {value!r:.80}")
    try:
        return float(str(value)) if isinstance(value, np.float16 | np.float32) else float(value)
    except (TypeError, ValueError):
        raise ResqError(
            f"{name} is a number or several, such as 1e-3 or [0, 1e-3], got {value!r:.80}"
        ) from None
