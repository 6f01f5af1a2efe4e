"""All weights of a network in one flat memory, and where in it the float of every stored word lies.

A fault map at BER 1e-3 flips 89,000 bits of ResNet18. Worked through layer by layer they cost 20 ms of small
numpy calls; as one array over all layers they cost what reading and writing them costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from resq.core import Encoding, QuantizedModel, QuantizedTensor
from resq.memory import quant

ALIGN = 16  # floats: every layer begins on a cache line of its own


@dataclass(frozen=True, eq=False)
class Flat:
    """The weights' words and floats, and what each row (all weights of one output channel) needs.

    Attributes:
        floats: the memory that the network computes with, float32, 4-D weights in the order O, H, W, I.
        words: the fault-free stored words, layers one after the other.
        first: index of each row's first word, and after them the number of words, int64 (rows + 1,).
        base: place of each row's first float; ``inputs``, ``area``: its I and H x W.
        scale, zero, factor: what turns its words into floats; a folded norm is the factor.
    """

    floats: np.ndarray
    words: np.ndarray
    first: np.ndarray
    base: np.ndarray
    inputs: np.ndarray
    area: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    factor: np.ndarray | None

    def write(self, word: np.ndarray, mask: np.ndarray, encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
        """Writes the floats of the words under these masks; returns the places written and what was there.

        Args:
            word: ascending, distinct.
        """
        # The rows of ascending words, without a search for each: how many words fall into every row.
        row = np.repeat(np.arange(len(self.base)), np.diff(np.searchsorted(word, self.first)))
        place = self._places(word, row)
        before = self.floats[place]
        after = quant.values(self.words[word] ^ mask, self.scale[row], self.zero[row], encoding)
        if self.factor is not None:  # times one would be no harm but to the bits of a NaN
            after *= self.factor[row]
        self.floats[place] = after
        return place, before

    def _places(self, word: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Where in ``floats`` the weights of these words lie."""
        offset, area = word - self.first[row], self.area[row]
        channel = offset // area
        return self.base[row] + (offset - channel * area) * self.inputs[row] + channel


def flatten(body: nn.Module, model: QuantizedModel, factors: Mapping[str, np.ndarray]) -> Flat:
    """Moves the weights of the body, as they are, into one memory that its parameters view from now on."""
    sizes = [-(-q.words.size // ALIGN) * ALIGN for q in model.weights.values()]
    starts = [0, *np.cumsum(sizes).tolist()]
    memory = torch.zeros(starts[-1])
    rows = []
    for (name, q), start in zip(model.weights.items(), starts, strict=False):
        parameter = body.get_parameter(name)
        view = torch.as_strided(memory, q.words.shape, _strides(q.words.shape), start)
        parameter.data = view.copy_(parameter.data)
        rows.append(_rows(q, factors.get(name, np.ones(1, np.float32)), start))
    size, base, inputs, area, scale, zero, factor = map(np.concatenate, zip(*rows, strict=True))
    words = np.concatenate([q.words.reshape(-1) for q in model.weights.values()])
    first = np.concatenate([[0], np.cumsum(size)])
    used = factor if factors else None
    return Flat(memory.numpy(), words, first, base, inputs, area, scale, zero, used)


def _rows(q: QuantizedTensor, factor: np.ndarray, start: int) -> list[np.ndarray]:
    """Of each row of a layer: words, base, inputs, area, scale, zero, factor."""
    count, inputs, *sides = q.words.shape
    area = int(np.prod(sides))
    values = (inputs * area, 0, inputs, area, q.scale, q.zero, factor)
    size, base, *others = (np.broadcast_to(np.asarray(value), count) for value in values)
    return [size, base + start + np.arange(count) * inputs * area, *others]


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """In elements: channels last for (O, I, H, W), rows one after the other for (O, I)."""
    if len(shape) == 4:
        _, inputs, height, width = shape
        return inputs * height * width, 1, width * inputs, inputs
    return shape[1], 1
