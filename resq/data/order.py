"""The order of images: sorted by class they are mixed, since the first n would be of the first classes."""

from __future__ import annotations

import numpy as np

from resq.core import Dataset, seeds


def mixed(images: Dataset) -> Dataset:
    """The images in a fixed random order where they come sorted by class; as they are where they do not.

    Folders of classes, archives and GTSRB's training images are sorted. The order depends on the name of the
    data set and the number of images alone, and the first n of it are among the first n + 1.
    """
    if not sorted_by_class(images.y):
        return images
    return images.take(seeds.rng(0, "order", images.name, len(images)).permutation(len(images)))


def sorted_by_class(y: np.ndarray) -> bool:
    """Whether labels (N,) are of two classes or more and each class's images follow one another.

    >>> [sorted_by_class(np.array(y)) for y in ([0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [2, 2, 2], [0, 1])]
    [True, True, False, False, False]
    """
    kinds = len(np.unique(y))
    return 1 < kinds < len(y) and int((np.diff(y) != 0).sum()) == kinds - 1
