"""What a network gets right, clean and moved by PGD, image by image, so that networks compare in pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS, STEP = 8 / 255, 2 / 255


def right(network: nn.Module, x: Tensor, y: Tensor, batch: int = 1000) -> Tensor:
    """Which images (N, 3, 32, 32) are answered rightly, bool (N,)."""
    with torch.inference_mode():
        return torch.cat([network(part).argmax(1) for part in x.split(batch)]) == y


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """How far the best wrong answer lies above the right one, (N,)."""
    own = F.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(own, -torch.inf).amax(1) - logits[own]


def pgd(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    steps: int,
    eps: float = EPS,
    kind: str = "ce",
    step: float = STEP,
) -> Tensor:
    """Which images PGD from a random start leaves right after its last step, bool (N,).

    Args:
        kind: what is climbed: "ce" cross-entropy, "margin" the margin, with a step that shrinks to nothing.
    """
    now = (x + torch.empty_like(x).uniform_(-eps, eps)).clamp(0, 1)
    for i in range(steps):
        now.requires_grad_(True)
        logits = network(now)
        found = F.cross_entropy(logits, y, reduction="sum") if kind == "ce" else margin(logits, y).sum()
        slope = torch.autograd.grad(found, now)[0].sign()
        length = step if kind == "ce" else 2 * step * (1 - i / steps)
        now = torch.minimum(torch.maximum(now.detach() + length * slope, x - eps), x + eps).clamp(0, 1)
    return right(network, now, y)


def held(network: nn.Module, x: Tensor, y: Tensor, steps: int = 20) -> tuple[float, float]:
    """Clean accuracy, and that after both PGD on cross-entropy and twice as many steps on the margin."""
    clean = right(network, x, y)
    hit = clean & pgd(network, x, y, steps) & pgd(network, x, y, 2 * steps, kind="margin")
    return float(clean.float().mean()), float(hit.float().mean())
