"""The order of images: sorted by class they are mixed, since the first n would be of the first classes."""

from __future__ import annotations

import numpy as np

from resq.core import Dataset, seeds


def mixed(images: Dataset, key: str = "") -> Dataset:
    """The images in a fixed random order where they come class by class; as they are where they do not.

    Folders of classes, archives and GTSRB's training images come so. The order depends on ``key``
    and the number of images alone, so that a folder has the same one on every machine.
    """
    return images if not class_by_class(images.y) else images.take(_order(images, key))


def few(images: Dataset, n: int) -> Dataset:
    """The first ``n`` training images of a data set, of as many classes as a random n are.

    Raises:
        ValueError: fewer than ``n`` images, or none asked for.
    """
    if not class_by_class(images.y):
        return images.first(n)
    images.first(n)  # refuses what cannot be
    return images.take(_order(images, images.name)[:n])


def _order(images: Dataset, key: str) -> np.ndarray:
    return seeds.rng(0, "order", key, len(images)).permutation(len(images))


def class_by_class(y: np.ndarray) -> bool:
    """Whether labels (N,) change from image to image less than half as often as in a random order.

    >>> [class_by_class(np.array(y)) for y in ([0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1, 1], [2, 2, 2])]
    [True, True, False, False]
    """
    shares = np.unique(y, return_counts=True)[1] / max(len(y), 1)
    changes = int((np.diff(y) != 0).sum())
    kinds = len(shares)
    expected = (len(y) - 1) * (1 - float((shares**2).sum()))
    return 1 < kinds < len(y) and changes < max(kinds, expected / 2)
