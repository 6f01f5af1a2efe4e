"""A recipe -> a tested checkpoint with the card of its training; stopped, the next call goes on."""

from __future__ import annotations

import dataclasses
import math
import platform
import tempfile
from pathlib import Path
from typing import Any

from resq import checkpoints
from resq.checkpoints import packed
from resq.core import Dataset, paths
from resq.data.held_out import held_out
from resq.measure.run import accuracy
from resq.measure.run.sweep import code_of_training
from resq.networks import imagenet, weight_names
from resq.training import distillation, machine, train
from resq.training import recipe as recipes
from resq.training.train import Run


def finish(
    recipe: recipes.Recipe,
    images: Dataset,
    folder: Path,
    until: float = math.inf,
    device: str = "auto",
    candidate: bool = False,
) -> dict[str, Any] | None:
    """Trains to the end, from where an earlier run stopped, saves and tests.

    Args:
        candidate: one of several to choose from: a part of the images is held out, and judges it instead of
            the test images.

    Returns:
        The card, or None where time ran out first; what was learned is kept and the next call goes on.
    """
    valid = None
    if candidate:
        images, valid = held_out(images)
    keep = paths.work() / "train" / f"{recipe.name.replace('/', '-')}.pt"
    begun = train.start(recipe, device=device)
    finished = train.train(recipe, images, run=begun, keep=keep, until=until)
    if finished.epoch < recipe.epochs:
        return None
    cores = machine.described(machine.of(finished.network))
    body = finished.network.body.cpu()
    state = {k: v.contiguous().numpy() for k, v in body.state_dict().items()}
    form = {
        "machine": f"{platform.machine()}, {cores}",
        "bf16": bool(finished.bf16),
        "channels_last": finished.channels_last,
    }
    about = {**_history(recipe, images, finished), **form, **({"candidate": True} if candidate else {})}
    weights = weight_names(body)
    bits = packed.bits_per_weight(state, weights)
    # The card's accuracy is that of the rounded weights in the file, so a draft is written and tested first.
    keep.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=keep.parent) as drafts:  # of its own: several may end at once
        draft = checkpoints.save(recipe.name, state, weights, about, Path(drafts), bits)
        about["valid" if candidate else "test"] = tested(draft, valid)
    file = checkpoints.save(recipe.name, state, weights, about, folder, bits)
    keep.unlink(missing_ok=True)  # a soup has no epochs, so none
    return checkpoints.card(str(file))


def tested(file: Path, images: Dataset | None = None) -> dict[str, Any]:
    """Accuracy of a saved checkpoint on these images, by default the test split, weights as in the file."""
    return accuracy.on_split(checkpoints.load(str(file)), images=images)


def _history(recipe: recipes.Recipe, images: Dataset, run: Run) -> dict[str, Any]:
    parts = [checkpoints.card(name) for name in recipe.soup]  # whose training is the soup's
    own = sum(row["seconds"] for row in run.history) / 60
    return {
        "recipe": dataclasses.asdict(recipe),
        "recipe_hash": recipe.hash,
        "seed": recipe.seed,
        "epochs": len(run.history) + sum(part["epochs"] for part in parts),
        "train": {"n": len(images), "images": images.hash},
        **_start(recipe, run),
        **distillation.about(recipe),
        "minutes": round(own + sum(part["minutes"] for part in parts), 1),
        "code": code_of_training(recipe.network, recipe.data),
        "selected": f"{_which_weights(recipe)}; within the run nothing was chosen on test images",
        "history": run.history,
    }


def _start(recipe: recipes.Recipe, run: Run) -> dict[str, Any]:
    """Where the weights came from: the start's own card, or those of the soup."""
    if recipe.soup:
        return {"soup": [_about(name) for name in recipe.soup]}
    if not recipe.start:
        return {}
    if recipe.start == recipes.IMAGENET:
        return {"start": imagenet.about(recipe.network, run.network.body)}
    return {"start": _about(recipe.start)}


def _about(name: str) -> dict[str, Any]:
    """The card of a checkpoint that another was made from, without what its file is made of."""
    return {k: v for k, v in checkpoints.card(name).items() if k not in ("weights", "history")}


def _which_weights(recipe: recipes.Recipe) -> str:
    """Which weights of the run the checkpoint holds."""
    if recipe.soup:
        return f"equal parts of the weights of {' and '.join(recipe.soup)}"
    last = "the last epoch"
    if recipe.average_epochs:
        last = f"the mean of the weights over the last {recipe.average_epochs} epochs"
    share = recipe.start_share
    return f"{share:g} of {recipe.start}'s weights and {1 - share:g} of {last}" if share else last
