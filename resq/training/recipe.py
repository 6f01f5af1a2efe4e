"""Recipes: every input that decides a training run, self-checking, read from a TOML file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from resq.core import validation
from resq.core.errors import ResqError

OPTIMIZERS = {"sgd": "with Nesterov momentum", "adamw": "which transformers want"}
IMAGENET = "imagenet"  # a start that is no checkpoint here: torchvision's weights


@dataclass(frozen=True)
class Recipe:
    """A training run of one network on one data set.

    Attributes:
        lr: peak learning rate; a linear rise over ``warmup`` epochs, then a linear fall to zero.
        size: side of the training crops in pixels; ``early_size`` for the first ``early_epochs`` epochs
            (a fully convolutional network learns its first features from smaller, cheaper crops).
        optimizer: "sgd" with Nesterov ``momentum``, or "adamw", which transformers want.
        pad: reflected border in pixels, from which crops are taken.
        average_epochs: of ``epochs``, how many at the end walk on at the constant rate ``average_lr``; the
            result is the mean of the weights after each of their steps, with batch-norm statistics counted
            anew (stochastic weight averaging, Izmailov et al. 2018, arXiv:1803.05407).
        start: a checkpoint to go on from, by name, of another number of classes all but its classifier;
            "imagenet": torchvision's weights, as far as they fit; empty: a seeded random start.
        start_share: how much of the starting weights is in the result, the rest being the last epoch's:
            a cycle that ends elsewhere in the same valley is averaged with where it began (Izmailov et al.).
        soup: checkpoints whose mean weights are the result, with batch-norm statistics counted anew; nothing
            is trained then, ``epochs`` is 0 (model soups, Wortsman et al. 2022, arXiv:2203.05482).
        cutout: side in pixels of a square that each training image loses at a random place, filled with the
            data set's mean colour (DeVries and Taylor 2017, arXiv:1708.04552); 0: none.
        smooth: share of each label that is spread evenly over all classes (Szegedy et al. 2016,
            arXiv:1512.00567).
        mix: share of the batches whose images each carry a rectangle of another image of the batch, and that
            one's label by the rectangle's area (CutMix, Yun et al. 2019, arXiv:1905.04899).
        teachers: checkpoints whose mean answer the network learns beside the labels; ``taught`` is their
            share of the loss (Hinton et al. 2015, arXiv:1503.02531).
    """

    data: str
    network: str
    variant: str = "base"
    optimizer: str = "sgd"
    epochs: int = 20
    batch: int = 256
    lr: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 3.0
    pad: int = 4
    size: int = 32
    early_size: int = 32
    early_epochs: int = 0
    average_epochs: int = 0
    average_lr: float = 0.05
    start: str = ""
    start_share: float = 0.0
    soup: tuple[str, ...] = ()
    cutout: int = 0
    smooth: float = 0.0
    mix: float = 0.0
    teachers: tuple[str, ...] = ()
    taught: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        validation.check_types(self, "recipe")
        if self.soup and (self.epochs or self.start or len(self.soup) < 2):
            raise ResqError(
                "a soup is of two checkpoints or more, without a start and with 0 epochs, got "
                f"{len(self.soup)}, start {self.start!r} and {self.epochs} epochs"
            )
        positive = ("batch", "lr", "size", "early_size", *["epochs"] * (not self.soup))
        wrong = [f"{name} {getattr(self, name)}" for name in positive if getattr(self, name) <= 0]
        counts = ("pad", "warmup", "early_epochs", "average_epochs", "average_lr", "cutout")
        wrong += [f"{name} {getattr(self, name)}" for name in counts if getattr(self, name) < 0]
        if wrong:
            raise ResqError(f"a recipe needs positive epochs, batch, lr and sizes, got {', '.join(wrong)}")
        if not 0 <= self.smooth < 1:
            raise ResqError(f"label smoothing lies in [0, 1), got {self.smooth:g}")
        if not 0 <= self.start_share < 1 or (self.start_share and "/" not in self.start):
            raise ResqError(
                f"start_share lies in [0, 1) and needs a checkpoint to start from, got {self.start_share:g} "
                f"of {self.start!r}"
            )
        if not 0 <= self.taught <= 1 or bool(self.taught) != bool(self.teachers):
            raise ResqError(
                f"taught lies in (0, 1] with teachers and is 0 without, got {self.taught:g} of "
                f"{len(self.teachers)} teachers"
            )
        if not 0 <= self.mix <= 1 or (self.mix and self.teachers):
            raise ResqError(
                f"mix lies in [0, 1] and does without teachers, got {self.mix:g} with {len(self.teachers)}"
            )
        if self.optimizer not in OPTIMIZERS:
            raise ResqError(f"the optimizer is sgd or adamw, got {self.optimizer!r}")
        if self.warmup >= self.falling and not self.soup:
            raise ResqError(
                f"the warm-up must end before the run, got {self.warmup:g} of {self.falling} epochs"
            )

    @property
    def falling(self) -> int:
        """Epochs until the learning rate is zero; averaging comes after them."""
        return self.epochs - self.average_epochs

    @property
    def name(self) -> str:
        """``data/network/variant``, as checkpoints are named."""
        return f"{self.data}/{self.network}/{self.variant}"

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field.

        Fields at their defaults are left out: a field that is added later changes no older recipe.
        """
        known = dataclasses.fields(self)
        changed = {f.name: getattr(self, f.name) for f in known if getattr(self, f.name) != f.default}
        return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:16]


def read(file: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        ValueError: not TOML, an unknown field, or a field out of range; the sentence names it.
    """
    return validation.build(Recipe, validation.read_toml(file, "recipe"), file.name, "a recipe")
