"""Gradient attacks. Add an attack: ``(f, x, y, eps, *, rng, ...) -> x_adv`` and a line in ATTACKS."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resq.attacks.autoattack import apgd, autoattack, square
from resq.attacks.linf import Attack, Logits, check_eps, differentiable
from resq.core import registries
from resq.core.errors import ResqError
from resq.networks import answer


def fgsm(f: Logits, x: Tensor, y: Tensor, eps: float, *, rng: np.random.Generator | None = None) -> Tensor:
    """Images moved by exactly ``eps`` along the sign of the loss gradient, clipped to [0, 1].

    Args:
        f: images (N, 3, H, W) in [0, 1] -> logits (N, classes).
        eps: budget in the same 0..1 units; 8/255 is usual for CIFAR-10.
        rng: ignored, FGSM is deterministic; it is here so that all attacks have one signature.

    Raises:
        ValueError: ``eps`` outside [0, 1].
    Source: Goodfellow et al. 2015, arXiv:1412.6572.
    """
    return (x + check_eps(eps) * gradient(f, x, y).sign()).clamp(0, 1)


def pgd(
    f: Logits,
    x: Tensor,
    y: Tensor,
    eps: float,
    *,
    rng: np.random.Generator,
    steps: int = 10,
    step: float = 2 / 255,
    restarts: int = 1,
    random_start: bool = True,
    early_stop: bool = True,
) -> Tensor:
    """Images moved at most ``eps`` per pixel so that ``f`` errs (L-infinity PGD), worst case over restarts.

    Args:
        f: images (N, 3, H, W) in [0, 1] -> logits (N, classes).
        eps: budget in the same 0..1 units; ``step`` likewise.
        rng: decides the random starts and nothing else.
        random_start: begin at a random point of the box instead of at the image.
        early_stop: leave an image alone as soon as ``f`` errs on it; never weaker, and far fewer passes.
            Without it every restart takes all steps, as the plain algorithm has it, and of an image's last
            iterates one on which ``f`` errs is returned; of several such, or none, that of the highest loss.

    Raises:
        ValueError: ``eps`` outside [0, 1], or fewer than one step or restart.
    Source: Madry et al. 2018, arXiv:1706.06083, eq. 2.
    """
    check_eps(eps)
    if steps < 1 or restarts < 1:
        raise ResqError(f"PGD needs at least 1 step and 1 restart, got {steps} and {restarts}")
    best = x.clone()
    active = torch.arange(len(x), device=x.device) if not early_stop or eps == 0 else _correct(f, x, y)
    for number in range(restarts):
        if eps == 0 or not len(active):
            break
        x_adv = _descend_box(
            f, x[active], y[active], eps, _noise(x, eps, rng, random_start)[active], steps, step, early_stop
        )
        worse = _worse(f, x_adv, best, y) if number and not early_stop else slice(None)
        best[active[worse]] = x_adv[worse]
        active = active[_correct(f, x_adv, y[active])] if early_stop else active
    return best


def _noise(x: Tensor, eps: float, rng: np.random.Generator, random_start: bool) -> Tensor:
    """A random point of the box for every image, drawn for all of them so that no image shifts another's."""
    return uniform(x, eps, rng) if random_start else torch.zeros_like(x)


def uniform(x: Tensor, eps: float, rng: np.random.Generator) -> Tensor:
    """Noise of the images' shape (N, 3, H, W), float32, each pixel's from -eps to eps."""
    if x.is_cuda:  # drawn where the images lie: on the way there it would take as long as a step
        generator = torch.Generator(x.device).manual_seed(int(rng.integers(2**62)))
        unit = torch.rand(x.shape, generator=generator, device=x.device)
    else:
        unit = torch.from_numpy(rng.random(tuple(x.shape), dtype=np.float32))
    return (2 * unit - 1) * eps


def _descend_box(
    f: Logits, x: Tensor, y: Tensor, eps: float, noise: Tensor, steps: int, step: float, early_stop: bool
) -> Tensor:
    """One restart: ``steps`` signed gradient steps, projected on the box and on [0, 1] after each."""
    low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    x_adv = (x + noise).clamp(0, 1)
    active = torch.arange(len(x), device=x.device)
    for _ in range(steps):
        slope, logits = gradient_and_logits(f, x_adv[active], y[active])
        if early_stop:
            # The logits come with the gradient anyway: images already wrong stay as they are.
            right = answer.right(logits, y[active])
            active, slope = active[right], slope[right]
            if not len(active):
                break
        ahead = x_adv[active] + step * slope.sign()
        x_adv[active] = torch.minimum(torch.maximum(ahead, low[active]), high[active])
    return x_adv


def _correct(f: Logits, x: Tensor, y: Tensor) -> Tensor:
    """Indices of the images that ``f`` still gets right."""
    with torch.no_grad():
        return torch.nonzero(answer.right(f(x), y)).flatten()


def _worse(f: Logits, x_adv: Tensor, best: Tensor, y: Tensor) -> Tensor:
    """Which images ``x_adv`` are harder for ``f`` than those found before, bool (N,): wrong, or more loss."""
    wrong, loss = _harm(f, x_adv, y)
    wrong_before, loss_before = _harm(f, best, y)
    return (wrong & ~wrong_before) | ((wrong == wrong_before) & (loss > loss_before))


def _harm(f: Logits, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Whether ``f`` errs, bool (N,), and the cross-entropy, (N,), infinite where logits are no numbers."""
    with torch.no_grad():
        logits = f(x)
    loss = F.cross_entropy(logits, y, reduction="none")
    return ~answer.right(logits, y), loss.nan_to_num(nan=torch.inf, posinf=torch.inf)


def gradient(f: Logits, x: Tensor, y: Tensor) -> Tensor:
    """Gradient of the summed cross-entropy with respect to the images."""
    return gradient_and_logits(f, x, y)[0]


def gradient_and_logits(f: Logits, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the summed cross-entropy with respect to the images, and the logits on the way."""
    with torch.inference_mode(mode=False), torch.enable_grad():  # whatever the caller computes in
        x, y = (differentiable(value) for value in (x.detach(), y))
        logits = f(x.requires_grad_())
        loss = F.cross_entropy(logits, y, reduction="sum")
        return torch.autograd.grad(loss, x)[0], logits.detach()


ATTACKS: dict[str, Attack] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "apgd": apgd,
    "square": square,
    "autoattack": autoattack,
}
registries.note("attack", ATTACKS)
