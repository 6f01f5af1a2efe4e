"""Data sets. Add one: a loader ``(split, download) -> Dataset`` and a line in DATASETS."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from resq.core import Dataset, DataSource, lookup, registries
from resq.data import folders, held_out, labels, order, own, signs

# Rendered once, then cached: enough to train a small network in minutes and to test it to half a point.
RENDERED = {"train": 16_000, "val": 2_000, "test": 4_000}


def _signs(split: str, download: bool = False) -> Dataset:
    """The embedded set: rendered by this project's code, so nothing is ever downloaded."""
    n = lookup("split", split, RENDERED)

    def make() -> dict[str, np.ndarray]:
        return dict(zip(("pixels", "y"), signs.render(split, n), strict=True))

    code = [p.read_text() for p in sorted(Path(__file__).parent.glob("signs/*.py"))]
    arrays = folders.cached_arrays("|".join(["signs", split, str(n), *code]), make)
    return Dataset("signs", split, arrays["pixels"], arrays["y"], signs.CLASSES)


def _real(name: str, classes: tuple[str, ...], split: str, download: bool = False) -> Dataset:
    return folders.load(name, split, classes, download)


def _photographs(
    name: str,
    classes: tuple[str, ...],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    mirror: bool,
    about: str,
) -> DataSource:
    here = partial(folders.present, name)
    return DataSource(partial(_real, name, classes), classes, mean, std, mirror, about, here)


DATASETS: dict[str, DataSource] = {
    "signs": DataSource(
        _signs,
        signs.CLASSES,
        (0.5, 0.5, 0.5),
        (0.25, 0.25, 0.25),
        mirror=False,
        about=f"{len(signs.CLASSES)} traffic signs, rendered by this project, not photographed",
    ),
    "cifar10": _photographs(
        "cifar10",
        labels.CIFAR10,
        (0.4914, 0.4822, 0.4465),
        (0.2470, 0.2435, 0.2616),
        mirror=True,
        about="CIFAR-10: photographs of 10 kinds of things (Krizhevsky 2009)",
    ),
    "cifar100": _photographs(
        "cifar100",
        labels.CIFAR100,
        (0.5071, 0.4865, 0.4409),
        (0.2673, 0.2564, 0.2762),
        mirror=True,
        about="CIFAR-100: photographs of 100 kinds of things (Krizhevsky 2009)",
    ),
    "gtsrb": _photographs(
        "gtsrb",
        labels.GTSRB,
        (0.3403, 0.3121, 0.3214),
        (0.2724, 0.2608, 0.2669),
        mirror=False,
        about="GTSRB: photographs of 43 German traffic signs (Stallkamp et al. 2012)",
    ),
}

registries.note("data set", DATASETS)


def source(name: str) -> DataSource:
    """The source of the named data set, of its held-out training images, or of images that were brought.

    Raises:
        ValueError: no data set of that name.
    """
    if name.endswith(held_out.SUFFIX) and (of := name.removesuffix(held_out.SUFFIX)) in DATASETS:
        return held_out.source(DATASETS[of])
    return own.source(name, load) or lookup("data set", name, DATASETS)


def load(name: str, split: str, *, download: bool = False) -> Dataset:
    """One split of a data set; nothing is downloaded unless ``download``.

    Test images that a loader of one's own gives class by class are mixed here, as those of folders are where
    they are read: whoever takes the first n has the same ones, of every class.

    Raises:
        ValueError: no such data set or split.
        FileNotFoundError: the images are not on this machine; the sentence says what to do.
    """
    images = source(name).load(split, download)
    return order.mixed(images, name) if split == "test" and name in DATASETS else images


def present(name: str) -> bool:
    """Whether the images are on this machine (the embedded set always is).

    Raises:
        ValueError: no data set of that name.
    """
    return source(name).present()
