"""Adversarial training: the loss of images that have just been moved against the network.

The ways of moving them, with their sources, are in ``movers``; ``watch`` shows when a cheap one fails.
"""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from resq.core import lookup
from resq.core.errors import ResqError
from resq.training.train import Objective
from resq.training.tuning.finetune import finetune
from resq.training.tuning.movers import MOVERS, divergence, moved
from resq.training.tuning.soft_targets import TEACHING, SoftTargets, labels, passes, soft_targets
from resq.training.tuning.stage import TRAINING, Options, Stage, StageInput, StageResult
from resq.training.tuning.watch import WATCHING, look

DEFAULTS = {
    **TRAINING,
    **TEACHING,
    **WATCHING,
    "method": "pgd",  # or n-fgsm, trades
    "eps": 8.0,  # in 1/255
    "steps": 10,  # of pgd and trades; n-fgsm takes one
    "step": 2.0,  # in 1/255
    "clean": 0.0,  # share of the clean images' loss
    "beta": 5.0,  # weight of trades' divergence between moved and unmoved images
    "smooth": 0.0,  # label smoothing
    "decay": 0.0,  # of the average's past at each step, such as 0.999; 0: all steps count alike
    "drop": 0.25,
}


def adversarial(site: StageInput, options: Options) -> StageResult:
    """The network after epochs on moved images.

    Raises:
        ValueError: no such method, a budget above 255, or a share outside 0..1.
    """
    refuse(options)
    return finetune(
        site,
        options,
        lambda run: objective(options, soft_targets(site, options)),
        look=look(site, options),
        decay=options["decay"],
    )


def refuse(options: Options) -> None:
    """Nothing, where the options go together.

    Raises:
        ValueError: they do not; the sentence says why.
    """
    lookup("method", options["method"], MOVERS)
    eps, share = options["eps"], options["clean"]
    if eps > 255 or share > 1:
        raise ResqError(f"adversarial takes eps in 0..255 and clean in 0..1, got {eps:g} and {share:g}")
    if share and options["method"] == "trades":
        raise ResqError(
            f"trades has clean images in its loss already, and beta beside them; got clean = {share:g}"
        )
    for name in ("smooth", "decay"):
        if options[name] >= 1:
            raise ResqError(f"adversarial takes {name} in 0..1, below 1, got {options[name]:g}")
    if options["decay"] and not options["average"]:
        raise ResqError(
            f"decay = {options['decay']:g} is of an average; say of how many last epochs (average)"
        )


def objective(options: Options, aim: SoftTargets = labels) -> Objective:
    """Cross-entropy of moved images and a share of clean ones; trades: of clean ones, and the divergence."""
    share, smooth = float(options["clean"]), float(options["smooth"])

    def loss(network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        near, wanted = moved(network, x, y, options, rng), aim(x, y)
        if options["method"] == "trades":
            calm, hit = network(x).float(), network(near).float()
            apart = divergence(hit, calm.softmax(1))
            return F.cross_entropy(calm, wanted, label_smoothing=smooth) + options["beta"] * apart, hit
        logits = network(near).float()
        ce = F.cross_entropy(logits, wanted, label_smoothing=smooth)
        if share:
            calm = network(x).float()
            ce = (1 - share) * ce + share * F.cross_entropy(calm, wanted, label_smoothing=smooth)
        return ce, logits

    return loss


def _passes(options: Options) -> float:
    """Passes per image and step: those of the search, of the moved images, and of clean ones where any."""
    own = {"n-fgsm": 1.0, "trades": options["steps"] + 1 / 3}
    search = own.get(options["method"], float(options["steps"]))
    unmoved = options["clean"] > 0 or options["method"] == "trades"
    return float(search + 1 + unmoved + passes(options))


STAGE = Stage(
    "training on attacked images (PGD, FGSM from a random start, N-FGSM, TRADES)",
    adversarial,
    DEFAULTS,
    _passes,
)
