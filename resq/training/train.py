"""The one training loop: any objective, resumable after every epoch, the same run from the same seed.

On a GPU sums are taken in no fixed order: the same seed gives the same course of training there, not the same
bytes. An epoch may be over in a second, so a run is kept every ten.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from resq import checkpoints, data, networks
from resq.core import Dataset, seeds
from resq.core.errors import ResqError
from resq.core.files import write_with
from resq.data.normal import Normal, of_card
from resq.measure.specs import plugged
from resq.networks import answer, imagenet
from resq.training import augment, average, distillation, machine
from resq.training.recipe import IMAGENET, Recipe

SAVED = 10.0  # seconds between two savings of a run on a GPU, where an epoch takes about one

# (network, images in [0, 1], labels, random stream) -> loss; a stage brings its own.
Objective = Callable[[nn.Module, Tensor, Tensor, np.random.Generator], tuple[Tensor, Tensor]]


def cross_entropy(
    network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator, smooth: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the clean images, and the logits it was computed from."""
    logits = network(x).float()
    return F.cross_entropy(logits, y, label_smoothing=smooth), logits


def mixed_labels(
    network: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator, *, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Cross-entropy, of ``recipe.mix`` of the batches with rectangles of other images; the logits."""
    if rng.random() >= recipe.mix:
        return cross_entropy(network, x, y, rng, recipe.smooth)
    x, other, left = augment.cutmix(x, rng)
    own, logits = cross_entropy(network, x, y, rng, recipe.smooth)
    theirs = F.cross_entropy(logits, y[other], label_smoothing=recipe.smooth)
    return left * own + (1 - left) * theirs, logits


def distilled(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    rng: np.random.Generator,
    *,
    recipe: Recipe,
    teachers: list[nn.Module],
) -> tuple[Tensor, Tensor]:
    """``recipe.taught`` of the cross-entropy against the teachers, the rest against labels; the logits."""
    own, logits = cross_entropy(network, x, y, rng, recipe.smooth)
    theirs = F.cross_entropy(logits, distillation.teacher_probabilities(teachers, x))
    return (1 - recipe.taught) * own + recipe.taught * theirs, logits


@dataclass(frozen=True)
class Hooks:
    """What a stage adds to the loop; the defaults add nothing.

    Attributes:
        mark: the stage's own options: a run kept under another mark is not gone on with.
        order: (epoch, its random stream) -> which images are seen; by default each once, shuffled.
        rate: epochs into the run -> learning rate, instead of the recipe's.
        stepped: called with the network after every step; weights are clipped there.
        told: called with the run and the epoch's row after every epoch; what it returns joins the row. A row
            with "overfitted" ends the run.
        decay: of the average of the weights (``average.add``).
    """

    mark: str = ""
    order: Callable[[int, np.random.Generator], np.ndarray] | None = None
    rate: Callable[[float], float] | None = None
    stepped: Callable[[nn.Module], None] | None = None
    after_epoch: Callable[[Run, dict[str, float]], dict[str, float]] | None = None
    decay: float = 0.0


@dataclass(eq=False)
class Run:
    """A training run between two epochs: all that a resumed process needs."""

    network: networks.Network
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    bf16: bool | None = None  # None: neither this nor the order in memory is measured yet
    channels_last: bool = True
    average: dict[str, Tensor] = field(default_factory=dict)  # mean of the weights so far, where asked
    averaged: int = 0  # how many steps' weights are in it
    good: dict[str, Tensor] = field(default_factory=dict)  # weights to fall back on, where a stage keeps any


def start(
    recipe: Recipe,
    state: dict[str, Tensor] | None = None,
    device: str = "auto",
    normal: Normal | None = None,
) -> Run:
    """A run at epoch 0, from a seeded random start, the recipe's start, or ``state`` of a body.

    Args:
        device: "auto", "cpu" or "cuda".
        normal: what is done to pixels first; None: the data set's mean and deviation.

    Raises:
        ValueError: the recipe starts from a checkpoint that is not here, or of another network; ImageNet's
            weights cannot be had; or there is no such device.
    """
    source, where = data.source(recipe.data), machine.device(device)
    done = normal or Normal(source.mean, source.std)
    network = networks.build(
        recipe.network, len(source.classes), mean=done.mean, std=done.std, seed=recipe.seed
    )
    if state is None and (recipe.start or recipe.soup):
        state = _begun(recipe, network.body)
    if state is not None:
        network.body.load_state_dict(state)
    network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Run(network, _optimizer(network, recipe))


def _begun(recipe: Recipe, body: nn.Module) -> dict[str, Tensor]:
    """The weights that the recipe starts from."""
    if recipe.start == IMAGENET:
        return imagenet.state(recipe.network, body)[0]
    begun = [checkpoints.load(name) for name in recipe.soup or (recipe.start,)]
    for one in begun:
        if one.network != recipe.network:
            raise ResqError(f"{recipe.name} starts from {one.name}, which is a {one.network}")
        if of_card(one.card):
            raise ResqError(
                f"{recipe.name} starts from {one.name}, whose mean and deviation are its own; a recipe uses "
                f"those of {recipe.data}: harden it instead, which keeps them"
            )
    state = average.soup([one.state for one in begun])
    if all(one.data == recipe.data for one in begun):
        return state
    own = body.state_dict()
    # Another data set's classifier may have other classes: then its random start stays.
    return {name: value if value.shape == own[name].shape else own[name] for name, value in state.items()}


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer; weight decay on weights only, not on biases and norms."""
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr)
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def train(
    recipe: Recipe,
    images: Dataset,
    *,
    run: Run | None = None,
    keep: Path | None = None,
    objective: Objective | None = None,
    quiet: bool = False,
    until: float = math.inf,
    hooks: Hooks = Hooks(),
) -> Run:
    """A finished run of ``recipe`` on ``images``.

    Args:
        run: where to begin; a fresh start by default.
        keep: a file that holds the run after every epoch; where it exists the run goes on from it.
        objective: the loss; by default cross-entropy of the clean images, smoothed as the recipe says, and
            against its teachers.
        until: a time of ``time.monotonic``; an epoch that would end after it, judging by the one before, is
            not begun, and the run comes back unfinished.
        hooks: what a stage adds.

    Raises:
        ValueError: ``keep`` belongs to another recipe or other images.
    """
    run = run or start(recipe)
    objective = objective or _usual(recipe, machine.of(run.network))
    identity = _identity(recipe, images, hooks.mark)
    if keep is not None and keep.exists():
        _resume(run, keep, identity)
    if run.bf16 is None:
        run.bf16, run.channels_last = machine.fastest_layout(run.network, recipe)
    run.network.to(memory_format=machine.order(run.channels_last))  # type: ignore[call-overload]
    where, saved_at = machine.of(run.network), -math.inf
    padded = augment.pad(images.pixels, recipe.pad).to(where)
    for epoch in range(run.epoch, recipe.epochs):
        last = run.history[-1] if run.history else {}
        if last.get("overfitted") or time.monotonic() + last.get("seconds", 0) > until:
            break
        began, worked = time.perf_counter(), time.process_time()
        row = _epoch(run, recipe, images, padded, objective, quiet, hooks)
        notes = hooks.after_epoch(run, row) if hooks.after_epoch else {}
        # Processor time as well: what else the machine does makes a second longer, and this hardly.
        worked = round(time.process_time() - worked, 2)
        took = {"seconds": round(time.perf_counter() - began, 1), "processor": worked}
        run.history.append({"epoch": epoch + 1, **row, **notes, **took})
        run.epoch = epoch + 1
        if keep is not None and (where.type == "cpu" or time.monotonic() > saved_at + SAVED):
            _save(run, keep, identity)
            saved_at = time.monotonic()
    if (run.averaged or recipe.start_share or recipe.soup) and run.epoch == recipe.epochs:
        average.apply_average(run, average.mean(run, recipe), recipe, padded)
    return run


