"""Where a stored bit is flipped: addresses of flips -> what they change of the words as these are read.

Copies vote and guards correct before a flip is a flip; what is left is an XOR of words with masks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from resq.core import BitFlips, QuantizedModel
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
        name: replace(model.weights[name], words=_xor(model.weights[name].words, index, mask))
        for name, index, mask in by_layer(model, flips)
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


def by_layer(model: QuantizedModel, flips: BitFlips) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What the flips change of the words as they are read: (layer, distinct flat word indices, xor masks).

    Layers in which nothing is read wrong are left out.

    Raises:
        ValueError: an address outside the model's bits.
    """
    layout, at = model.read, misread(model, flips)
    cuts = np.searchsorted(at, layout.starts)
    changes = []
    for i, (name, q) in enumerate(model.weights.items()):
        if cuts[i] < cuts[i + 1]:
            local = at[cuts[i] : cuts[i + 1]] - layout.starts[i]
            changes.append((name, *bits.masks(local, layout.word_bits, q.words.dtype)))
    return changes


def _xor(words: np.ndarray, index: np.ndarray, mask: np.ndarray) -> np.ndarray:
    changed = words.copy()
    changed.reshape(-1)[index] ^= mask
    return changed
