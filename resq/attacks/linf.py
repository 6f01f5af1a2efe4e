"""Types and the L-infinity projection that all attacks share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from resq.core.errors import ResqError

Logits = Callable[[Tensor], Tensor]
Attack = Callable[..., Tensor]


def check_eps(eps: float) -> float:
    """The budget, if it lies in [0, 1].

    Raises:
        ValueError: outside [0, 1].
    """
    if not 0 <= eps <= 1:
        raise ResqError(f"eps must lie in [0, 1] of the pixel range, got {eps:g} (8/255 is 0.0314)")
    return eps


def differentiable(value: Tensor) -> Tensor:
    """The tensor, of any shape, or a copy of one made in inference mode, which autograd refuses elsewhere."""
    return value.clone() if value.is_inference() else value


def project_linf(x_adv: Tensor, x: Tensor, eps: float) -> Tensor:
    """``x_adv`` where it lies within ``eps`` of ``x`` and in [0, 1], the nearest such pixel elsewhere."""
    inside = x_adv.nan_to_num(0.5).clamp(0, 1)
    return torch.minimum(torch.maximum(inside, x - eps), x + eps).clamp(0, 1)
