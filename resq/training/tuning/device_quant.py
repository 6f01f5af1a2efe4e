"""Torch version of memory.quant and of independent bit flips, so that bit-error training stays on the GPU.

The words, and what they are read as, are those of ``resq.memory.quant``, number for number; the flips of
independent bits have the same law but another stream of chance than ``resq.memory.faults``. On a GPU a step
would otherwise wait for the words of 11 million weights to be made on the processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from resq.core import FLOATS, Encoding
from resq.memory import quant


@dataclass(frozen=True, eq=False)
class TorchWords:
    """One weight as stored words.

    Attributes:
        words: int64 indices into ``table``, (rows, words of a row).
        scale, zero: float32 (rows, 1).
        table: what each possible stored word is read as, before scale and zero point.
        like: the weight they stand for.
    """

    words: Tensor
    scale: Tensor
    zero: Tensor
    table: Tensor
    like: Tensor
    bits: int

    def read(self) -> Tensor:
        """The weight that the words are read as, in the weight's order in memory."""
        return self._values(self.words)

    def flipped(self, rate: float, rng: torch.Generator) -> Tensor:
        """The weight read with every stored bit flipped independently with probability ``rate``."""
        mask = torch.zeros_like(self.words)
        for bit in range(self.bits):
            hit = torch.rand(self.words.shape, generator=rng, device=self.words.device) < rate
            mask |= hit.long() << bit
        return self._values(self.words ^ mask)

    def _values(self, words: Tensor) -> Tensor:
        value = ((self.table[words] - self.zero) * self.scale).view(self.like.shape)
        return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


def supports(encoding: Encoding, weights: int) -> bool:
    """Whether all of a network's ``weights`` layers are kept as integer codes of whole ranges, once each."""
    kinds = {encoding.of(i) for i in range(weights)}
    return all(
        kind.code not in FLOATS
        and kind.clip == "minmax"
        and kind.copies == 1
        and kind.beside == "fp32"
        and not kind.guard
        for kind in kinds
    )


def quantize_weights(body: nn.Module, names: tuple[str, ...], encoding: Encoding) -> dict[str, TorchWords]:
    """The present weights of a network as words, by name."""
    own = dict(body.named_parameters())
    return {name: quantize(own[name].detach(), encoding.of(i)) for i, name in enumerate(names)}


def flipped(close: dict[str, TorchWords], rates: list[float], rng: torch.Generator) -> dict[str, Tensor]:
    """What the words are read as with every stored bit flipped at its layer's rate, by name."""
    return {name: w.flipped(rate, rng) for (name, w), rate in zip(close.items(), rates, strict=True)}


def quantize(weight: Tensor, encoding: Encoding) -> TorchWords:
    """A weight (out, ...) as ``quant.quantize`` stores it."""
    rows = weight.contiguous().view(len(weight) if encoding.per == "channel" else 1, -1)
    low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
    alike = low == high  # such a row has no range of its own, so zero is taken in
    low, high = torch.where(alike, low.clamp(max=0), low), torch.where(alike, high.clamp(min=0), high)
    levels = 2**encoding.bits - 1
    if encoding.code != "affine":
        high = torch.maximum(high, -low)
        low, levels = torch.zeros_like(high), 2 ** (encoding.bits - 1) - 1
    scale = (high - low) / levels
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero = (-low / scale).round()
    words, table, least = _tables(encoding, weight.device)
    code = (rows / scale).round() + zero - least
    index = code.clamp(0, len(words) - 1).long()
    return TorchWords(words[index], scale, zero, table, weight, encoding.word_bits)


@cache
def _tables(encoding: Encoding, where: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The stored word of each code from the least on, what each stored word is read as, the least code."""
    read = quant.codes(encoding)
    words = quant.protected(np.arange(2**encoding.bits), encoding)  # copies agree as long as nothing flips
    codes, first = np.unique(read[words], return_index=True)  # in sign and magnitude zero is there twice
    if encoding.code != "affine":  # two's complement has one negative code too many
        inside = np.abs(codes) < 2 ** (encoding.bits - 1)
        codes, first = codes[inside], first[inside]
    arrays = (words[first], read.copy(), codes[:1].copy())
    return tuple(torch.from_numpy(part).to(where) for part in arrays)  # type: ignore[return-value]
