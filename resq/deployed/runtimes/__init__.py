"""Runtimes: bytes and images -> numbers. Add one: a class like ``Engine`` and a line in ENGINES.

They run in a process of their own (``resq.deployed.worker``): they read untrusted files in native code.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np

# Carrier -> module and the package that it needs.
ENGINES = {
    "tflite": ("resq.deployed.runtimes.litert", "ai-edge-litert==2.3.0"),
    "onnx": ("resq.deployed.runtimes.onnxruntime", "onnxruntime==1.32.0"),
}


class Engine(Protocol):
    """A file's bytes, opened by its runtime.

    Attributes:
        name: the runtime and its version.
        ways: how flips can be brought to it, the plainest first; that one is always true to the file.
        quantizers: (scale, zero) of input and output as the file with its flips has them; scale 0: none.
        dtype: of the numbers that the input takes; ``codes``: its integer type, where it takes integers.
    """

    name: str
    ways: tuple[str, ...]

    def use(self, way: str) -> None:
        """Brings flips in this way from now on."""
        ...

    def flip(self, at: np.ndarray, mask: np.ndarray) -> None:
        """Flips bits of these bytes, sorted and distinct; nothing is flipped before."""
        ...

    def undo(self) -> None:
        """Flips the same bits back."""
        ...

    def input(self) -> tuple[str, float, int]:
        """dtype, scale and zero point of the input, as the file has them now; scale 0: not quantized."""
        ...

    def run(self, values: np.ndarray, batch: int) -> np.ndarray:
        """Numbers for each class, float32 (N, classes), of inputs (N, ...) in the input's dtype.

        Raises:
            Exception: whatever the runtime raises where it refuses the file or fails.
        """
        ...

    def outputs(self, values: np.ndarray, batch: int) -> list[np.ndarray]:
        """Each output of the file, (N, ...) in its own dtype, of inputs as ``run`` takes them."""
        ...

    def bytes_now(self) -> Sequence[memoryview]:
        """The memory that flips are made in, for a check that they were undone."""
        ...


def engine(carrier: str, memory: bytes, about: dict[str, Any]) -> Engine:
    """The carrier's runtime with these bytes.

    Raises:
        ImportError: the runtime's package is not installed.
    """
    made: Engine = import_module(ENGINES[carrier][0]).Engine(memory, about)
    return made


def padded(part: np.ndarray, batch: int) -> np.ndarray:
    """A part of the inputs, filled up to a batch with its first.

    (n, ...) -> (batch, ...) of the same type, n <= batch.
    """
    if len(part) == batch:
        return part
    return np.concatenate([part, np.repeat(part[:1], batch - len(part), axis=0)])
