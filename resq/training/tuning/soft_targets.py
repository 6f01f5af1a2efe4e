"""What a stage's network learns to answer: the labels, or in part what it answered before the stage.

Adversarial training that learns, for moved images, an undefended network's answers to the unmoved ones: Cui
et al., ICCV 2021, arXiv:2011.11164. Distillation itself: ``resq.training.distillation``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from resq.core import Encoding
from resq.core.errors import ResqError
from resq.training import distillation
from resq.training.tuning.stage import Options, StageInput
from resq.training.tuning.stage_eval import network_with

TEACHING = {
    "taught": 0.0,  # share of the answers of the network from before the stage, the rest labels
    "temperature": 1.0,  # its logits are divided by this: above 1, it is less sure
}
SoftTargets = Callable[[Tensor, Tensor], Tensor]


def passes(options: Options) -> float:
    """What the teacher's answers add to a step, in passes forward and back: it goes forward alone."""
    return (options["taught"] > 0) / 3


def labels(x: Tensor, y: Tensor) -> Tensor:
    """The labels as they are."""
    return y


def soft_targets(site: StageInput, options: Options) -> SoftTargets:
    """(unmoved images, labels) -> what cross-entropy is taken against: labels (N,) or probabilities (N, C).

    Raises:
        ValueError: a share above 1, or a temperature of 0.
    """
    share, heat = float(options["taught"]), float(options["temperature"])
    if share > 1 or heat == 0:
        raise ResqError(f"taught lies in 0..1 and temperature above 0, got {share:g} and {heat:g}")
    if not share:
        return labels
    teacher = network_with(site.checkpoint, site.checkpoint.state, Encoding.parse("fp32")).eval()

    def softened(x: Tensor, y: Tensor) -> Tensor:
        answers = distillation.teacher_probabilities([teacher.to(x.device)], x, heat)
        return (1 - share) * F.one_hot(y, answers.shape[1]) + share * answers

    return softened
