"""PGD-20 beside its limit, twenty forward-backward passes, and beside Foolbox and ART on the same network."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks.subjects import bench, images
from benchmarks.timing import Figure, figure, in_turn
from resq.attacks.gradient import gradient, pgd
from resq.core import seeds

EPS, STEP, STEPS = 8 / 255, 2 / 255, 20
TURNS = 9  # the three differ by less than single turns do
PEERS = {"Foolbox": "foolbox", "ART": "art"}


def pgd20(quick: bool) -> dict[str, Figure]:
    """All twenty steps on every image, none left early: what the peers do; and as campaigns run it.

    A campaign leaves an image alone once the network errs on it, which loses no wrong answer.
    """
    x, y = images(16 if quick else 64)
    network = bench().network

    def limit() -> None:
        for _ in range(STEPS):
            gradient(network, x, y)

    def ours(stop: bool = False) -> torch.Tensor:
        return pgd(network, x, y, EPS, rng=seeds.rng(0, "pgd"), steps=STEPS, step=STEP, early_stop=stop)

    there = {name: package for name, package in PEERS.items() if importlib.util.find_spec(package)}
    makers = {"Foolbox": _foolbox, "ART": _art}
    works: dict[str, Callable[[], object]] = {"limit": limit, "ours": ours, "stopped": partial(ours, True)}
    with torch.enable_grad():  # Foolbox does not ask for it
        taken = in_turn({**works, **{name: makers[name](x, y) for name in there}}, 1 if quick else TURNS)
    found = {
        "PGD-20 over its limit": figure(taken["ours"] / taken["limit"], 1.1, "x", note=f"{len(x)} images")
    }
    for name in PEERS:
        value = taken[name] / taken["ours"] if name in taken else None
        note = (
            f"{taken[name]:.2f} s against {taken['ours']:.2f} s"
            if value
            else f"{PEERS[name]} is not installed"
        )
        if value:
            note += f"; leaving images that are wrong already, as campaigns do: {taken['stopped']:.2f} s"
        found[f"PGD-20, times faster than {name}"] = figure(value, 1, "x", more=True, note=note)
    return found


def _foolbox(x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    import foolbox

    model = foolbox.models.pytorch.PyTorchModel(bench().network, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=True)
    return lambda: attack(model, x, y, epsilons=EPS)


def _art(x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    logging.getLogger("art").setLevel(logging.ERROR)
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    loss = torch.nn.CrossEntropyLoss()
    model = PyTorchClassifier(bench().network, loss, (3, 32, 32), 10, clip_values=(0, 1), device_type="cpu")
    attack = ProjectedGradientDescentPyTorch(
        model,
        norm=np.inf,
        eps=EPS,
        eps_step=STEP,
        max_iter=STEPS,
        num_random_init=1,
        batch_size=len(x),
        verbose=False,
    )
    pictures, labels = x.contiguous().numpy(), y.numpy()
    return lambda: attack.generate(pictures, labels)
