"""Weights kept as one-byte codes in a checkpoint's file: half of float16's, for large networks.

A weight of shape (out, ...) lies there as uint8 codes, affine per output channel, with ``NAME|scale`` and
``NAME|zero`` beside it, float32 (out,). Read again it is float32, whatever encoding it is then put into.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from resq.core import Encoding, QuantizedTensor
from resq.memory import quant

BYTE = Encoding()
SCALE, ZERO = "|scale", "|zero"
LARGE = 2**20  # weights; a finished network of so many is kept as codes


def large(state: Mapping[str, np.ndarray], weights: tuple[str, ...]) -> bool:
    """Whether a finished network is kept as codes: files stay below 16 MiB up to VGG16."""
    return sum(state[name].size for name in weights) >= LARGE


def packed(name: str, weight: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors that stand for one weight in the file.

    >>> [(k, v.dtype.name) for k, v in packed("a", np.array([[0.0, 1.0]])).items()]
    [('a', 'uint8'), ('a|scale', 'float32'), ('a|zero', 'float32')]
    """
    q = quant.quantize(weight, BYTE)
    return {name: q.words, name + SCALE: q.scale, name + ZERO: q.zero}


def unpacked(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a file with every coded weight as float32; the others are passed on.

    Raises:
        ValueError: codes, scale and zero point do not belong together; the sentence names the weight.
    """
    coded = {key.removesuffix(SCALE) for key in tensors if key.endswith(SCALE)}
    beside = {name + end for name in coded for end in (SCALE, ZERO)}
    lost = sorted(coded - set(tensors))
    if lost:
        raise ValueError(f"there are scales of {lost[0][:80]!r} but no codes")
    return {k: _weight(k, tensors) if k in coded else v for k, v in tensors.items() if k not in beside}


def _weight(name: str, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    words, scale, zero = tensors[name], tensors[name + SCALE], tensors.get(name + ZERO)
    if words.dtype != np.uint8 or not words.ndim:
        raise ValueError(f"{name[:80]!r} is {words.dtype} {words.shape}; expected uint8 codes (out, ...)")
    if zero is None:
        raise ValueError(f"the codes of {name[:80]!r} have no zero point beside them")
    for key, value in (("scale", scale), ("zero point", zero)):
        if value.dtype != np.float32 or value.shape != words.shape[:1] or not np.isfinite(value).all():
            raise ValueError(
                f"the {key} of {name[:80]!r} is {value.dtype} {value.shape}; "
                f"expected finite float32 {words.shape[:1]}"
            )
    return quant.dequantize(QuantizedTensor(words, scale, zero, BYTE))
