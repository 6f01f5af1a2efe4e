"""Where the spread of a measured accuracy comes from: which bits flipped, which images were looked at.

Whether image i is right under map m is mean + map effect + image effect + rest, with variances t_map^2,
t_img^2 and t_int^2. Source: two-way analysis of variance with random effects and one observation per cell
(Searle, Casella & McCulloch 1992, ch. 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special


@dataclass(frozen=True)
class Components:
    """Variances of a single answer (0 or 1): between maps, between images, and of the rest.

    They are unbiased estimates and may therefore lie below 0. ``image`` is NaN where every map saw images of
    its own; ``rest`` then holds both.
    """

    map: float
    image: float
    rest: float

    @property
    def within(self) -> float:
        """Variance of an answer within one map, t_img^2 + t_int^2."""
        return self.rest if np.isnan(self.image) else self.image + self.rest


def unpack(packed: bytes, n: int) -> np.ndarray:
    """Which of n images were right, bool (n,), from a row's ``right``.

    Raises:
        ValueError: too few bits for n images.
    """
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    if len(bits) < n:
        raise ValueError(f"{len(packed)} bytes hold at most {len(bits)} answers, got n = {n}")
    return bits[:n].astype(bool)


def answers(rows: pd.DataFrame) -> np.ndarray:
    """Which images were right under which map, bool (rows, n), of rows that share n.

    Raises:
        ValueError: rows of unequal n, or without answers per image.
    """
    if rows["n"].nunique() != 1:
        raise ValueError(f"answers stand side by side for one n, got {sorted(set(rows['n'].tolist()))}")
    if (rows["right"].map(len) == 0).any():
        raise ValueError("these rows keep no answers per image: they were measured before `right` was kept")
    return np.stack([unpack(packed, int(n)) for packed, n in zip(rows["right"], rows["n"], strict=True)])


def crossed(right: np.ndarray) -> Components:
    """Components from answers (maps, images), all maps on the same images.

    Raises:
        ValueError: fewer than two maps or two images.
    """
    maps, images = _shape(right)
    y = right.astype(float)
    by_map, by_image, mean = y.mean(axis=1), y.mean(axis=0), y.mean()
    between_maps = images * by_map.var(ddof=1)
    between_images = maps * by_image.var(ddof=1)
    left = y - by_map[:, None] - by_image[None, :] + mean
    rest = float((left**2).sum() / ((maps - 1) * (images - 1)))
    return Components(float(between_maps - rest) / images, float(between_images - rest) / maps, rest)


def nested(right: np.ndarray) -> Components:
    """Components from answers (maps, images), every map on random images of its own.

    Raises:
        ValueError: fewer than two maps or two images.
    """
    _, images = _shape(right)
    y = right.astype(float)
    within = float(y.var(axis=1, ddof=1).mean())
    return Components(float(y.mean(axis=1).var(ddof=1)) - within / images, float("nan"), within)


def _shape(right: np.ndarray) -> tuple[int, int]:
    if right.ndim != 2 or min(right.shape) < 2:
        raise ValueError(f"components need at least 2 maps on 2 images, got answers of shape {right.shape}")
    return right.shape[0], right.shape[1]


def variance(c: Components, maps: int, images: int, sample: str) -> float:
    """Variance of a mean accuracy over maps and images.

    Args:
        sample: "random", every map has ``images`` of its own, of endless ones (of one test set's see
            ``drawn_images``); "first", all maps share them, so more maps do not average the images out.
    """
    if sample == "random":
        return c.map / maps + c.within / (maps * images)
    return c.map / maps + c.image / images + c.rest / (maps * images)


def interval(right: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Interval of the accuracy over other maps *and* other images, from answers (maps, images) all shared."""
    maps, images = right.shape
    c, mean = crossed(right), float(right.mean())
    spread = max(0.0, variance(c, maps, images, "first"))
    half_width = special.stdtrit(min(maps, images) - 1, (1 + level) / 2) * np.sqrt(spread)
    return float(max(0, mean - half_width)), float(min(1, mean + half_width))
