"""Adversarial training: the loss of images that PGD, or one random-start FGSM step, has just moved.

Sources: Madry et al. 2018, arXiv:1706.06083; Wong et al. 2020, arXiv:2001.03994 (one step of 1.25 eps from a
random point; cheap, and able to fail by learning to resist one step alone, which PGD on validation images
shows).
"""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from resq.errors import ResqError
from resq.learn.stages.frame import TRAINING, Options, Outcome, Site, Stage
from resq.learn.stages.taught import TEACHING, Aims, aims, labels, passes
from resq.learn.stages.tune import tuned
from resq.learn.train import Objective
from resq.threat.attacks import pgd

DEFAULTS = {
    **TRAINING,
    **TEACHING,
    "eps": 8.0,  # in 1/255
    "steps": 10,
    "step": 2.0,  # in 1/255
    "clean": 0.0,  # share of the clean images' loss
    "drop": 0.25,
}


def adversarial(site: Site, options: Options) -> Outcome:
    """The network after epochs on moved images.

    Raises:
        ValueError: a budget above 255, or a share outside 0..1.
    """
    eps, share = options["eps"], options["clean"]
    if eps > 255 or share > 1:
        raise ResqError(f"adversarial takes eps in 0..255 and clean in 0..1, got {eps:g} and {share:g}")
    return tuned(site, options, lambda run: objective(options, aims(site, options)))


def objective(options: Options, aim: Aims = labels) -> Objective:
    """Cross-entropy of moved images, and of a share of clean ones; one step is FGSM from a random start."""
    share = float(options["clean"])

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        logits = network(moved(network, x, y, options, rng)).float()
        wanted = aim(x, y)
        found = F.cross_entropy(logits, wanted)
        if share:
            found = (1 - share) * found + share * F.cross_entropy(network(x).float(), wanted)
        return found, logits

    return loss


def moved(network: nn.Module, x: Tensor, y: Tensor, options: Options, rng: np.random.Generator) -> Tensor:
    """Images moved within ``eps`` by steps of PGD from a random start; a single step is 1.25 eps long."""
    steps, eps = options["steps"], options["eps"] / 255
    step = 1.25 * eps if steps == 1 else options["step"] / 255
    learning = network.training
    network.eval()  # as it will be attacked, and so that no batch statistic comes from the search
    found = pgd(network, x, y, eps, rng=rng, steps=steps, step=step, stop=False)
    network.train(learning)
    return found


STAGE = Stage(
    "training on attacked images (PGD, or FGSM from a random start)",
    adversarial,
    DEFAULTS,
    lambda options: 1.0 + options["steps"] + (options["clean"] > 0) + passes(options),
)
