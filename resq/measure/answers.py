"""What a network answers: which images it gets right, on which its logits are no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

BATCH = 250


def score(network: torch.nn.Module, x: Tensor, y: Tensor) -> tuple[int, int]:
    """(correct top-1 answers, images whose logits are not finite)."""
    right, broken = answers(network, x, y)
    return int(right.sum()), int(broken.sum())


def answers(network: torch.nn.Module, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """For every image, bool (N,): whether the top-1 answer is correct; whether its logits are not finite.

    The answer is the largest logit; where logits are NaN it is the first of them, as evaluation code in the
    field has it, so a network of NaN stands at the share of class 0. The second array tells such cases.
    """
    right, broken = [], []
    with torch.inference_mode():
        for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
            logits = network(part)
            right.append((logits.argmax(1) == labels).numpy())
            broken.append((~torch.isfinite(logits).all(1)).numpy())
    return np.concatenate(right), np.concatenate(broken)


def counts(right: np.ndarray, broken: np.ndarray) -> dict[str, Any]:
    """What a row says of the answers: ``correct``, ``due`` and, image by image, ``right``."""
    return {
        "correct": int(right.sum()),
        "due": int(broken.sum()),
        "right": np.packbits(right).tobytes(),
    }
