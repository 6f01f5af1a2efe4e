"""Runtimes: bytes and images -> numbers. Add one: a class like ``Engine`` and a line in ENGINES.

They run in a process of their own (``resq.deployed.worker``): they read untrusted files in native code.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Protocol

import numpy as np

LARGE = 4 * 2**20  # bytes of a file that is not kept open twice, with flips and without
# Carrier -> module and the package that it needs.
ENGINES = {
    "tflite": ("resq.deployed.runtimes.litert", "ai-edge-litert==2.3.0"),
    "onnx": ("resq.deployed.runtimes.onnxruntime", "onnxruntime==1.32.0"),
    "pt2": ("resq.deployed.runtimes.program", "torch"),
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


def engine(carrier: str, memory: Memory, about: dict[str, Any]) -> Engine:
    """The carrier's runtime with these bytes.

    Args:
        memory: which the engine may write into and keeps.

    Raises:
        ImportError: the runtime's package is not installed.
    """
    made: Engine = import_module(ENGINES[carrier][0]).Engine(memory, about)
    return made


class Lanes:
    """Batches side by side, each computed on one thread.

    A runtime's own threads wait for each other in every layer, and their sums may be others.

    Args:
        count: lanes, at least 1.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def run(self, runners: Sequence[Callable[[int], np.ndarray]], size: int, batch: int) -> np.ndarray:
        """The answers to all inputs, (size, ...), one after the other.

        Args:
            runners: one for each lane; given the first input of a batch it answers the batch, (batch, ...).

        Raises:
            Exception: whatever a runner raises.
        """
        begins = iter(range(0, size, batch))
        parts: dict[int, np.ndarray] = {}

        def lane(answer: Callable[[int], np.ndarray]) -> None:
            for begin in begins:  # whichever lane is free takes the next
                parts[begin] = answer(begin)

        if self._pool is None or size <= batch:
            lane(runners[0])
        else:
            list(self._pool.map(lane, runners[: -(-size // batch)]))
        return np.concatenate([parts[begin] for begin in sorted(parts)])[:size]


class Memory:
    """A file's bytes, once, as the ``bytes`` that runtimes take and as an array in which flips are made.

    A copy for every fault map would cost as much memory as the file again. Nobody else has the object, and it
    is no key of anything, so that its hash never matters.

    Attributes:
        raw: the bytes; ``array``: the same memory, uint8.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.raw = array.tobytes()
        place = ctypes.cast(ctypes.c_char_p(self.raw), ctypes.c_void_p).value or 0
        view = (ctypes.c_uint8 * len(self.raw)).from_address(place)
        vars(view)["owner"] = self.raw  # the array's base, which keeps the bytes
        self.array: np.ndarray = np.frombuffer(memoryview(view), np.uint8)

    def __len__(self) -> int:
        return len(self.raw)


def real(raw: np.ndarray, scale: float, zero: int) -> np.ndarray:
    """What answers stand for, float32 of the same shape: scale x (number - zero) of integers.

    Scale 0: they stand for themselves.
    """
    if raw.dtype.kind == "f" or not scale:
        return raw.astype(np.float32, copy=False)
    with np.errstate(all="ignore"):  # a flipped scale may be no number: that is a result
        return (raw.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def padded(part: np.ndarray, batch: int) -> np.ndarray:
    """A part of the inputs, filled up to a batch with its first.

    (n, ...) -> (batch, ...) of the same type, n <= batch.
    """
    if len(part) == batch:
        return part
    return np.concatenate([part, np.repeat(part[:1], batch - len(part), axis=0)])
