"""The images of a cell as a network reads them, and whether it knows their classes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resq import checkpoints, data
from resq.core import Dataset
from resq.core.errors import ResqError
from resq.data import own
from resq.measure.specs import cells
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec
from resq.platform import malloc


def decided_by(cell: Cell) -> tuple[str, str, int, int, int]:
    """What decides a cell's images."""
    drawn = (cell.seed, cell.map) if cell.sample == "random" else (0, 0)
    return cell.data, cell.sample, cell.n, *drawn


def check_classes(checkpoint: checkpoints.Checkpoint, name: str) -> None:
    """Nothing, where the network can be right on images of this set.

    Raises:
        ValueError: it knows other classes, or fewer.
    """
    theirs = data.source(name).classes
    # A network of one's own says how many classes it knows; classes that are mere numbers have no names.
    mine = data.source(checkpoint.data).classes if checkpoint.make is None else ()
    known = len(mine) or int(checkpoint.card["classes"])
    if own.numbered(theirs) or not mine:
        if len(theirs) > known:
            raise ResqError(f"{checkpoint.name} tells {known} classes apart; {name} has {len(theirs)}")
        return
    if theirs != mine:
        raise ResqError(f"{checkpoint.name} knows the classes of {checkpoint.data}, not those of {name}")


def pictures(
    name: str, sample: str, n: int, seed: int, number: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor, str]:
    """Images, labels and the hash that rows carry (``cells.images_hash``)."""
    whole = data.load(name, "test")
    chosen = cells.images(Cell("", name, "", sample=sample, n=n, seed=seed, map=number), whole)
    x, y = pixels(chosen), torch.from_numpy(chosen.y.copy())  # a view would hold all labels
    if device is not None:
        x, y = x.to(device), y.to(device)
    hashed = (chosen if sample == "first" else whole).hash
    del chosen, whole
    if sample == "first":  # made once; of random images every map has its own
        malloc.give_back()
    return x, y, hashed


def test_images(spec: SweepSpec, checkpoint: checkpoints.Checkpoint) -> Dataset:
    """The first n test images of the spec's data set.

    Raises:
        ValueError: the checkpoint was trained on other classes, or there are fewer images.
    """
    name = spec.data or checkpoint.data
    check_classes(checkpoint, name)
    return data.load(name, "test").first(spec.n)


def images_there(spec: SweepSpec) -> int:
    """How many test images the spec's data set has.

    Raises:
        ValueError: no such checkpoint or data set.
        FileNotFoundError: the images are not on this machine.
    """
    return len(data.load(spec.data or checkpoints.card(spec.checkpoint)["data"], "test"))


def pixels(images: Dataset) -> Tensor:
    """Images as the network reads them: float32 (N, 3, H, W) in [0, 1], channels last."""
    x = torch.empty(images.pixels.shape, memory_format=torch.channels_last)
    x.copy_(torch.from_numpy(np.ascontiguousarray(images.pixels)))
    return x.div_(255) if images.pixels.dtype == np.uint8 else x
