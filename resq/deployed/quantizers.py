"""What one word of a deployed file stands for: its own scale and zero point, of its channel or its block."""

from __future__ import annotations

import numpy as np

from resq.deployed.words import Stored


def of_word(tensor: Stored, word: int) -> tuple[float, int] | None:
    """Scale and zero point of one word; 1 and 0 where it stands for itself, None where they are not known."""
    if not tensor.scale:
        return (1.0, 0) if _stands_for_itself(tensor) else None
    places = [_place(tensor, word, len(numbers)) for numbers in (tensor.scale, tensor.zero)]
    if -1 in places:
        return None
    return tensor.scale[places[0]], tensor.zero[places[1]]


def _stands_for_itself(tensor: Stored) -> bool:
    """Whether a word without a quantizer is its own number: a float, a zero point, a shape or a place."""
    shape = tensor.kind == "other" and (tensor.width > 16 or tensor.dtype == "bool")
    return "float" in tensor.dtype or tensor.kind == "scales" or shape


def _place(tensor: Stored, word: int, count: int) -> int:
    """Which of so many scales or zero points is a word's; -1: there are not as many as channels or blocks."""
    if count == 1:
        return 0
    if not 0 <= tensor.axis < len(tensor.shape):
        return -1
    index, sizes = list(np.unravel_index(word, tensor.shape)), list(tensor.shape)
    if not tensor.block:
        return int(index[tensor.axis]) if count == sizes[tensor.axis] else -1
    sizes[tensor.axis] = -(-sizes[tensor.axis] // tensor.block)
    index[tensor.axis] //= tensor.block
    return int(np.ravel_multi_index(index, sizes)) if count == np.prod(sizes) else -1
