"""A training step of the stages beside its own forward and backward passes, same network, same images."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.subjects import checkpoint, images
from benchmarks.timing import Figure, figure, in_turn
from resq.core import Dataset
from resq.training import train
from resq.training.recipe import Recipe
from resq.training.stages import STAGES, adversarial, bit_error
from resq.training.train import Hooks, Objective, Run
from resq.training.tuning.stage import options

BATCH, STEPS, TURNS, TARGET = 256, 3, 5, 1.1
CASES: dict[
    str, tuple[str, dict[str, object], int, int]
] = {  # of one step: the stage, its options, passes back to the images, passes back to the weights
    "N-FGSM": ("adversarial", {"method": "n-fgsm"}, 1, 1),
    "PGD-2": ("adversarial", {"steps": 2, "step": 5.0}, 2, 1),
    "bit errors": ("bit_error", {"rate": 0.05, "encoding": "int4-tmr2", "begin": 1e9}, 0, 2),
}


def compare(quick: bool) -> dict[str, Figure]:
    """Seconds of whole steps (crops, search, words, flips, optimizer) over those of the bare passes.

    The machine's threads and float32 on both sides; the passes include the optimizer's step.
    """
    found = {}
    for name, (stage, own, searches, learnings) in CASES.items():
        run, pictures, recipe = _subject(8 if quick else BATCH, 1 if quick else STEPS)
        objective = _objective(stage, own)
        works: dict[str, Callable[[], object]] = {
            "ours": partial(_epoch, run, pictures, recipe, objective),
            "passes": partial(_bare, run, pictures, recipe.batch, searches, learnings),
        }
        with torch.enable_grad():
            taken = in_turn(works, 1 if quick else TURNS)
        note = f"{taken['ours']:.2f} s against {taken['passes']:.2f} s for {len(pictures)} images"
        found[f"step of {name} over its passes"] = figure(
            taken["ours"] / taken["passes"], TARGET, "x", note=note
        )
    return found


def _subject(batch: int, steps: int) -> tuple[Run, Dataset, Recipe]:
    """A run of ResNet18 from the shipped weights, and images for so many steps."""
    x, y = images(batch)
    pixels = np.concatenate([(x * 255).byte().numpy()] * steps)
    pictures = Dataset("cifar10", "train", pixels, np.concatenate([y.numpy()] * steps), tuple("0123456789"))
    recipe = Recipe("cifar10", "resnet18", "step", epochs=1, batch=batch, warmup=0)
    state = {k: torch.tensor(v) for k, v in checkpoint().state.items()}
    run = train.start(recipe, state, "cpu")
    run.bf16 = False
    return run, pictures, recipe


def _objective(stage: str, own: dict[str, object]) -> Objective:
    given = options(stage, STAGES, own)
    if stage == "adversarial":
        return adversarial.objective(given)
    names = checkpoint().weights
    draw = bit_error.AtRates([given["rate"]] * len(names))
    return bit_error.objective(names, given, draw, 10)


def _epoch(run: Run, pictures: Dataset, recipe: Recipe, objective: Objective) -> None:
    """One epoch by the training loop, which goes on from the same run each time."""
    run.epoch, run.history = 0, []
    train.train(recipe, pictures, run=run, objective=objective, quiet=True, hooks=Hooks(rate=lambda at: 1e-4))


def _bare(run: Run, pictures: Dataset, batch: int, searches: int, learnings: int) -> float:
    """The passes alone, and the optimizer's step; seconds."""
    began = time.perf_counter()
    for pixels, labels in zip(
        np.split(pictures.pixels, len(pictures) // batch),
        np.split(pictures.y, len(pictures) // batch),
        strict=True,
    ):
        x = torch.from_numpy(pixels).float().div_(255).contiguous(memory_format=torch.channels_last)
        y = torch.from_numpy(labels)
        run.network.eval()
        for _ in range(searches):
            moved = x.clone().requires_grad_()
            torch.autograd.grad(_loss(run.network, moved, y), moved)
        run.network.train()
        run.optimizer.zero_grad(set_to_none=True)
        for _ in range(learnings):
            _loss(run.network, x, y).backward()
        run.optimizer.step()
    return time.perf_counter() - began


def _loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(network(x), y)