def _identity(recipe: Recipe, images: Dataset, mark: str) -> str:
    """What a run that was kept must be of to be gone on with."""
    foreign = plugged.of_training(recipe.network, recipe.data)
    return " ".join([recipe.hash, images.hash, *started(recipe), *filter(None, (mark, foreign))])


def _usual(recipe: Recipe, where: torch.device) -> Objective:
    """The loss that a recipe alone decides."""
    if recipe.teachers:
        return partial(distilled, recipe=recipe, teachers=distillation.load(recipe, where))
    if recipe.mix:
        return partial(mixed_labels, recipe=recipe)
    return partial(cross_entropy, smooth=recipe.smooth)


def started(recipe: Recipe) -> list[str]:
    """What names the weights that the recipe starts from and learns from: their hashes where possible."""
    names = [name for name in (recipe.start, *recipe.soup, *recipe.teachers) if name]
    return [
        str(imagenet.source(recipe.network)) if name == IMAGENET else checkpoints.card(name)["sha256"][:16]
        for name in names
    ]


def _epoch(
    run: Run,
    recipe: Recipe,
    images: Dataset,
    padded: Tensor,
    objective: Objective,
    quiet: bool,
    hooks: Hooks,
) -> dict[str, float]:
    """One pass over the images; training loss and accuracy, as seen while learning."""
    epoch, where = run.epoch, machine.of(run.network)
    rng = seeds.rng(recipe.seed, "epoch", epoch)
    order = hooks.order(epoch, rng) if hooks.order else rng.permutation(len(images))
    parts = augment.parts(order, recipe.batch)
    seen = _Seen(where)
    run.network.train()
    label = f"{recipe.name} epoch {epoch + 1}/{recipe.epochs}"
    bar = tqdm(parts, desc=label, unit="step", leave=False, disable=quiet, mininterval=1)
    for step, index in enumerate(bar):
        at = epoch + step / len(parts)
        _set_rate(run.optimizer, hooks.rate(at) if hooks.rate else rate(recipe, at))
        x = _batch(recipe, images, padded, epoch, index, rng)
        x = x.contiguous(memory_format=machine.order(run.channels_last)).to(where).float().div_(255)
        if recipe.cutout:
            x = augment.cutout(x, recipe.cutout, data.source(images.name).mean, rng)
        y = torch.from_numpy(images.y[index]).to(where)
        with torch.autocast(where.type, torch.bfloat16, enabled=bool(run.bf16)):
            loss, logits = objective(run.network, x, y, rng)
        _descend(run.optimizer, loss)
        if hooks.stepped:
            hooks.stepped(run.network)
        if epoch >= recipe.falling:
            average.add(run, hooks.decay)
        seen.add(loss, logits, y)
        if not quiet:
            seen.show(bar)
    return seen.row()


