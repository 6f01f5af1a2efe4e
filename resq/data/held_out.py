"""The part of a training split that nothing learns from, and on which every choice is made.

It is a data set of its own, such as ``cifar10-held-out``, so that a sweep measures on it like on any other.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from resq.core import Dataset, DataSource, seeds
from resq.core.errors import ResqError
from resq.data import order, tracks

SUFFIX = "-held-out"


def held_out(images: Dataset, share: float = 0.1, most: int = 2000) -> tuple[Dataset, Dataset]:
    """(training, validation) parts of a training split; images of one group stay together.

    Both are mixed where the split is sorted by class, so that the first n of them are of all classes.

    The same for every seed and stage, so that what one stage is judged by no other has trained on. A base
    network was trained on all of them: its own validation accuracy is that of images it has seen.

    Raises:
        ValueError: the images are frames of signs, and do not say which are of one.
    """
    if images.groups is None and images.name in tracks.GROUPED:
        raise ResqError(
            f"the {len(images)} training images of {images.name} do not say which are frames of one sign, so "
            "none can be held out (a network would have learned from their near-twins); expected a column "
            "track, or file names such as 00012_00029.ppm"
        )
    groups = np.arange(len(images)) if images.groups is None else images.groups
    kinds, member = np.unique(groups, return_inverse=True)
    drawn = seeds.rng(0, "held out", images.name).permutation(len(kinds))
    sizes = np.cumsum(np.bincount(member)[drawn])
    wanted = min(most, round(share * len(images)))
    chosen = drawn[: max(1, int(np.searchsorted(sizes, wanted, side="right")))]
    inside = np.isin(member, chosen)
    parts = images.take(np.flatnonzero(~inside)), images.take(np.flatnonzero(inside))
    return order.mixed(parts[0], images.name), order.mixed(parts[1], images.name)


def source(of: DataSource) -> DataSource:
    """The held-out part of a data set's training images, to be measured on in place of its test images."""
    return replace(of, load=partial(_load, of))


def _load(of: DataSource, split: str, download: bool = False) -> Dataset:
    if split != "test":
        raise ResqError(f"held-out images are measured on (split 'test') and not learned from, got {split!r}")
    part = held_out(of.load("train", download))[1]
    return replace(part, name=f"{part.name}{SUFFIX}", split="test")
