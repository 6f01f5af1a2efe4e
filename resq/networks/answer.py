"""When an answer counts as right."""

from __future__ import annotations

import torch
from torch import Tensor


def right(logits: Tensor, y: Tensor) -> Tensor:
    """Whether the largest logit is that of the true class and all are finite, bool (N,).

    Args:
        logits: (N, classes); y: classes (N,).

    A network whose logits are not finite gives no answer. ``argmax`` alone takes the first NaN for the
    largest logit, so that a network of NaN would be right on the images of class 0.

    >>> nan = float("nan")
    >>> right(torch.tensor([[nan, nan], [0.0, 1.0], [float("inf"), 1.0]]), torch.tensor([0, 1, 0])).tolist()
    [False, True, False]
    """
    return (logits.argmax(1) == y) & torch.isfinite(logits).all(1)
