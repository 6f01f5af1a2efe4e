"""The values of a twin while it computes: words of the file, constants, and what operators have made.

Tensors have the shapes that the graph gives them; integers of the file are float32 while the twin computes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from resq.deployed.twin.graph import Codes, Program
from resq.deployed.twin.rounding import along, coded


class Values:
    """Names -> tensors. Integers that stand for real numbers are kept as they are, in floats.

    Args:
        words: numbers of the file's words by the name of a value; ``constants``: those that are none.
        dtypes: type of each value that is a constant, as it is stored; ``dtype``: of the computation.
    """

    def __init__(
        self,
        program: Program,
        words: Mapping[str, Tensor],
        constants: Mapping[str, Tensor],
        dtypes: Mapping[str, str],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.program, self._words, self._constants = program, words, constants
        self.dtypes, self.dtype = dtypes, dtype
        self.made: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        for held in (self.made, self._words, self._constants):
            if name in held:
                return held[name]
        raise KeyError(name)

    def get(self, names: tuple[str, ...], place: int) -> Tensor | None:
        """An input that may be left out."""
        return self[names[place]] if len(names) > place and names[place] else None

    def codes(self, name: str) -> Codes | None:
        """The quantizer of a TFLite value; None where it stands for itself."""
        return self.program.codes.get(name)

    def quantizer(self, name: str) -> tuple[Tensor, Tensor]:
        """Scale and zero point of a TFLite value."""
        codes = self.program.codes[name]
        return self[codes.scale], self[codes.zero]

    def real(self, name: str) -> Tensor:
        """What a TFLite value stands for."""
        value, codes = self[name], self.codes(name)
        if codes is None:
            return value
        scale, zero = (along(self[n], value.dim(), codes.axis) for n in (codes.scale, codes.zero))
        return (value - zero) * scale

    def give(self, name: str, real: Tensor) -> Tensor:
        """Real numbers as a TFLite value keeps them: rounded, where it has a quantizer."""
        codes = self.codes(name)
        if codes is None:
            return real
        scale, zero = self[codes.scale].reshape(()), self[codes.zero].reshape(())
        return coded(real / scale, zero, codes.dtype)


def whole(value: Tensor) -> list[int]:
    """A tensor of integers as Python's: shapes, axes, places."""
    return [int(n) for n in value.detach().reshape(-1).tolist()]


def device_like(numbers: list[int], like: Tensor) -> Tensor:
    """Integers as a tensor."""
    return torch.tensor(numbers, dtype=torch.int64, device=like.device)
