"""Which images of a training split are frames of one physical sign: held out, they stay together.

GTSRB has up to 30 frames of each sign, near-twins of each other; its files are named TRACK_FRAME, the track
counted within its class (Stallkamp et al. 2012).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

GROUPED = ("gtsrb",)  # data sets whose training images are such frames
# 00012_00029.ppm, as the benchmark has it, or 00033_00012_00029.png, as copies of it have the class before
NAME = re.compile(r"(?:\d{5}_)?(\d{5})_\d{5}\.\w+")


def numbered(y: np.ndarray, track: np.ndarray) -> np.ndarray:
    """One number for each sign, int64 (N,): a track counts within its class.

    Args:
        y: labels (N,). ``track``: whole numbers below 100,000 (N,).
    """
    return y * 100_000 + track.astype(np.int64)


def of_names(names: Sequence[str], y: np.ndarray) -> np.ndarray | None:
    """The sign of each image by its file's name, int64 (N,); None where not every name says it.

    Args:
        names: files or paths. ``y``: labels (N,).

    >>> of_names(["00000/00002_00029.ppm", "Train/7/00007_00002_00000.png"], np.array([0, 7])).tolist()
    [2, 700002]
    >>> of_names(["00002_00029.ppm", "cat.png"], np.array([0, 0]))
    """
    matches = [NAME.fullmatch(re.split(r"[/\\]", name)[-1]) for name in names]
    if not matches or not all(matches):
        return None
    return numbered(y, np.array([int(match[1]) for match in matches if match]))
