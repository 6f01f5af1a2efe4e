"""Training on a margin: the true class must lead by so much before its loss is small. No fault is injected.

Source: Yayla & Kumar 2026, arXiv:2603.05048 (MCEL), of which the abstract alone was at hand: a cross-entropy
that asks for a margin between logits. Bounding the logits, so that growing all of them alike gives no margin,
is this project's reading.
"""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from resq.core.errors import ResqError
from resq.training.train import Objective
from resq.training.tuning.finetune import finetune
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult

DEFAULTS = {
    **TRAINING,
    "margin": 8.0,  # what is taken off the true class's logit before the softmax
    "bound": 16.0,  # logits are squeezed into -bound..bound by tanh while learning; 0: not
}


def margin(site: StageInput, options: Options) -> StageResult:
    """The network after epochs of cross-entropy with a margin.

    Raises:
        ValueError: a margin that bounded logits cannot have.
    """
    if options["bound"] and options["margin"] >= 2 * options["bound"]:
        raise ResqError(
            f"margin lies below twice the bound, got margin {options['margin']:g} and bound "
            f"{options['bound']:g}: bounded logits lie no further apart"
        )
    return finetune(site, options, lambda run: objective(options))


def objective(options: Options) -> Objective:
    """Cross-entropy after the margin is taken off; the answers counted are the network's own."""
    bound = float(options["bound"])

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        logits = network(x).float()
        squeezed = bound * (logits / bound).tanh() if bound else logits
        behind = squeezed - float(options["margin"]) * F.one_hot(y, logits.shape[1])
        return F.cross_entropy(behind, y), logits

    return loss


STAGE = Stage("training on a margin between the true class and the others, without faults", margin, DEFAULTS)
