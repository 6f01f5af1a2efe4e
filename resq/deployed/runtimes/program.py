"""torch.export programs: ATen's kernels on tensors that are views of the file's own bytes.

What ``torch.export.load(file).module()`` computes, operator by operator, without loading the file: its graph
is read as data. A tensor is a view of the memory in which flips are made, so every flip is computed with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from resq.core.errors import ResqError
from resq.deployed.formats import pt2
from resq.deployed.formats.pt2 import Held
from resq.deployed.runtimes import Memory, aten, padded, real


class Engine:
    """A .pt2 program on the processor.

    Args:
        memory: the file's bytes, which flips are made in.
        about: ``threads``, and ``wanted``: values in between that are given behind the output.
    """

    ways = ("shared memory",)

    def __init__(self, memory: Memory, about: dict[str, Any]) -> None:
        self.name = f"torch {torch.__version__}"
        torch.set_num_threads(int(about["threads"]))
        self._memory, self._wanted = memory.array, tuple(about.get("wanted", ()))
        self._flips: tuple[np.ndarray, np.ndarray] | None = None
        self._program = pt2.read(memory.raw)
        self._held = {name: _view(self._memory, held) for name, held in self._program.held.items()}
        self._functions = [aten.called(node.target) for node in self._program.nodes]
        self._early = self._constant()
        self._last = self._last_readers()

    def use(self, way: str) -> None:
        """There is one way."""

    def flip(self, at: np.ndarray, mask: np.ndarray) -> None:
        """Flips bits of these bytes."""
        self._memory[at] ^= mask
        self._flips = at, mask

    def undo(self) -> None:
        """Flips the same bits back."""
        if self._flips is not None:
            self._memory[self._flips[0]] ^= self._flips[1]
        self._flips = None

    def input(self) -> tuple[str, float, int]:
        """Dtype of the input, and scale and zero point of integers; floats a program rounds by itself."""
        about = self._program.taken
        return about.dtype, *((about.scale, about.zero) if "int" in about.dtype else (0.0, 0))

    def run(self, values: np.ndarray, batch: int) -> np.ndarray:
        """The output, float32 (N, classes)."""
        about = self._program.output
        return real(self.outputs(values, batch)[0].reshape(len(values), -1), about.scale, about.zero)

    @torch.inference_mode()
    def outputs(self, values: np.ndarray, batch: int) -> list[np.ndarray]:
        """The output for all inputs, then what is wanted; what depends on words alone is computed once."""
        early = self._walked(dict(self._held), self._early)
        late = [i for i in range(len(self._functions)) if i not in self._early]
        names = (self._program.output.name, *self._wanted)
        parts: list[list[np.ndarray]] = [[] for _ in names]
        for begin in range(0, len(values), batch):
            part = np.ascontiguousarray(padded(values[begin : begin + batch], batch))
            values_now = {**early, self._program.taken.name: torch.from_numpy(part)}
            made = self._walked(values_now, late, forget=True)
            if len(made[names[0]]) != batch:
                raise ResqError(f"it gives {len(made[names[0]])} answers to {batch} images")
            for column, name in zip(parts, names, strict=True):
                column.append(made[name].numpy().copy())
        return [np.concatenate(part)[: len(values)] for part in parts]

    def bytes_now(self) -> Sequence[memoryview]:
        """The file as it is now."""
        return [self._memory.data]

    def _walked(self, values: dict[str, Any], places: Sequence[int], forget: bool = False) -> dict[str, Any]:
        for place in places:
            node = self._program.nodes[place]
            values |= aten.computed(node, self._functions[place], values)
            for name in self._last.get(place, ()) if forget else ():
                values.pop(name, None)
        return values

    def _constant(self) -> list[int]:
        """Places of the operators that read words alone; none where an operator writes into what it reads."""
        known = set(self._program.held)
        places = []
        for place, node in enumerate(self._program.nodes):
            names = [name for _, name in node.reads()]
            if names and known.issuperset(names):
                places.append(place)
                known.update(node.makes())
        nodes = zip(self._program.nodes, self._functions, strict=True)
        hit = any(aten.writes(f) and known & {name for _, name in node.reads()} for node, f in nodes)
        return [] if hit else places

    def _last_readers(self) -> dict[int, list[str]]:
        """Place of an operator -> values that nobody reads after it."""
        last: dict[str, int] = {}
        for place, node in enumerate(self._program.nodes):
            last |= dict.fromkeys([*node.makes(), *(name for _, name in node.reads())], place)
        for name in (self._program.output.name, *self._wanted):
            last.pop(name, None)
        by_place: dict[int, list[str]] = {}
        for name, place in last.items():
            by_place.setdefault(place, []).append(name)
        return by_place


def _view(memory: np.ndarray, held: Held) -> torch.Tensor:
    """A tensor of the file as a view of its bytes."""
    size = int(np.prod(held.shape, dtype=np.int64)) * held.width // 8
    if not size:
        return torch.empty(held.shape, dtype=getattr(torch, held.dtype))
    part = torch.from_numpy(memory[held.begin : held.begin + size])
    return part.view(getattr(torch, held.dtype)).as_strided(held.shape, held.strides)
