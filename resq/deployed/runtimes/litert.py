"""LiteRT (TensorFlow Lite): every fault map gets an interpreter of its own, made from the changed bytes.

Its default delegate packs the weights when it prepares. A flip written into a tensor's view afterwards is
never computed with, though it reads back (LiteRT 2.3.0), so nothing is ever written into an interpreter here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from resq.deployed.runtimes import LARGE, Lanes, Memory, padded, real


class Engine:
    """A TFLite file, interpreted with the default delegate, as programs on a board and on a phone do.

    Args:
        memory: the file, which flips are made in.
        about: ``threads``.
    """

    ways = ("interpreter",)

    def __init__(self, memory: Memory, about: dict[str, Any]) -> None:
        self.name = f"LiteRT {version('ai-edge-litert')}"
        threads = int(about["threads"])
        # A lane packs the weights anew: of a large file there are two at most, with threads within.
        lanes = min(threads, 2) if len(memory) > LARGE else threads
        self._threads, self._lanes = max(1, threads // lanes), Lanes(lanes)
        self._raw, self._memory = memory.raw, memory.array
        self._flips: tuple[np.ndarray, np.ndarray] | None = None
        self._clean = [self._interpreter()]
        self._faulty: list[Interpreter] = []

    def use(self, way: str) -> None:
        """There is one way."""

    def flip(self, at: np.ndarray, mask: np.ndarray) -> None:
        """Flips bits of these bytes."""
        self._xor(at, mask)
        self._flips = at, mask

    def undo(self) -> None:
        """Flips the same bits back."""
        if self._flips is not None:
            self._xor(*self._flips)
        self._flips, self._faulty = None, []

    def _xor(self, at: np.ndarray, mask: np.ndarray) -> None:
        self._memory[at] ^= mask

    def _interpreter(self) -> Interpreter:
        return Interpreter(model_content=self._raw, num_threads=self._threads)

    def _now(self, count: int = 1) -> list[Interpreter]:
        """So many interpreters of the bytes as they are now."""
        if self._flips is not None and len(self._memory) > LARGE:
            self._clean = []
        made = self._clean if self._flips is None else self._faulty
        while len(made) < count:
            made.append(self._interpreter())
        return made[:count]

    def input(self) -> tuple[str, float, int]:
        """dtype, scale and zero point of the input, as the file has them now."""
        about = self._now()[0].get_input_details()[0]
        scale, zero = about["quantization"]
        return np.dtype(about["dtype"]).name, float(scale), int(zero)

    def run(self, values: np.ndarray, batch: int) -> np.ndarray:
        """What the output stands for, float32 (N, classes)."""
        lanes = min(self._lanes.count, -(-len(values) // batch))
        made = [_sized(one, batch) for one in self._now(lanes)]
        output = made[0].get_output_details()[0]
        runners = [_runner(one, values, batch) for one in made]
        return real(self._lanes.run(runners, len(values), batch), *output["quantization"])

    def outputs(self, values: np.ndarray, batch: int) -> list[np.ndarray]:
        """Each output of the file, integers as they are.

        ``values`` is (N, ...) in the type of the input; each output is (N, ...).
        """
        made = _sized(self._now()[0], batch)
        taken, indices = made.get_input_details()[0]["index"], [d["index"] for d in made.get_output_details()]
        parts: list[list[np.ndarray]] = [[] for _ in indices]
        for begin in range(0, len(values), batch):
            made.set_tensor(taken, padded(values[begin : begin + batch], batch))
            made.invoke()
            for part, index in zip(parts, indices, strict=True):
                part.append(made.get_tensor(index))
        return [np.concatenate(part)[: len(values)] for part in parts]

    def bytes_now(self) -> Sequence[memoryview]:
        """The file as it is now."""
        return [self._memory.data]


def _sized(made: Interpreter, batch: int) -> Interpreter:
    about = made.get_input_details()[0]
    if about["shape"][0] != batch:
        made.resize_tensor_input(about["index"], [batch, *about["shape"][1:]])
    made.allocate_tensors()
    return made


def _runner(made: Interpreter, values: np.ndarray, batch: int) -> Callable[[int], np.ndarray]:
    taken, given = made.get_input_details()[0]["index"], made.get_output_details()[0]["index"]

    def answer(begin: int) -> np.ndarray:
        made.set_tensor(taken, padded(values[begin : begin + batch], batch))
        made.invoke()
        return np.asarray(made.get_tensor(given)).reshape(batch, -1)

    return answer
