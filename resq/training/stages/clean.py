"""Continued training on the clean images: what the other stages are compared with."""

from __future__ import annotations

from resq.training.train import cross_entropy
from resq.training.tuning.finetune import finetune
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult


def clean(site: StageInput, options: Options) -> StageResult:
    """The network after more epochs of plain cross-entropy."""
    return finetune(site, options, lambda run: cross_entropy)


STAGE = Stage("more epochs on clean images, nothing else", clean, TRAINING)
