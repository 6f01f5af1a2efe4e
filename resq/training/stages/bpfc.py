"""Bit Plane Feature Consistency: the same logits for an image and for its coarsely quantized copy.

Source: Addepalli et al., CVPR 2020, arXiv:2004.00306, written from the formulas. A fine-tuning schedule of
this project: the epochs are cut into as many equal parts as there are rates and weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.core.errors import ResqError
from resq.training.train import Objective, Run
from resq.training.tuning.finetune import finetune, squared_distance
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult

DEFAULTS = {
    **TRAINING,
    "epochs": 12,
    "planes": 5,
    "rates": [0.02, 0.004, 0.0008],
    "weights": [1.0, 9.0, 81.0],
    "drop": 0.2,
}


def bpfc(site: StageInput, options: Options) -> StageResult:
    """The network after epochs that draw image and quantized image together, ever more strongly.

    Raises:
        ValueError: not as many rates as weights, or planes outside 1..7.
    """
    rates, weights = options["rates"], options["weights"]
    if len(rates) != len(weights) or not rates:
        raise ResqError(f"bpfc needs as many rates as weights, got {len(rates)} and {len(weights)}")
    if not 1 <= options["planes"] <= 7:
        raise ResqError(f"bpfc drops 1 to 7 of 8 bit planes, got {options['planes']}")
    part = parts(options["epochs"], len(rates))
    scale = 10 / len(site.train.classes)  # the weights were published for ten classes
    return finetune(
        site,
        options,
        lambda run: objective(lambda: weights[part(run.epoch)] * scale, run, options["planes"]),
        rate=lambda at: float(rates[part(int(at))]),
    )


def parts(epochs: int, count: int) -> Callable[[int], int]:
    """Epoch -> which of ``count`` equal parts of the run it lies in.

    >>> [parts(4, 2)(epoch) for epoch in range(4)]
    [0, 0, 1, 1]
    """
    return lambda epoch: min(count - 1, epoch * count // epochs)


def objective(weight: Callable[[], float], run: Run, planes: int) -> Objective:
    """Cross-entropy of the clean images plus ``weight()`` times the squared distance of the logits."""

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        logits, coarse = network(x).float(), network(coarsened(x, planes, rng)).float()
        return F.cross_entropy(logits, y) + weight() * squared_distance(logits, coarse), logits

    return loss


def coarsened(x: Tensor, planes: int, rng: np.random.Generator) -> Tensor:
    """Images in [0, 1] with noise of up to 2^min(planes - 2, 3) grey levels, their low planes dropped."""
    unit = torch.from_numpy(rng.random(tuple(x.shape), dtype=np.float32)).to(x.device)
    return quantized((255 * x).round() + (2 * unit - 1) * 2 ** min(planes - 2, 3), planes)


def quantized(z: Tensor, planes: int) -> Tensor:
    """Grey levels -> the middle of their interval of 2^planes levels, cut to 0..255, over 255.

    Float32 of any shape; the result is of the same shape, in 0..1.

    >>> (quantized(torch.tensor([0.0, 31.9, 32.0, 250.0, -3.0]), 5) * 255).round().tolist()
    [16.0, 16.0, 48.0, 240.0, 0.0]
    """
    step = 2**planes
    return (z - z.remainder(step) + step / 2).clamp(0, 255) / 255


STAGE = Stage(
    "the same features for an image and its coarse copy (BPFC)", bpfc, DEFAULTS, lambda options: 2.0
)
