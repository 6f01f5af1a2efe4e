"""Images and labels from wherever they come, by a name that specs and rows can carry."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq import data
from resq.api import arguments, arrays
from resq.core import Dataset
from resq.core.errors import ResqError
from resq.data import order, own

FIRST = 1000  # images of a data set, where nothing else is said, as on the command line
# What the first images of a data set are -> its name: arrays that hold the same are the same.
_SEEN: dict[tuple[str, tuple[int, ...], str], str] = {}


def load_images(
    images: Any, labels: Any = None, *, n: int | None = None, split: str = "test"
) -> tuple[Tensor, Tensor]:
    """Images, float32 (N, C, H, W) in [0, 1], and their labels, int64 (N,).

    Args:
        images: the name of a data set (``cifar10``), an ``.npz`` file, a folder with a folder of pictures for
            each class, arrays or tensors, or what yields (images, labels), such as a ``DataLoader``.
        labels: of arrays and tensors; the others have their own.
        n: the first so many; default: all. What comes class by class from a data set, a file or a folder is
            in a fixed random order here, so that the first are of every class; arrays stay in their order.
        split: of a data set: test, or train.

    Raises:
        ValueError: no such images, or none that can be used; the sentence says what was expected.
        FileNotFoundError: the images are not on this machine.

    Examples:
        >>> x, y = load_images("signs", n=2)
        >>> x.shape, x.dtype, y.tolist()
        (torch.Size([2, 3, 32, 32]), torch.float32, [15, 12])
    """
    n = _counted(n)
    if isinstance(images, str | Path):
        name = _name(images, labels)
        whole = data.load(name, split)
        few = whole.first if split == "test" else partial(order.few, whole)  # a spec measures test images
        dataset = whole if n is None else few(n)
        if split == "test":
            _SEEN[_held(dataset)] = name
    else:
        if split != "test":
            raise ResqError(f"split is that of a data set, got {split!r} of {type(images).__name__}")
        dataset = arrays.read(images, labels, n)
    x = torch.from_numpy(np.ascontiguousarray(dataset.pixels)).float()
    return x.div_(255) if dataset.pixels.dtype == np.uint8 else x, torch.from_numpy(dataset.y.copy())


def named(images: Any, labels: Any = None, n: int | None = None, sample: str = "first") -> tuple[str, int]:
    """(the name of a data set, how many of its images): what specs and rows call the images.

    Arrays that hold the first test images of a data set, as ``load_images`` gave them, are that data set.
    Random ones are drawn of all that are given and of no others.
    """
    n = _counted(n)
    if sample == "random" and not (images is None or isinstance(images, str | Path)):
        return _drawn_of(images, labels, n)
    if images is None:
        arrays.refuse_labels(labels, "no images")
        return "", FIRST if n is None else n
    if isinstance(images, str | Path):
        name = _name(images, labels)
        return name, min(FIRST, len(data.load(name, "test"))) if n is None else n
    if isinstance(images, Dataset):
        arrays.refuse_labels(labels, f"the images of {images.name}, which have their own")
        dataset = images if n is None else images.first(n)
    else:
        dataset = arrays.read(images, labels, n)
    known = _SEEN.get(_held(dataset))
    return known or own.hold(dataset.pixels, dataset.y), len(dataset)


def _drawn_of(images: Any, labels: Any, n: int | None) -> tuple[str, int]:
    """(the name of these images and no others, how many of them every fault map draws)."""
    if isinstance(images, Dataset):
        arrays.refuse_labels(labels, f"the images of {images.name}, which have their own")
    dataset = images if isinstance(images, Dataset) else arrays.read(images, labels, None)
    known = _SEEN.get(_held(dataset), "")
    if known and len(data.load(known, "test")) > len(dataset):
        known = ""  # the first ones of a larger set: others of it are not drawn
    if n is not None and n > len(dataset):
        raise ResqError(f"n must lie in 1..{len(dataset)}, the images given, got {n}")
    return known or own.hold(dataset.pixels, dataset.y), len(dataset) if n is None else n


def _counted(n: Any) -> int | None:
    return None if n is None else arguments.whole("n", n, 1)


def _name(images: str | Path, labels: Any) -> str:
    """The name of a data set, or that under which a file's or a folder's images are known from now on."""
    arrays.refuse_labels(labels, f"the images of {images}, which have their own")
    path = own.is_path(str(images)) or isinstance(images, Path)
    return own.bring(str(images)) if path else str(images)


def _held(dataset: Dataset) -> tuple[str, tuple[int, ...], str]:
    """What images are: a hash alone would not tell the shape that the same bytes stand in."""
    return dataset.hash, dataset.pixels.shape, str(dataset.pixels.dtype)


def some(name: str) -> np.ndarray:
    """Two images of a data set, as they are stored."""
    return data.load(name, "test").pixels[:2]
