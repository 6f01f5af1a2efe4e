"""Images and labels that lie in memory, or that a loader yields, as a data set without a name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq.core import Dataset
from resq.core.errors import ResqError
from resq.data import order


def read(images: Any, labels: Any, n: int | None) -> Dataset:
    """Arrays, tensors or a loader as a data set without names.

    Args:
        images: (N, C, H, W), (N, H, W, C) or (N, H, W), uint8, or floats in [0, 1]; or what yields batches.
        labels: (N,), whole numbers; None: the loader yields them.
        n: the first so many; None: all.

    Raises:
        ResqError: something else; the sentence says what was expected.
    """
    if not (hasattr(images, "shape") or isinstance(images, list | tuple)):
        refuse_labels(labels, f"a {type(images).__name__}, which yields its own")
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
    if not isinstance(values, Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()  # which numpy has not


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
        raise ResqError(f"images lie in [0, 1], got {low:.4g} to {high:.4g}; {_instead(low, high)}")
    codes = np.rint(x * 255).astype(np.uint8)
    return codes if np.array_equal(codes.astype(np.float32) / np.float32(255), x) else x


def _instead(low: float, high: float) -> str:
    """What to do about images that do not lie in [0, 1]."""
    if 0 <= low and 1 < high <= 255:
        return "divide those of 0 to 255 by 255"
    return "leave normalising them to the network: resq.load(module, mean=(...), std=(...))"


def refuse_labels(labels: Any, beside: str) -> None:
    """Refuses labels beside images that have their own: they would change nothing."""
    if labels is not None:
        raise ResqError(
            f"labels are those of arrays and tensors, got some beside {beside}; leave them out, or give the "
            "images as arrays: x, y = resq.load_images(...)"
        )
