"""Attack and fault at once: examples made on the fault-free network, or on the faulty one itself.

``transfer``: the attacker knows the stored network but not its faults, so the examples are made once and meet
every fault map. ``adaptive``: the attacker works on each faulty network, which is the worst case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from resq.attacks.gradient import ATTACKS
from resq.attacks.linf import Logits
from resq.core import BitFlips, seeds
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import BATCH, Answers, look
from resq.measure.specs import sweep_spec
from resq.memory.beside import Struck


@dataclass(frozen=True)
class AttackConfig:
    """An attack, its budget and its settings.

    Attributes:
        eps: in 1/255 of the pixel range.
        steps, restarts: of PGD; the other attacks have their own.
        seed: decides random starts.
    """

    attack: str = "pgd"
    eps: float = 8.0
    steps: int = 20
    restarts: int = 1
    seed: int = 0

    @property
    def row(self) -> dict[str, Any]:
        """What a row says of it."""
        taken = sweep_spec.attacks()[self.attack]
        own = (taken, 1) if taken else (self.steps, self.restarts)
        return {"attack": self.attack, "eps": self.eps, "steps": own[0], "restarts": own[1]}


def perturb(
    network: Logits, x: Tensor, y: Tensor, threat: AttackConfig, *, early_stop: bool = True
) -> Tensor:
    """The images as the attack moves them, batch by batch; its random starts are the same on any network.

    Args:
        early_stop: PGD leaves an image alone once the network errs on it. Examples for another network want
            all steps: one that just crossed this network's border is often on the right side of the other's.
    """
    return torch.cat(
        [
            of_batch(network, images, labels, threat, i, early_stop=early_stop)
            for i, (images, labels) in enumerate(batches(x, y))
        ]
    )


def batches(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (N, C, H, W) and labels (N,) as they are attacked: ``BATCH`` at once."""
    return zip(x.split(BATCH), y.split(BATCH), strict=True)


def of_batch(
    network: Logits, x: Tensor, y: Tensor, threat: AttackConfig, number: int, *, early_stop: bool = True
) -> Tensor:
    """The images of one of ``batches`` as the attack moves them; its number decides the random starts."""
    settings = {"steps": threat.steps, "restarts": threat.restarts, "early_stop": early_stop}
    options = settings if threat.attack == "pgd" else {}
    rng = seeds.rng(threat.seed, threat.attack, f"{threat.eps:g}", number)
    return ATTACKS[threat.attack](network, x, y, threat.eps / 255, rng=rng, **options)


def transfer(bench: FaultyNetwork, flips: BitFlips | Struck, x_adv: Tensor, y: Tensor) -> Answers:
    """Answers under flips to examples made before: ``perturb(bench.network, ..., stop=False)``."""
    with bench.flipped(flips) as network:
        return look(network, x_adv, y)


def adaptive(
    bench: FaultyNetwork, flips: BitFlips | Struck, x: Tensor, y: Tensor, threat: AttackConfig
) -> Answers:
    """Correct and non-finite, bool (N,) each, on examples crafted on the faulty network itself."""
    with bench.flipped(flips) as network:
        return look(network, perturb(network, x, y, threat), y)
