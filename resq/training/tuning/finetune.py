"""Fine-tuning that all stages share: cosine schedule, validation every epoch, rollback below a floor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resq import networks
from resq.core import Dataset
from resq.networks import answer
from resq.training import machine, train
from resq.training.recipe import Recipe
from resq.training.train import Hooks, Objective, Run
from resq.training.tuning.stage import Options, StageInput, StageResult, run_identity

Order = Callable[[int, np.random.Generator], np.ndarray]
Look = Callable[[Run], dict[str, float]]  # what else an epoch's row has; "overfitted" ends the stage


def finetune(
    site: StageInput,
    options: Options,
    objective: Callable[[Run], Objective],
    *,
    rate: Callable[[float], float] | None = None,
    stepped: Callable[[nn.Module], None] | None = None,
    order: Order | None = None,
    look: Look | None = None,
    decay: float = 0.0,
) -> StageResult:
    """The network after the options' epochs of ``objective``, from the last epoch that kept the floor.

    The floor is the start's accuracy on validation images minus ``drop``. Where no epoch keeps it, the
    weights are those from before the stage, and the notes say so. With ``average`` the mean of the last
    epochs' weights is judged as one epoch more. Where ``look`` says that an epoch overfitted, the stage ends
    with the last one that kept the floor before it.
    """
    recipe = _recipe(site, options)
    state = {k: torch.tensor(v) for k, v in site.checkpoint.state.items()}
    run = train.start(recipe, state, normal=site.checkpoint.normal)
    run.bf16 = None if options["bf16"] else False  # None: measured before the first step
    valid = site.valid.first(min(options["n_valid"], len(site.valid)))
    floor = accuracy(run.network, valid) - options["drop"]

    def validated(run: Run, row: dict[str, float]) -> dict[str, float]:
        scores = {"valid": round(accuracy(run.network, valid), 5), **(look(run) if look else {})}
        if scores["valid"] >= floor and not scores.get("overfitted"):
            run.good = {k: v.detach().clone() for k, v in run.network.body.state_dict().items()}
        site.report({"epoch": run.epoch + 1, "epochs": options["epochs"], **row, **scores})
        return scores

    hooks = Hooks(run_identity(site, options), order, rate or cosine(options), stepped, validated, decay)
    keep = {"keep": site.keep, "quiet": site.quiet, "hooks": hooks}
    train.train(recipe, site.train, run=run, objective=objective(run), **keep)  # type: ignore[arg-type]
    whole = run.averaged and not run.history[-1].get("overfitted")
    mean = {"averaged": _judged(run, valid, floor)} if whole else {}
    return _outcome(site, run, floor, mean)


def _judged(run: Run, valid: Dataset, floor: float) -> dict[str, Any]:
    """Takes the mean of the last weights, now the network's, as its result where it keeps the floor."""
    valid_accuracy = round(accuracy(run.network, valid), 5)
    if valid_accuracy >= floor:
        run.good = {k: v.detach().clone() for k, v in run.network.body.state_dict().items()}
    return {"steps": run.averaged, "valid": valid_accuracy, "kept": valid_accuracy >= floor}


def _outcome(site: StageInput, run: Run, floor: float, mean: dict[str, Any]) -> StageResult:
    form = {"bf16": bool(run.bf16), "channels_last": run.channels_last}
    notes: dict[str, Any] = {"floor": round(floor, 5), "rolled_back": not run.good, **form, **mean}
    if run.history[-1].get("overfitted"):
        notes["overfitted"] = run.history[-1]["epoch"]
    if not run.good:
        return StageResult(site.checkpoint.state, run.history, notes)
    state = {k: v.cpu().contiguous().numpy() for k, v in run.good.items()}
    if mean and mean["averaged"]["kept"]:
        return StageResult(state, run.history, notes)
    kept_epochs = [row["epoch"] for row in run.history if row["valid"] >= floor and not row.get("overfitted")]
    return StageResult(state, run.history, {**notes, "kept_epoch": kept_epochs[-1]})


def _recipe(site: StageInput, options: Options) -> Recipe:
    same = ("epochs", "batch", "lr", "momentum", "weight_decay", "pad", "cutout", "optimizer")
    fields = {name: options[name] for name in same}
    checkpoint, side = site.checkpoint, site.train.pixels.shape[-1]
    return Recipe(
        checkpoint.data, checkpoint.network, "stage", **fields, warmup=0, size=side, early_size=side,
        average_epochs=options["average"], seed=site.seed,
    )  # fmt: skip


def cosine(options: Options) -> Callable[[float], float]:
    """The learning rate that falls from ``lr`` to 0 along half a cosine."""
    return lambda at: float(options["lr"]) * (1 + math.cos(math.pi * at / options["epochs"])) / 2


def accuracy(network: nn.Module, images: Dataset) -> float:
    """The share of ``images`` that a network in float weights gets right; it is back in training after."""
    x = torch.from_numpy(np.ascontiguousarray(images.pixels)).to(machine.of(network)).float().div_(255)
    logits = networks.logits(network, x.contiguous(memory_format=torch.channels_last)).cpu()
    network.train()
    return float(answer.right(logits, torch.from_numpy(images.y)).float().mean())


def squared_distance(one: Tensor, other: Tensor) -> Tensor:
    """Squared distance of two sets of logits, summed over classes, mean over images."""
    return (one - other).square().sum(1).mean()
