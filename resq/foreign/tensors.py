"""Where a tensor lies in a file and how its values are read; what a file holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HEADER = 4 * 2**20  # bytes; the largest network here needs 20 kB to describe its tensors
SIZES = {"bf16": 2, **{kind: int(kind[1]) for kind in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1")}}


@dataclass(frozen=True)
class Found:
    """A tensor in a file: the byte it starts at, the kind of its numbers, shape and strides in elements."""

    start: int
    kind: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, file: Path) -> np.ndarray:
        """Its values, contiguous; bfloat16 as float32."""
        width = SIZES[self.kind]
        with file.open("rb") as f:
            f.seek(self.start)
            raw = f.read(span(self.shape, self.strides) * width)
        flat = np.frombuffer(raw, "<u2" if self.kind == "bf16" else f"<{self.kind}")
        if self.kind == "bf16":  # the upper half of a float32
            flat, width = (flat.astype(np.uint32) << 16).view(np.float32), 4
        steps = [s * width for s in self.strides]
        return np.array(np.lib.stride_tricks.as_strided(flat, self.shape, steps), order="C")


@dataclass(frozen=True)
class Listing:
    """What a file holds.

    Attributes:
        tensors: each with a ``kind`` of numbers, a ``shape`` and ``read(file)``.
        ordered: whether the tensors come in the order in which their network lists them.
        nest: the keys below which they lay, such as ("state_dict",).
        about: what a safetensors header says beside its tensors.
    """

    tensors: Mapping[str, Any]
    format: str
    ordered: bool
    nest: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


def span(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Elements from a tensor's first to its last."""
    return 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of a contiguous tensor.

    >>> contiguous((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def said(shape: tuple[int, ...]) -> str:
    """A shape as people write it, 3x3 or scalar."""
    return "x".join(map(str, shape)) or "scalar"
