"""The twin: a deployed file's graph and words as a torch network.

It computes what the file's runtime computes, as exactly as floats allow, and has gradients with respect to
the images and to the words. It is no measurement of the deployed network: ``check.compare`` says how far the
two are apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from resq.core import BitFlips
from resq.core.errors import ResqError
from resq.deployed import words
from resq.deployed.network import Network
from resq.deployed.soft_ends import AFTER, LOG_SOFT, SOFT
from resq.deployed.twin import inputs, pt2_ops, read_onnx, read_pt2, read_tflite, tflite_ops
from resq.deployed.twin.fused import fused
from resq.deployed.twin.graph import Program, Step
from resq.deployed.twin.onnx import onnx_ops
from resq.deployed.twin.rounding import coded
from resq.deployed.twin.values import Values
from resq.deployed.words import Stored

# Carrier -> what reads its graph, and its operators.
READERS = {"tflite": read_tflite.program, "onnx": read_onnx.program, "pt2": read_pt2.program}
OPS: dict[str, Any] = {"tflite": tflite_ops.OPS, "onnx": onnx_ops.OPS, "pt2": pt2_ops.OPS}


class Twin(nn.Module):
    """A deployed network in torch.

    Args:
        network: the file; its process is not used.
        dtype: of the computation; float64 sums up integers beyond 2**24 exactly.

    Attributes:
        numbers: the file's words as numbers, before any scale, by the name of their ``Stored``.
        scored: the value that attacks follow: what a last softmax is given, or else the output.
        soft: whether the file ends with a softmax, so that its answers are probabilities.

    Raises:
        ValueError: the graph has operators that a twin does not compute.
    """

    def __init__(self, network: Network, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.network, self.pixels, self.dtype = network, network.pixels, dtype
        self.program: Program = READERS[network.parsed.carrier](network.parsed)
        self._ops = OPS[self.program.carrier]
        self._refuse()
        self.stored = {tensor.name: tensor for tensor in network.parsed.stored}
        self._memory = np.frombuffer(network.parsed.memory, np.uint8).copy()
        self._names = [name for name, tensor in self.stored.items() if _computed(tensor)]
        self._held = nn.ParameterList(nn.Parameter(self._read(name), False) for name in self._names)
        self.numbers = dict(zip(self._names, self._held, strict=True))
        self._fixed = {name: self._read(name) for name in self.stored if name not in self.numbers}
        if self.program.carrier == "onnx":
            self.program = fused(self.program, {name: tensor.dtype for name, tensor in self.stored.items()})
        self._last = _last_readers(self.program)
        self.scored = _scored(self.program)
        self.soft = any(
            s.op in SOFT and s.op not in LOG_SOFT and s.inputs[0] == self.scored for s in self.program.steps
        )

    def _refuse(self) -> None:
        lacking = sorted({step.op for step in self.program.steps if step.op not in self._ops})
        if lacking:
            raise ResqError(
                f"{self.network.file.name} has operators that a differentiable twin does not compute: "
                f"{', '.join(lacking)[:200]}; what needs no gradients works without it"
            )

    def _read(self, name: str) -> Tensor:
        tensor = self.stored[name]
        numbers = words.numbers(self._memory, tensor)
        if _computed(tensor):
            return torch.from_numpy(numbers.astype(np.float64)).to(self.dtype)
        return torch.from_numpy(numbers.astype(np.bool_ if tensor.dtype == "bool" else np.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> what the file answers, (N, classes)."""
        return self.run(x, (self.program.output,))[self.program.output].flatten(1)

    def scores(self, x: Tensor) -> Tensor:
        """Images -> what the last softmax is given, else the answers, for attacks to follow: (N, classes).

        An int8 softmax rounds most probabilities to 0 or 1, where no gradient is left.
        """
        return self.run(x, (self.scored,))[self.scored].flatten(1)

    def run(self, x: Tensor, wanted: tuple[str, ...]) -> dict[str, Tensor]:
        """Images -> values of the graph by name: what they stand for, where TFLite gives them a scale.

        Raises:
            ValueError: an operator is used in a way that a twin does not compute.
        """
        v = self._walked(x, wanted)
        return {name: v.real(name) for name in wanted}

    def held(self, x: Tensor, wanted: tuple[str, ...]) -> dict[str, Tensor]:
        """The same values as the file keeps them: integers before any scale, in floats."""
        v = self._walked(x, wanted)
        return {name: v[name] for name in wanted}

    def _walked(self, x: Tensor, wanted: tuple[str, ...]) -> Values:
        v = self._begun(x)
        for number, step in enumerate(self.program.steps):
            try:
                made = self._ops[step.op](v, step)
            except (KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
                message = (
                    f"{self.network.file.name}: a twin does not compute {step.op} as it is used here: {error}"
                )
                raise ResqError(message[:400]) from error
            results = made if isinstance(made, tuple | list) else (made,)
            v.made |= dict(zip(step.outputs, results, strict=False))
            if all(name in v.made for name in wanted):
                break
            for name in self._last.get(number, ()):
                if name not in wanted:
                    v.made.pop(name, None)
        return v

    def _begun(self, x: Tensor) -> Values:
        held = {
            value: self.numbers.get(name, self._fixed.get(name)) for value, name in self.program.words.items()
        }
        constants = {name: _tensor(numbers, self.dtype) for name, numbers in self.program.constants.items()}
        dtypes = {value: self.stored[name].dtype for value, name in self.program.words.items()}
        dtypes |= {name: str(numbers.dtype) for name, numbers in self.program.constants.items()}
        v = Values(self.program, held, constants, dtypes, self.dtype)  # type: ignore[arg-type]
        v.made[self.program.input] = self._input(v, inputs.values(x.to(self.dtype), self.pixels))
        return v

    def _input(self, v: Values, real: Tensor) -> Tensor:
        """The input as it is given to the file: rounded, where it takes integers."""
        about = self.network.parsed.input
        if "int" not in about.dtype:
            return real
        if v.codes(self.program.input):
            return v.give(self.program.input, real)
        return coded(real, torch.zeros((), dtype=self.dtype), about.dtype)

    @contextmanager
    def flipped(self, flips: BitFlips) -> Iterator[Self]:
        """The twin with these bits of the network's targets flipped; on leaving, what it was."""
        at, mask = self.network.places(flips)
        touched = [s.name for s in self.network.stored if _hit(s, at)]
        lost = [name for name in touched if name not in self.numbers]
        if lost:
            raise ResqError(
                f"a twin does not compute with flips in {', '.join(lost)[:200]}: shapes and places"
            )
        self._memory[at] ^= mask
        try:
            self._write(touched)
            yield self
        finally:
            self._memory[at] ^= mask
            self._write(touched)

    def _write(self, names: list[str]) -> None:
        with torch.no_grad():
            for name in names:
                self.numbers[name].copy_(self._read(name))


def _hit(tensor: Stored, at: np.ndarray) -> bool:
    first = int(np.searchsorted(at, tensor.offset))
    return first < len(at) and int(at[first]) < tensor.offset + tensor.n_bytes


def _computed(tensor: Stored) -> bool:
    """Whether the numbers are computed with, and not shapes, axes or places."""
    if tensor.dtype in ("bool", "int64") and tensor.kind != "scales":
        return False
    return not (tensor.dtype == "int32" and tensor.kind == "other")


def _tensor(numbers: np.ndarray, dtype: torch.dtype) -> Tensor:
    made = torch.from_numpy(np.ascontiguousarray(numbers).copy()).reshape(numbers.shape)
    return made.to(dtype) if made.is_floating_point() or made.dtype in (torch.int8, torch.uint8) else made


def _last_readers(program: Program) -> dict[int, list[str]]:
    """Number of a step -> values that no later step reads."""
    last: dict[str, int] = {}
    for number, step in enumerate(program.steps):
        last |= dict.fromkeys(step.inputs, number)
    by_step: dict[int, list[str]] = {}
    for name, number in last.items():
        by_step.setdefault(number, []).append(name)
    return by_step


def _scored(program: Program) -> str:
    makers: Mapping[str, Step] = {out: step for step in program.steps for out in step.outputs}
    name: Any = program.output
    while (step := makers.get(name)) is not None:
        if step.op in SOFT:
            return step.inputs[0]  # of QLinearSoftmax the codes: they differ from real numbers by a scale
        if step.op not in AFTER:
            break
        name = step.inputs[0]
    return program.output
