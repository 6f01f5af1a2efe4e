"""All weights of a network in one flat memory, and where in it the float of every stored word lies.

A fault map at BER 1e-3 flips 89,000 bits of ResNet18. Worked through layer by layer they cost 20 ms of small
numpy calls; as one array over all layers they cost what looking them up and writing them costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from resq.core import Encoding, QuantizedModel, QuantizedTensor
from resq.memory import quant

ALIGN = 16  # floats: every layer begins on a cache line of its own


@dataclass(frozen=True, eq=False)
class WeightBuffer:
    """The weights' words and floats, and what each row (all weights of one output channel) needs.

    Attributes:
        floats: the memory that the network computes with, 4-D weights in the order O, H, W, I where they lay
            so: float32, or
            the bits of bfloat16 as uint16.
        words: the fault-free stored words, layers one after the other.
        first: index of each row's first word, and after them the number of words, int64 (rows + 1,).
        place: int64 (4, rows), where a row's weights lie: see ``_places``.
        scale, zero: what turns a row's words into floats, (rows,); or a word's, (words,), where a layer has
            more than one of them in a row, as codes from elsewhere may.
        factor: what a folded norm multiplies a row by.
        memory: on a device other than the processor, what the network computes with there: ``floats`` as
            they were, float32 or bfloat16; None where ``floats`` itself is.
        encodings: the one of all rows, or two; ``kind`` then says which a row has, (rows,), else it is None.
    """

    floats: np.ndarray
    words: np.ndarray
    first: np.ndarray
    place: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    factor: np.ndarray | None
    encodings: tuple[Encoding, ...]
    kind: np.ndarray | None
    memory: torch.Tensor | None = None

    def put(self, place: np.ndarray, values: np.ndarray) -> None:
        """Writes floats at their places: in the processor's memory, or scattered into the device's."""
        if self.memory is None:
            self.floats[place] = values
            return
        index, sent = torch.from_numpy(place), torch.from_numpy(values)
        sent = sent.view(torch.bfloat16) if sent.dtype == torch.uint16 else sent
        self.memory[index.to(self.memory.device)] = sent.to(self.memory.device)

    @property
    def fine(self) -> bool:
        """Whether there is a scale and a zero point for each word, and not for each row."""
        return len(self.scale) == len(self.words) > len(self.first) - 1

    def rescaled(
        self, word: np.ndarray, mask: np.ndarray, scale: np.ndarray, zero: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As ``write``, with other scales and zero points: all words that they are of are written.

        Args:
            word: int64 (K,), ascending and distinct.
            mask: unsigned integers (K,).
            scale, zero: float32 (rows,), or (words,) where the buffer has one for each word.
        """
        other = np.flatnonzero((_bits(scale) != _bits(self.scale)) | (_bits(zero) != _bits(self.zero)))
        chosen, masks = np.zeros(len(self.words), bool), np.zeros(len(self.words), mask.dtype)
        chosen[word], masks[word] = True, mask
        if self.fine:
            chosen[other] = True
        else:
            for row in other.tolist():
                chosen[self.first[row] : self.first[row + 1]] = True
        whole = np.flatnonzero(chosen)
        return self.write(whole, masks[whole], scale, zero)

    def write(
        self,
        word: np.ndarray,
        mask: np.ndarray,
        now: np.ndarray | None = None,
        null: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """XORs ``mask`` into the words, decodes them, writes the floats; returns (places, floats before).

        What was there is looked up like what is written: reading it would wait for the memory.

        Args:
            word: ascending, distinct.
            now, null: the scales and zero points that are read, as many as there are, where they are not the
                stored ones.
        """
        # The rows of ascending words, without a search for each: how many words fall into every row.
        count = np.diff(np.searchsorted(word, self.first))
        place, words = self._places(word, count), self.words.take(word)

        def each(numbers: np.ndarray) -> np.ndarray:
            return numbers.take(word) if self.fine else np.repeat(numbers, count)

        scale, zero = each(self.scale), each(self.zero)
        kind = None if self.kind is None else np.repeat(self.kind, count)
        before = self._values(words, kind, scale, zero)
        if now is not None and null is not None:
            scale, zero = each(now), each(null)
        with np.errstate(over="ignore", invalid="ignore"):  # a flipped scale may be infinite or no number
            after = self._values(words ^ mask, kind, scale, zero)
        if self.factor is not None:  # times one would be no harm but to the bits of a NaN
            factor = np.repeat(self.factor, count)
            after, before = after * factor, before * factor
        if self.floats.dtype == np.uint16:
            after, before = quant.bfloat16(after), quant.bfloat16(before)
        self.put(place, after)
        return place, before

    def _values(
        self, words: np.ndarray, kind: np.ndarray | None, scale: np.ndarray, zero: np.ndarray
    ) -> np.ndarray:
        """What the words are read as, float32."""
        if kind is None:
            return quant.values(words, scale, zero, self.encodings[0])
        both = [quant.values(words, scale, zero, encoding) for encoding in self.encodings]
        return np.where(kind == 0, *both)

    def _places(self, word: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Where in ``floats`` the weights of these words lie, ``count`` of them in each row.

        A weight is the ``offset``-th of its row, at channel c = offset // area and tap offset - c area; its
        place is base + tap inputs + c. With the product of a row's numbers taken once, that is
        (base - first inputs) + word inputs + c (1 - area inputs), and c = offset ceil(2**32 / area) >> 32.
        """
        inverse, inputs, base, back = self.place
        channel = (word - np.repeat(self.first[:-1], count)) * np.repeat(inverse, count)
        channel >>= 32
        channel *= np.repeat(back, count)
        channel += word * np.repeat(inputs, count)
        channel += np.repeat(base, count)
        return channel


def _bits(numbers: np.ndarray) -> np.ndarray:
    """float32 as their bits: a NaN is not equal to itself, and -0 is equal to 0."""
    return np.ascontiguousarray(numbers, np.float32).view(np.uint32)


def flatten(
    body: nn.Module,
    model: QuantizedModel,
    factors: Mapping[str, np.ndarray],
    device: torch.device | None = None,
) -> WeightBuffer:
    """Moves the weights of the body, as they are, into one memory that its parameters view from now on.

    Args:
        body: its weights are those of ``model``.
        model: the stored words.
        factors: float32 (output channels,) by layer.
        device: where that memory lies; None: the processor, which numpy writes.
    """
    sizes = [-(-q.words.size // ALIGN) * ALIGN for q in model.weights.values()]
    starts = [0, *np.cumsum(sizes).tolist()]
    bf16 = body.get_parameter(next(iter(model.weights))).dtype == torch.bfloat16
    floats = np.full(starts[-1], 0, np.uint16 if bf16 else np.float32)  # numpy asks for large pages
    memory = torch.from_numpy(floats).view(torch.bfloat16 if bf16 else torch.float32)
    last = _channels_last([body.get_parameter(name) for name in model.weights])
    rows = []
    for (name, q), start in zip(model.weights.items(), starts, strict=False):
        parameter = body.get_parameter(name)
        view = torch.as_strided(memory, q.words.shape, _strides(q.words.shape, last), start)
        view.copy_(parameter.data)
        rows.append(_rows(q, factors.get(name, np.ones(1, np.float32)), start, last))
    memory = memory if device is None else memory.to(device, copy=True)
    for (name, q), start in zip(model.weights.items(), starts, strict=False):
        view = torch.as_strided(memory, q.words.shape, _strides(q.words.shape, last), start)
        body.get_parameter(name).data = view
    size, area, inputs, base, scale, zero, factor = map(np.concatenate, zip(*rows, strict=True))
    fine = any(len(q.scale) not in (1, len(q.words)) for q in model.weights.values())
    if fine:
        scale, zero = (np.concatenate([_each(v, q) for v, q in both]) for both in _both(model))
    words = np.concatenate([q.words.reshape(-1) for q in model.weights.values()])
    first = np.concatenate([[0], np.cumsum(size)])
    place = np.stack([-(-(1 << 32) // area), inputs, base - first[:-1] * inputs, 1 - area * inputs])
    used = factor if factors else None
    encodings = tuple(dict.fromkeys(q.encoding.word for q in model.weights.values()))
    which = [np.full(q.words.shape[0], encodings.index(q.encoding.word)) for q in model.weights.values()]
    kind = np.concatenate(which) if len(encodings) > 1 else None
    there = None if device is None else memory
    return WeightBuffer(floats, words, first, place, scale, zero, used, encodings, kind, there)


def _rows(q: QuantizedTensor, factor: np.ndarray, start: int, last: bool) -> list[np.ndarray]:
    """Of each row of a layer: words, area, inputs, base, scale, zero, factor."""
    count, *inside = q.words.shape
    # One after the other a row's weights are all inputs of one tap.
    spread = last and len(inside) == 3
    inputs, area = (inside[0], int(np.prod(inside[1:]))) if spread else (int(np.prod(inside)), 1)
    base = start + np.arange(count) * inputs * area
    scale, zero = (v if len(v) in (1, count) else v[:1] for v in (q.scale, q.zero))  # finer ones: see _each
    values = (inputs * area, area, inputs, base, scale, zero, factor)
    return [np.broadcast_to(np.asarray(value), count) for value in values]


def _both(model: QuantizedModel) -> Iterator[list[tuple[np.ndarray, QuantizedTensor]]]:
    """All scales, then all zero points, each with its layer."""
    yield [(q.scale, q) for q in model.weights.values()]
    yield [(q.zero, q) for q in model.weights.values()]


def _each(values: np.ndarray, q: QuantizedTensor) -> np.ndarray:
    """A scale or zero point for each word of a layer."""
    return np.repeat(values, q.words.size // len(values))


def _channels_last(weights: Sequence[torch.Tensor]) -> bool:
    """Whether weights (O, I, H, W) lie with their inputs side by side, as those show that cannot be both."""
    return any(w.dim() == 4 and not w.is_contiguous() and w.is_contiguous(memory_format=torch.channels_last)
               for w in weights)  # fmt: skip


def _strides(shape: tuple[int, ...], last: bool) -> tuple[int, ...]:
    """In elements: channels last for (O, I, H, W), or one after the other for any shape."""
    if last and len(shape) == 4:
        _, inputs, height, width = shape
        return inputs * height * width, 1, width * inputs, inputs
    return tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
