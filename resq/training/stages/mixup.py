"""Mixup: training on weighted means of two images and of their labels.

Source: Zhang et al. 2018, arXiv:1710.09412.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.training.train import Objective
from resq.training.tuning.finetune import finetune
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult

DEFAULTS = {**TRAINING, "alpha": 0.2}


def mixup(site: StageInput, options: Options) -> StageResult:
    """The network after epochs on mixed images; each batch's share is drawn from Beta(alpha, alpha)."""
    return finetune(site, options, lambda run: objective(float(options["alpha"])))


def objective(alpha: float) -> Objective:
    """Cross-entropy against both labels, weighted as the images are."""

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        share = float(rng.beta(alpha, alpha))
        other = torch.from_numpy(rng.permutation(len(x))).to(x.device)
        logits = network(mixed(x, x[other], share)).float()
        return mixed_loss(logits, y, y[other], share), logits

    return loss


def mixed(x: Tensor, other: Tensor, share: float) -> Tensor:
    """``share`` of the images and the rest of the others.

    >>> mixed(torch.tensor([1.0]), torch.tensor([0.0]), 0.75)
    tensor([0.7500])
    """
    return share * x + (1 - share) * other


def mixed_loss(logits: Tensor, y: Tensor, other: Tensor, share: float) -> Tensor:
    """Cross-entropy with the target ``share`` on ``y`` and the rest on ``other``, mean over images."""
    return share * F.cross_entropy(logits, y) + (1 - share) * F.cross_entropy(logits, other)


STAGE = Stage("mixed images and labels (Mixup)", mixup, DEFAULTS)
