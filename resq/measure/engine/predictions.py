"""What a network answers: which images it gets right, how sure it is, on which its logits are no numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq.measure.specs import sdc_rates
from resq.networks import answer

BATCH = 250


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to N images.

    Attributes:
        correct: bool (N,), whether the largest logit is that of the true class and all logits are finite.
        nonfinite: bool (N,), whether a logit is NaN or infinite: an error that is noticed (DUE).
        top: int64 (N,), the class of the largest logit; of a broken image it means nothing.
        sure: float32 (N,), the softmax probability of that class; of a broken image it means nothing.
    """

    right: np.ndarray
    broken: np.ndarray
    top: np.ndarray
    sure: np.ndarray


def look(network: torch.nn.Module, x: Tensor, y: Tensor) -> Answers:
    """The answers of a network to images (N, 3, H, W) of the classes y (N,).

    Source: ``answer.right`` says what counts as right.
    """
    parts = []
    with torch.inference_mode():
        for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
            logits = network(part).float()
            correct, nonfinite = answer.right(logits, labels), ~torch.isfinite(logits).all(1)
            sure, top = logits.softmax(1).max(1)
            parts.append([v.numpy() for v in (correct, nonfinite, top, sure)])
    return Answers(*map(np.concatenate, zip(*parts, strict=True)))


def evaluate(network: torch.nn.Module, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """For every image, bool (N,): ``correct`` and ``nonfinite`` of its ``Answers``."""
    answers = look(network, x, y)
    return answers.right, answers.broken


def score(network: torch.nn.Module, x: Tensor, y: Tensor) -> tuple[int, int]:
    """(correct top-1 answers, images whose logits are not finite)."""
    answers = look(network, x, y)
    return int(answers.right.sum()), int(answers.broken.sum())


def row_counts(answers: Answers, clean: Answers | None = None) -> dict[str, Any]:
    """What a row says of the answers: ``correct``, ``due``, the SDC counts and, image by image, ``correct``.

    Args:
        clean: the answers of the fault-free network to the same images; without them nothing says how many
            answers a fault changed, and the counts of SDC are None.
    """
    return {
        "correct": int(answers.right.sum()),
        "due": int(answers.broken.sum()),
        "right": np.packbits(answers.right).tobytes(),
        **(sdc_rates.silent(answers, clean) if clean else dict.fromkeys(sdc_rates.SILENT)),
    }
