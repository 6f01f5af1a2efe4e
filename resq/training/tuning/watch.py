"""Whether a network that learned to resist its own training's attack resists a longer one, epoch by epoch.

Training on single steps can break down within an epoch: the loss falls on while PGD finds every image
("catastrophic overfitting", Wong et al. 2020, arXiv:2001.03994). PGD on images held out of training tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from resq.attacks.gradient import pgd
from resq.core import Dataset, seeds
from resq.training import machine
from resq.training.train import Run
from resq.training.tuning.finetune import Look
from resq.training.tuning.stage import Options, StageInput

FALL, LEFT = 0.15, 0.6  # broken down: so much below the best, and less than this share of it
STEPS, BATCH = 10, 250

WATCHING = {
    "watch": 0,  # validation images that PGD-10 attacks after every epoch, so that overfitting shows; 0: none
}


def look(site: StageInput, options: Options) -> Look | None:
    """What finds the robust accuracy of a run after an epoch; None where nothing is watched.

    The row it gives has "robust", and "overfitted" 1.0 where that has broken down.
    """
    if not options["watch"]:
        return None
    images = site.valid.first(min(options["watch"], len(site.valid)))

    def robust_accuracy(run: Run) -> dict[str, float]:
        now = robust(run, images, options["eps"] / 255, seeds.rng(site.seed, "watch", run.epoch))
        before = [row["robust"] for row in run.history if "robust" in row]
        return {"robust": now, **({"overfitted": 1.0} if broken(before, now) else {})}

    return robust_accuracy


def robust(run: Run, images: Dataset, eps: float, rng: np.random.Generator) -> float:
    """The share of images that the network gets right after ten steps of PGD; it is in training after."""
    network, right = run.network.eval(), 0
    for part in np.split(np.arange(len(images)), range(BATCH, len(images), BATCH)):
        x = torch.from_numpy(np.ascontiguousarray(images.pixels[part])).to(machine.of(network)).float() / 255
        y = torch.from_numpy(images.y[part]).to(x.device)
        x_adv = pgd(network, x, y, eps, rng=rng, steps=STEPS)
        with torch.no_grad():
            right += int((network(x_adv).argmax(1) == y).sum())
    network.train()
    return round(right / len(images), 5)


def broken(before: Sequence[float], now: float) -> bool:
    """Whether robust accuracy ``now`` says that training has broken down after epochs of ``before``.

    >>> broken([0.40, 0.45], 0.02), broken([0.40, 0.45], 0.35), broken([], 0.0)
    (True, False, False)
    """
    best = max(before, default=0.0)
    return now < best - FALL and now < LEFT * best