class _Seen:
    """Loss and accuracy so far, summed up where the network is: a GPU is not waited for in every step."""

    def __init__(self, where: torch.device) -> None:
        self.loss = torch.zeros((), dtype=torch.float64, device=where)
        self.right = torch.zeros((), dtype=torch.int64, device=where)
        self.n, self.shown = 0, -math.inf

    def add(self, loss: Tensor, logits: Tensor, y: Tensor) -> None:
        """Takes a batch's answers in."""
        self.loss += loss.detach().double() * len(y)
        self.right += answer.right(logits, y).sum()
        self.n += len(y)

    def row(self) -> dict[str, float]:
        """Means over all images so far."""
        return {"loss": round(float(self.loss) / self.n, 5), "accuracy": round(int(self.right) / self.n, 5)}

    def show(self, bar: tqdm[np.ndarray]) -> None:
        """Both beside the bar, once a second."""
        if time.monotonic() < self.shown + 1:
            return
        self.shown = time.monotonic()
        bar.set_postfix({name: f"{value:.3f}" for name, value in self.row().items()}, refresh=False)


def _batch(
    recipe: Recipe,
    images: Dataset,
    padded: Tensor,
    epoch: int,
    index: np.ndarray,
    rng: np.random.Generator,
) -> Tensor:
    """Cropped and mirrored images at ``index``, uint8 (B, 3, size, size)."""
    size = recipe.early_size if epoch < recipe.early_epochs else recipe.size
    x = augment.crops(padded, index, size, rng)
    if data.source(images.name).mirror:
        # Each image is mirrored in every other epoch, its first side drawn once, so two epochs show both.
        first = seeds.rng(recipe.seed, "mirror").integers(0, 2, len(images))
        x = augment.mirror(x, first[index] == epoch % 2)
    return x


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def rate(recipe: Recipe, at: float) -> float:
    """Learning rate ``at`` epochs into the run: up over the warm-up, then down to zero, both linear.

    Where weights are averaged, it is constant from there on.
    """
    if at < recipe.warmup:
        return recipe.lr * at / recipe.warmup
    if recipe.average_epochs and at >= recipe.falling:
        return recipe.average_lr
    return recipe.lr * (recipe.falling - at) / (recipe.falling - recipe.warmup)


def _set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value


def _save(run: Run, file: Path, identity: str) -> None:
    """The run in ``file``, replaced in one step: a kill leaves the last epoch or this one, never a half."""
    state = {
        "identity": identity,
        "network": run.network.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "epoch": run.epoch,
        "history": run.history,
        "bf16": run.bf16,
        "channels_last": run.channels_last,
        "average": run.average,
        "averaged": run.averaged,
        "good": run.good,
    }
    write_with(file, lambda part: torch.save(state, part))


def _resume(run: Run, file: Path, identity: str) -> None:
    state = torch.load(file, map_location=machine.of(run.network), weights_only=True)
    if state["identity"] != identity:
        raise ResqError(
            f"{file} holds a run of recipe and images {state['identity']}, this one is {identity}; "
            "remove the file to begin anew"
        )
    run.network.load_state_dict(state["network"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.epoch, run.history, run.bf16 = state["epoch"], state["history"], state["bf16"]
    run.average, run.averaged = state["average"], state["averaged"]
    run.good = state.get("good", {})  # older files have none
    run.channels_last = state.get("channels_last", True)
