"""The network of a case and the pictures it is shown: what a code hides, and what can be measured of it.

A cause that costs no accuracy would be no riddle: a drawn case is the first draw that costs ``LEAST`` of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from resq.core import BitFlips, QuantizedModel
from resq.core.errors import ResqError
from resq.measure.engine import faulty_network
from resq.measure.engine.predictions import BATCH
from resq.measure.run import joint_attack
from resq.measure.run.mystery import cases
from resq.measure.run.one_flip import activation_trace
from resq.memory import flipping, quant
from resq.networks import Network, answer

LEAST = 0.05  # of the accuracy
TRIES = 200
TRACED = 16  # pictures


@dataclass(frozen=True, eq=False)
class Pictures:
    """Test images (N, 3, H, W) float32 in [0, 1] and their labels (N,) int64."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True, eq=False)
class Suspect:
    """What a case hides, and what comes of it.

    Attributes:
        flips: the stored bits that are changed.
        x: the pictures as they reach the network, (N, 3, H, W).
        clean, answers: the class given to each picture as stored and in the case, int64 (N,); the number of
            classes where the answer is no number.
        accuracy: as stored, and in the case.
    """

    case: cases.Case
    cause: cases.Cause
    flips: BitFlips
    x: Tensor
    clean: np.ndarray
    answers: np.ndarray
    accuracy: tuple[float, float]


def suspect(network: Network, model: QuantizedModel, pictures: Pictures, case: cases.Case) -> Suspect:
    """The first cause of the case that costs enough; of a chosen case the one that was chosen.

    Raises:
        ResqError: the code hides nothing, or no draw costs enough on this network.
    """
    none = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    before = _logits(network, model, none, pictures.x)
    right = _accuracy(before, pictures.y)
    for _, cause in zip(range(TRIES), cases.opened(case, cases.every(model)), strict=False):
        flips, x = cases.flips(model, cause, case), _seen(network, pictures, cause, case)
        after = _logits(network, model, flips, x)
        now = _accuracy(after, pictures.y)
        if case.number >= cases.CHOSEN or right - now >= LEAST:
            return Suspect(case, cause, flips, x, _classes(before), _classes(after), (right, now))
    raise ResqError(
        f"none of {TRIES} causes of case {case.code} costs this network {100 * LEAST:g} points of accuracy; "
        "take another number"
    )


def _seen(network: Network, pictures: Pictures, cause: cases.Cause, case: cases.Case) -> Tensor:
    """The pictures as they reach the network."""
    if isinstance(cause, cases.Fault):
        return pictures.x
    threat = joint_attack.AttackConfig(cause.attack, cause.eps, steps=10, seed=case.number)
    return joint_attack.perturb(network, pictures.x, pictures.y, threat)


def _logits(network: Network, model: QuantizedModel, flips: BitFlips, x: Tensor) -> Tensor:
    return torch.cat([faulty_network.faulty_logits(network, model, flips, part) for part in x.split(BATCH)])


def _accuracy(logits: Tensor, y: Tensor) -> float:
    return int(answer.right(logits, y).sum()) / len(y)


def _classes(logits: Tensor) -> np.ndarray:
    top, n = logits.argmax(1).numpy(), logits.shape[1]
    return np.where(torch.isfinite(logits).all(1).numpy(), top, n)


def flow(clean: np.ndarray, answers: np.ndarray, n: int) -> np.ndarray:
    """How many pictures of each answer as stored became which, int64 (n, n + 1); last: no number.

    >>> flow(np.array([0, 0, 1]), np.array([0, 1, 2]), 2)
    array([[1, 1, 0],
           [0, 0, 1]])
    """
    counts = np.zeros((n + 1, n + 1), dtype=np.int64)
    np.add.at(counts, (clean, answers), 1)
    return counts[:n]


def accuracy_untouched(network: Network, model: QuantizedModel, pictures: Pictures, hidden: Suspect) -> float:
    """Accuracy of the network of the case on the pictures as they were taken."""
    if not len(hidden.flips):
        return hidden.accuracy[0]
    return _accuracy(_logits(network, model, hidden.flips, pictures.x), pictures.y)


def trace(network: Network, model: QuantizedModel, pictures: Pictures, hidden: Suspect) -> dict[str, float]:
    """Relative change of each layer's output in the case, over the first ``TRACED`` pictures."""
    none = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    before = activation_trace.outputs(network, model, none, pictures.x[:TRACED])
    after = activation_trace.outputs(network, model, hidden.flips, hidden.x[:TRACED])
    return activation_trace.relative_change(before, after)


def moves(pictures: Pictures, hidden: Suspect) -> np.ndarray:
    """By how many 1/255 each value of the pictures is moved, float32 (N x 3 x H x W,)."""
    return (255 * (hidden.x - pictures.x)).numpy().reshape(-1)


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of the network, as stored and in the case.

    Attributes:
        values: what its words are read as, float32 (2, words).
        ones: how many of its words store a 1 in each bit, int64 (2, bits).
        risen, fallen: how many words have changed from 0 to 1, and from 1 to 0, in each bit, int64 (bits,).
    """

    values: np.ndarray
    ones: np.ndarray
    risen: np.ndarray
    fallen: np.ndarray


def layer(model: QuantizedModel, flips: BitFlips, name: str) -> Layer:
    """What can be measured of one layer's words."""
    pair = model.weights[name], flipping.flip(model, flips).weights[name]
    words, width = [q.words.reshape(-1) for q in pair], pair[0].encoding.word_bits
    return Layer(
        np.stack([quant.dequantize(q).reshape(-1) for q in pair]),
        np.array([_ones(w, width) for w in words]),
        np.array(_ones(~words[0] & words[1], width)),
        np.array(_ones(words[0] & ~words[1], width)),
    )


def _ones(words: np.ndarray, width: int) -> Sequence[int]:
    return [int((words >> words.dtype.type(bit) & words.dtype.type(1)).sum()) for bit in range(width)]
