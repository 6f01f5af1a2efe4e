"""Input and result of a hardening stage, and the check of its options before training begins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding, lookup, validation
from resq.core.errors import ResqError
from resq.training.recipe import OPTIMIZERS

Options = Mapping[str, Any]


def _silent(row: dict[str, Any]) -> None:
    """The default for ``report``: ignores the row."""


@dataclass(frozen=True, eq=False)
class StageInput:
    """What a stage works on.

    Attributes:
        checkpoint: as the stage before left it.
        train, valid: two disjoint parts of the training split; test images never come here.
        seed: decides shuffles, faults and random starts.
        keep: a file that holds the stage's run after every epoch; None: nothing is kept.
        report: called with one row per epoch.
    """

    checkpoint: Checkpoint
    train: Dataset
    valid: Dataset
    seed: int = 0
    keep: Path | None = None
    report: Callable[[dict[str, Any]], None] = _silent
    quiet: bool = True


@dataclass(frozen=True, eq=False)
class StageResult:
    """What a stage gives back.

    Attributes:
        state: the network's parameters and buffers.
        log: one row per epoch.
        notes: what a reader of the card should know, by name.
        encoding: how the weights are meant to be stored from here on; empty: as before.
        clamp: bounds of activations by module (``networks.clamp``); empty: as before.
    """

    state: Mapping[str, np.ndarray]
    log: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    encoding: str = ""
    clamp: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """One stage: ``run`` and all its options with their defaults.

    Attributes:
        about: one sentence for people.
        passes: forward and backward passes per image and step, for the estimated time; options -> number.
    """

    about: str
    run: Callable[[StageInput, Options], StageResult]
    defaults: Options
    passes: Callable[[Options], float] = lambda options: 1.0


# What all stages that train have in common.
TRAINING: dict[str, Any] = {
    "epochs": 4,
    "batch": 128,
    "lr": 0.02,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "pad": 4,
    "cutout": 0,  # side in pixels of a square that every image loses, as in a recipe
    "average": 0,  # of the epochs, how many at the end give the result: the mean over their steps
    "drop": 0.1,  # epochs whose validation accuracy lies further below the start's than this are not kept
    "n_valid": 500,
    "bf16": False,  # passes in bfloat16 where a measurement finds them faster; weights stay in float32
    "optimizer": "sgd",  # with Nesterov momentum; or adamw (without), which transformers want
}
# What was not an option once: left out of hashes at its default, so that earlier runs keep theirs.
LATER = ("optimizer",)


def options(name: str, stages: Mapping[str, Stage], changes: Options) -> dict[str, Any]:
    """All options of a stage: the given ones, the defaults for the rest.

    Raises:
        ValueError: no such stage, no such option of it, a value of another kind than the default, or an
            average over all epochs.
    """
    defaults = lookup("stage", name, stages).defaults
    unknown = sorted(set(changes) - set(defaults))
    if unknown:
        raise ResqError(f"stage {name} has no option {', '.join(unknown)}; it has {', '.join(defaults)}")
    for key, value in changes.items():
        _check(f"{name}.{key}", value, defaults[key])
    merged = {**defaults, **changes}
    if merged.get("average", 0) >= merged.get("epochs", 1):
        raise ResqError(
            f"{name}.average takes fewer than all {merged['epochs']} epochs, got {merged['average']}"
        )
    return merged


def _check(name: str, value: Any, default: Any) -> None:
    validation.check_type(name, value, type(default), like=f" such as {default!r}")
    if isinstance(value, int | float) and value < 0:
        raise ResqError(f"{name} must not be negative, got {value!r}")
    if name.endswith((".encoding", ".apart")) and value != default:
        Encoding.parse(str(value))
    if name.endswith(".optimizer"):
        lookup("optimizer", value, OPTIMIZERS)
    if name.endswith((".epochs", ".batch", ".steps")) and value < 1:
        raise ResqError(f"{name} must be at least 1, got {value!r}")


def decisive(chosen: Options) -> dict[str, Any]:
    """The options that a hash is of.

    >>> decisive({"lr": 0.02, "optimizer": "sgd"}), decisive({"lr": 0.001, "optimizer": "adamw"})
    ({'lr': 0.02}, {'lr': 0.001, 'optimizer': 'adamw'})
    """
    return {k: v for k, v in chosen.items() if k not in LATER or v != TRAINING[k]}


def run_identity(site: StageInput, chosen: Options) -> str:
    """16 hex digits of everything but the recipe and the images that decides a stage's run."""
    of = json.dumps([site.checkpoint.hash, site.seed, decisive(chosen)], sort_keys=True)
    return hashlib.sha256(of.encode()).hexdigest()[:16]
