"""Images and labels from wherever they come, by a name that specs and rows can carry."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq import data
from resq.core import Dataset
from resq.core.errors import ResqError
from resq.data import order, own

FIRST = 1000  # images of a data set, where nothing else is said, as on the command line
# Hash of the first images of a data set -> its name: arrays that hold the same are the same.
_SEEN: dict[str, str] = {}


def load_images(
    images: Any, labels: Any = None, *, n: int | None = None, split: str = "test"
) -> tuple[Tensor, Tensor]:
    """Images, float32 (N, C, H, W) in [0, 1], and their labels, int64 (N,).

    Args:
        images: the name of a data set (``cifar10``), an ``.npz`` file, a folder with a folder of pictures for
            each class, arrays or tensors, or what yields (images, labels), such as a ``DataLoader``.
        labels: of arrays and tensors.
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
    if isinstance(images, str):
        name = own.bring(images) if own.is_path(images) else images
        whole = data.load(name, split)
        few = whole.first if split == "test" else partial(order.few, whole)  # a spec measures test images
        dataset = whole if n is None else few(n)
        if split == "test":
            _SEEN[dataset.hash] = name
    else:
        dataset = _of_arrays(images, labels, n)
    x = torch.from_numpy(np.ascontiguousarray(dataset.pixels)).float()
    return x.div_(255) if dataset.pixels.dtype == np.uint8 else x, torch.from_numpy(dataset.y.copy())


def named(images: Any, labels: Any = None, n: int | None = None) -> tuple[str, int]:
    """(the name of a data set, how many of its first images): what specs and rows call the images.

    Arrays that hold the first test images of a data set, as ``load_images`` gave them, are that data set.
    """
    if images is None:
        return "", FIRST if n is None else n
    if isinstance(images, str):
        return own.bring(images) if own.is_path(images) else images, FIRST if n is None else n
    dataset = images if isinstance(images, Dataset) else _of_arrays(images, labels, n)
    known = _SEEN.get(dataset.hash)
    return known or own.hold(dataset.pixels, dataset.y), len(dataset)


def some(name: str) -> np.ndarray:
    """Two images of a data set, as they are stored."""
    return data.load(name, "test").pixels[:2]


def _of_arrays(images: Any, labels: Any, n: int | None) -> Dataset:
    """Arrays, tensors or a loader as a data set without names."""
    x, y = _gathered(images, n) if labels is None else (_array(images), _array(labels))
    cut = n is not None and (labels is None or n < len(y))
    x, y = x[:n], y[:n]
    if y.dtype.kind not in "iu" or y.shape != (len(x),) or not len(y):
        raise ResqError(f"labels are whole numbers (N,), one for each image; got {y.dtype} {y.shape} for "
                        f"{len(x)} images")  # fmt: skip
    if y.min() < 0:
        raise ResqError(f"labels count classes from 0 on, got {y.min()}")
    if n is not None and n > len(y):
        raise ResqError(f"n must lie in 1..{len(y)}, the images given, got {n}")
    if cut:
        _warn_of_order(y)
    classes = tuple(map(str, range(int(y.max()) + 1)))
    return Dataset("images", "test", _pixels(_planes(x)), y.astype(np.int64), classes)


def _warn_of_order(y: np.ndarray) -> None:
    """Warns where the first images of many come class by class: an accuracy on them is of few classes."""
    kinds = len(np.unique(y))
    if len(y) > 1 and (kinds == 1 or order.class_by_class(y)):
        warnings.warn(
            f"the first {len(y)} images are of {kinds} {'class' if kinds == 1 else 'classes'}, one after the "
            "other, and so are all figures on them; give images in a random order, or leave n out",
            stacklevel=4,
        )


def _gathered(batches: Any, n: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The batches of a loader in their order, as many as ``n`` images need."""
    if not isinstance(batches, Iterable) or isinstance(batches, np.ndarray | Tensor):
        raise ResqError(f"labels are missing beside images of {type(batches).__name__}")
    xs: list[np.ndarray] = []
    ys: list[np.ndarray] = []
    for batch in islice(batches, None if n is None else n):
        if not isinstance(batch, list | tuple) or len(batch) != 2:
            raise ResqError("a loader yields (images, labels) of a batch; this one yields something else")
        xs.append(_array(batch[0]))
        ys.append(_array(batch[1]))
        if n is not None and sum(map(len, ys)) >= n:
            break
    if not xs:
        raise ResqError("the loader yields no batch")
    return np.concatenate(xs), np.concatenate(ys)


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _planes(x: np.ndarray) -> np.ndarray:
    """Images as (N, C, H, W)."""
    if x.ndim == 3:
        return np.ascontiguousarray(x[:, None])
    if x.ndim != 4 or not x.size:
        raise ResqError(f"images have the shape (N, C, H, W), (N, H, W, C) or (N, H, W), got {x.shape}")
    last = x.shape[3] in (1, 3) and x.shape[1] not in (1, 3)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if last else x)


def _pixels(x: np.ndarray) -> np.ndarray:
    """Images of 8 bits as uint8, whatever type they came in; finer ones as float32."""
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind != "f":
        raise ResqError(f"images are uint8, 0 to 255, or floats in [0, 1], got {x.dtype}")
    x = x.astype(np.float32)
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= 1):  # also where one is no number
        raise ResqError(
            f"images lie in [0, 1], got {low:.4g} to {high:.4g}; leave normalising them to the network: "
            "resq.load(module, mean=(...), std=(...))"
        )
    codes = np.rint(x * 255).astype(np.uint8)
    return codes if np.array_equal(codes.astype(np.float32) / np.float32(255), x) else x
