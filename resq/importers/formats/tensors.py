"""Where a tensor lies in a file and how its values are read; what a file holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resq.core.errors import ResqError
from resq.importers.formats import floats

HEADER = 4 * 2**20  # bytes; the largest network here needs 20 kB to describe its tensors
SIZES = {
    "bf16": 2,
    **{kind: int(kind[1]) for kind in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1")},
    **floats.SIZES,
}


class RefusedError(ResqError):
    """A sentence about a file, complete but for the file's name."""


@dataclass(frozen=True)
class Storage:
    """A run of numbers elsewhere in the file: their kind, under which key, how many, from which one on."""

    kind: str
    key: str
    size: int
    offset: int = 0


@dataclass(frozen=True)
class View:
    """A tensor: where its elements lie in a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """A tensor in a file: the byte it starts at, the kind of its numbers, shape and strides in elements."""

    start: int
    kind: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, file: Path) -> np.ndarray:
        """Its values, contiguous; bfloat16 and floats of eight bits as float32."""
        width = SIZES[self.kind]
        with file.open("rb") as f:
            f.seek(self.start)
            raw = f.read(span(self.shape, self.strides) * width)
        small = self.kind in floats.SMALL
        flat = np.frombuffer(raw, "u1" if small else "<u2" if self.kind == "bf16" else f"<{self.kind}")
        if small:
            flat, width = floats.table(self.kind)[flat], 4
        if self.kind == "bf16":  # the upper half of a float32
            flat, width = (flat.astype(np.uint32) << 16).view(np.float32), 4
        steps = [s * width for s in self.strides]
        return np.array(np.lib.stride_tricks.as_strided(flat, self.shape, steps), order="C")


@dataclass(frozen=True, eq=False)
class Plain:
    """Numbers that a file spells out beside its tensors, such as a scale; read like a tensor."""

    values: np.ndarray

    @property
    def kind(self) -> str:
        """Of the numbers."""
        return f"{self.values.dtype.kind}{self.values.dtype.itemsize}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values."""
        return self.values.shape

    def read(self, file: Path) -> np.ndarray:
        """The values; the file is not needed.

        Shape and type are those that the file says.
        """
        return self.values


@dataclass(frozen=True)
class Listing:
    """What a file holds.

    Attributes:
        tensors: each with a ``kind`` of numbers, a ``shape`` and ``read(file)``.
        ordered: whether the tensors come in the order in which their network lists them.
        nest: the keys below which they lay, such as ("state_dict",).
        about: what a safetensors header says beside its tensors.
        beside: what else the file holds that could be taken for weights, in words.
        told: whether these are the state dict that was asked for by its key.
        states: the keys of all state dicts in the file.
        activations: scales and zero points of activations in codes, left out of ``tensors``.
    """

    tensors: Mapping[str, Any]
    format: str
    ordered: bool
    nest: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    by_key: bool = False
    states: tuple[str, ...] = ()
    activations: Mapping[str, Any] = field(default_factory=dict)


def view(storage: Any, offset: Any, shape: Any, strides: Any) -> View:
    """A tensor as a pickle describes it.

    Raises:
        RefusedError: sizes that are no whole numbers from 0 up.
    """
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, Storage) or not all(type(n) is int and 0 <= n < 2**48 for n in numbers):
        raise RefusedError("describes a tensor by something else than sizes from 0 up")
    if len(shape) != len(strides) or len(shape) > 8:
        raise RefusedError(f"describes a tensor of {len(shape)} sizes and {len(strides)} strides")
    return View(storage, offset, tuple(shape), tuple(strides))


def span(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Elements from a tensor's first to its last."""
    return 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of a contiguous tensor.

    >>> contiguous((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def describe(shape: tuple[int, ...]) -> str:
    """A shape as people write it, 3x3 or scalar."""
    return "x".join(map(str, shape)) or "scalar"
