"""Sharpness-aware training: the largest loss nearby, so that small changes of weights cost little.

Source: Foret et al., ICLR 2021, arXiv:2010.01412 (SAM), written from the formulas: the gradient is taken at
w + rho g / ||g||, g that at w, over all parameters. Whether it helps against bit flips is disputed: it does
in arXiv:2301.00675, it does not in arXiv:2504.01933.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from resq.core.errors import ResqError
from resq.training.train import Objective, cross_entropy
from resq.training.tuning.finetune import finetune
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult

DEFAULTS = {
    **TRAINING,
    "rho": 0.05,  # how far, in the norm over all parameters
}
NEXT_TO_NOTHING = 1e-12  # a gradient's norm below it has no direction


def flat(site: StageInput, options: Options) -> StageResult:
    """The network after epochs of sharpness-aware training.

    Raises:
        ValueError: no distance.
    """
    if not options["rho"]:
        raise ResqError("flat takes rho above 0; with 0 it is the stage clean")
    return finetune(site, options, lambda run: objective(options))


def objective(options: Options) -> Objective:
    """Cross-entropy at the worst point nearby, to first order; batch norms learn from the pass at w alone."""
    rho = float(options["rho"])

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        own = {name: value for name, value in network.named_parameters() if value.requires_grad}
        here, logits = cross_entropy(network, x, y, rng)
        slopes = torch.autograd.grad(here, list(own.values()))
        length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in slopes]))
        scale = rho / length.clamp(min=NEXT_TO_NOTHING)
        moved = {name: value + scale * g for (name, value), g in zip(own.items(), slopes, strict=True)}
        with _learning_nothing(network):
            there = functional_call(network, moved, (x,)).float()
        return F.cross_entropy(there, y), logits

    return loss


@contextmanager
def _learning_nothing(network: nn.Module) -> Iterator[None]:
    """Batch norms use the statistics of the batch, and learn none, inside the block."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum


STAGE = Stage(
    "training for a flat loss around the weights (SAM), without faults", flat, DEFAULTS, lambda options: 2.0
)
