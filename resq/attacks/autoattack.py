"""APGD, Square and AutoAttack: attacks without settings to tune, from the optional package ``pyautoattack``.

Source: Croce and Hein, ICML 2020, arXiv:2003.01690. The package draws from torch's global generator, which it
seeds; here it does so inside a fork of it, with a seed from ``rng``, so that nothing leaks either way.
"""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from resq.attacks.linf import Logits, check_eps, differentiable, project_linf
from resq.core.errors import LackingError, ResqError

STEPS, QUERIES, TARGETS = 100, 5000, 9  # of the standard version
APGD = ("apgd-ce", "apgd-t")
STANDARD = (*APGD, "fab-t", "square")


def apgd(
    f: Logits, x: Tensor, y: Tensor, eps: float, *, rng: np.random.Generator, steps: int = STEPS
) -> Tensor:
    """Images moved at most ``eps`` per pixel so that ``f`` errs: APGD on cross-entropy, then targeted DLR.

    Args:
        f: images (N, 3, H, W) in [0, 1] -> logits (N, classes).
        eps: budget in the same 0..1 units.
        rng: gives the package its seed.
        steps: of each of the runs: one on cross-entropy, up to 9 towards other classes.

    Raises:
        ValueError: ``eps`` outside [0, 1], fewer than 4 classes, or the package is not installed.
    """
    return _run(APGD, f, x, y, eps, rng, steps, QUERIES)


def autoattack(
    f: Logits,
    x: Tensor,
    y: Tensor,
    eps: float,
    *,
    rng: np.random.Generator,
    steps: int = STEPS,
    queries: int = QUERIES,
) -> Tensor:
    """Images moved at most ``eps`` per pixel so that ``f`` errs: the standard AutoAttack, worst case.

    APGD on cross-entropy and targeted DLR, targeted FAB, then the Square attack, each on the images that
    withstood those before it.

    Args:
        f: images (N, 3, H, W) in [0, 1] -> logits (N, classes).
        eps: budget in the same 0..1 units.
        rng: gives the package its seed.
        queries: of the Square attack, per image.

    Raises:
        ValueError: ``eps`` outside [0, 1], fewer than 4 classes, or the package is not installed.
    """
    return _run(STANDARD, f, x, y, eps, rng, steps, queries)


def square(
    f: Logits, x: Tensor, y: Tensor, eps: float, *, rng: np.random.Generator, queries: int = QUERIES
) -> Tensor:
    """Images moved at most ``eps`` per pixel so that ``f`` errs: the Square attack, which needs no gradients.

    Args:
        f: images (N, C, H, W) in [0, 1] -> logits (N, classes); any function, such as a runtime's answers.
        eps: budget in the same 0..1 units.
        rng: gives the package its seed.
        queries: per image.

    Raises:
        ValueError: ``eps`` outside [0, 1], or the package is not installed.
    Source: Andriushchenko et al., ECCV 2020, arXiv:1912.00049.
    """
    return _run(("square",), f, x, y, eps, rng, STEPS, queries)


@torch.inference_mode(mode=False)
def _run(
    attacks: tuple[str, ...],
    f: Logits,
    x: Tensor,
    y: Tensor,
    eps: float,
    rng: np.random.Generator,
    steps: int,
    queries: int,
) -> Tensor:
    package = _package()
    if check_eps(eps) == 0 or not len(x):
        return x.clone()
    x, y = differentiable(x), differentiable(y)
    seed, traced = int(rng.integers(2**31)), sys.gettrace()
    with torch.no_grad():
        classes = f(x[:1]).shape[1]
    if classes < 4 and "apgd-t" in attacks:
        raise ResqError(f"APGD's targeted loss needs at least 4 classes, got {classes}")
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
        whole = package.AutoAttack(f, attacks=list(attacks), version="custom", eps=eps, seed=seed,
                                     device=x.device)  # fmt: skip
        _set(whole, steps, queries, min(TARGETS, classes - 1))
        try:  # it ends whatever trace function a debugger or a coverage tool has set
            x_adv, _ = whole.run_standard_evaluation(x.contiguous(), y, batch_size=len(x))
        finally:
            sys.settrace(traced)
    return project_linf(x_adv, x, eps)


def _set(whole: object, steps: int, queries: int, targets: int) -> None:
    """The settings of the standard version, but for the number of steps and queries where asked."""
    for name in ("apgd", "apgd_targeted", "fab"):
        part = getattr(whole, name)
        part.n_restarts, part.n_target_classes = 1, targets
        part.n_iter = steps
        if name != "fab":
            # It derives these from the number of steps, once, when it is made.
            part.n_iter_2, part.n_iter_min = max(int(0.22 * steps), 1), max(int(0.06 * steps), 1)
            part.size_decr = max(int(0.03 * steps), 1)
    whole.square.n_queries = queries  # type: ignore[attr-defined]


def _package() -> ModuleType:
    try:
        import pyautoattack
    except ImportError:
        raise LackingError(
            "apgd, square and autoattack come with the package pyautoattack, which is not installed: "
            "pip install pyautoattack==0.2.0"
        ) from None
    return pyautoattack
