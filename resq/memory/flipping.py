"""Where a stored bit is flipped: addresses of flips -> what they change of the words as these are read.

Copies vote and guards correct before a flip is a flip; what is left is an XOR of words with masks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from resq.core import BitFlips, QuantizedModel, QuantizedTensor
from resq.core.errors import ResqError
from resq.core.types import CHECKS
from resq.memory import bits, quant
from resq.memory.guards import layers as guarded


def flip(model: QuantizedModel, flips: BitFlips) -> QuantizedModel:
    """A model with these bits flipped; untouched layers are shared, the given model is not changed.

    Raises:
        ValueError: an address outside the model's bits.
    """
    touched = {
        name: flip_layer(model.weights[name], local, model.read.word_bits)
        for name, local in places(model, flips)
    }
    return QuantizedModel({**model.weights, **touched}, model.floats)


def checked(model: QuantizedModel, flips: BitFlips) -> np.ndarray:
    """The addresses of the flips, if all of them lie in the model.

    Raises:
        ValueError: an address outside the model's bits.
    """
    at, bits_there = flips.addresses, model.n_bits
    if len(at) and (at[0] < 0 or at[-1] >= bits_there):
        raise ResqError(f"flip addresses span {at[0]}..{at[-1]}, the model has bits 0..{bits_there - 1}")
    return at


def misread(model: QuantizedModel, flips: BitFlips) -> np.ndarray:
    """The bits that are read wrong under the flips, sorted addresses of ``model.read``.

    Of a bit that is stored several times more than half of the copies must be flipped; of guarded words,
    those are wrong that the guard neither corrects nor makes right by chance.

    Raises:
        ValueError: an address outside the model's bits.
    """
    at = checked(model, flips)
    if model.layout is model.read and not model.guarded:
        return at
    layout, parts = model.layout, []
    cuts = np.searchsorted(at, layout.starts)
    entry = {name: i for i, name in enumerate(layout.layers)}
    for i, (name, q) in enumerate(model.weights.items()):
        local = at[cuts[i] : cuts[i + 1]] - layout.starts[i]
        if q.encoding.guard:
            j = entry.get(name + CHECKS, -1)
            checks = at[cuts[j] : cuts[j + 1]] - layout.starts[j] if j >= 0 else at[:0]
            local = guarded.misread(q, quant.zeros(q), local, checks) if len(local) + len(checks) else local
        elif q.encoding.copies > 1:
            places, votes = np.unique(local % (q.words.size * q.encoding.word_bits), return_counts=True)
            local = places[votes > q.encoding.copies // 2]
        parts.append(model.read.starts[i] + local)
    return np.concatenate(parts)


def places(model: QuantizedModel, flips: BitFlips) -> list[tuple[str, np.ndarray]]:
    """The bits that are read wrong, layer by layer: (layer, sorted int64 addresses from its first word on).

    Layers in which nothing is read wrong are left out.

    Raises:
        ValueError: an address outside the model's bits.
    """
    at = misread(model, flips)
    cuts = np.searchsorted(at, model.read.starts)
    spans = zip(model.weights, model.read.starts, cuts, cuts[1:], strict=False)
    return [(name, at[begin:end] - start) for name, start, begin, end in spans if begin < end]


def by_layer(model: QuantizedModel, flips: BitFlips) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What the flips change of the words as they are read: (layer, distinct flat word indices, xor masks).

    Layers in which nothing is read wrong are left out.

    Raises:
        ValueError: an address outside the model's bits.
    """
    size = model.read.word_bits
    return [
        (name, *bits.masks(local, size, model.weights[name].words.dtype))
        for name, local in places(model, flips)
    ]


def flip_layer(q: QuantizedTensor, local: np.ndarray, word_bits: int) -> QuantizedTensor:
    """A layer with the bits of its words flipped that ``places`` names; the given one is not changed."""
    words = q.words.copy()
    bits.toggle(words.reshape(-1), local, word_bits)
    return replace(q, words=words)
