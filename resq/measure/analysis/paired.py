"""How much more accurate one network is than another, on the same fault maps and images.

Both answer the same images while the same bits flip, so what an image or a map does to both cancels. The
interval counts maps and images as crossed random effects of the difference of answers; whether maps are
common is read from the rows (same seed, same rate drawn at, as many flips in each), never assumed.
Where next to no image differs from the others its variance says nothing of those that were not looked at:
an interval is then at least as wide as Wilson's of a share that none of n images showed.
Source: Searle, Casella & McCulloch 1992, ch. 4; degrees of freedom by Satterthwaite 1946; Wilson 1927.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from resq.measure.analysis import variance as noise
from resq.measure.analysis.intervals import level_of

# What two cells have in common so that their maps are the same.
MAPS = ["seed", "fault", "sample", "ber"]


@dataclass(frozen=True)
class Difference:
    """The accuracy of one cell less that of another, shares.

    Attributes:
        low, high: interval over maps and images; NaN, as ``p``, where a struck cell has a single map, which
            tells nothing of other maps.
        maps, n: those that both were measured on; 0 maps: not the same ones.
        correlation: of both accuracies over common maps; NaN where there are fewer than three.
        how: what was paired, in words.
        p: two-sided, of no difference; the sign test's where all images differ alike, so 1 where none does.
    """

    mean: float
    low: float
    high: float
    maps: int
    n: int
    correlation: float
    how: str
    p: float


def difference(a: pd.DataFrame, b: pd.DataFrame, comparisons: int = 1) -> Difference:
    """How much more accurate the cell of rows ``a`` is than that of rows ``b``.

    Args:
        a, b: the rows of one cell each, one per map, with their answers per image.
        comparisons: of how many this is one; the interval then has their joint level of 95 % (Bonferroni).

    Raises:
        ValueError: rows without answers per image, of other images, or with none in common.
    """
    left, right, common = _answers(a, b)
    if common:
        parts = _crossed(left - right)
        correlation = _correlation(left, right)
    else:
        parts = [*_images(left.mean(axis=0) - right.mean(axis=0)), *_maps(left), *_maps(right)]
        correlation = math.nan
    mean = float(left.mean() - right.mean())
    maps, n = (left.shape[0] if common else 0), left.shape[1]
    single = any(len(y) < 2 and not _fixed(rows) for y, rows in ((left, a), (right, b)))
    level = level_of(comparisons)
    low, high, p = _interval(mean, [] if single else parts, level, n, _least(left, right, level))
    return Difference(mean, low, high, maps, n, correlation, _how(common, left, right), p)


def retained(a: pd.DataFrame, clean: pd.DataFrame, comparisons: int = 1) -> tuple[float, float, float]:
    """The accuracy of the cell of rows ``a`` over that of ``clean``, without flips; with its interval.

    The interval is that of the mean of ``a - ratio * clean`` over maps and images (the delta method), so what
    an image does to both cancels. It may reach above 1; NaN where nothing is right without flips, its
    ends NaN where ``a`` is of a single fault map.

    Args:
        a, clean: as of ``difference``; ``clean`` is one row.

    Raises:
        ValueError: as ``difference``.
    """
    left, right, common = _answers(a, clean)
    whole = float(right.mean())
    if not common or not whole:
        return math.nan, math.nan, math.nan
    share = float(left.mean()) / whole
    if len(left) < 2 and not _fixed(a):
        return share, math.nan, math.nan
    level = level_of(comparisons)
    least = _least(left, right, level)
    low, high, _ = _interval(0.0, _crossed(left - share * right), level, left.shape[1], least)
    return share, share + low / whole, share + high / whole


def comparable(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether two cells' rows keep answers to the same first images of one data set."""
    return all(
        len(rows) > 0 and (rows["right"].map(len) > 0).all() and (rows["sample"] == "first").all()
        for rows in (a, b)
    ) and set(a["data"]) == set(b["data"])


def _answers(a: pd.DataFrame, b: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, bool]:
    """Answers (maps, images) of both on their common images, as floats, and whether the maps are the same."""
    first, second = a.iloc[0], b.iloc[0]
    if (first["data"], first["sample"], second["sample"]) != (second["data"], "first", "first"):
        raise ValueError(
            f"answers are compared on the same first images, got {first['data']} ({first['sample']}) and "
            f"{second['data']} ({second['sample']})"
        )
    n = int(min(first["n"], second["n"]))
    a, b = a.sort_values("map"), b.sort_values("map")
    shared = sorted(set(a["map"]) & set(b["map"]))
    common = _common(a, b, shared)
    if common and not (_fixed(a) or _fixed(b)):
        a, b = (rows[rows["map"].isin(shared)] for rows in (a, b))
    left, right = (noise.answers(rows)[:, :n].astype(float) for rows in (a, b))
    rows = max(len(left), len(right)) if common else 0
    if rows:  # without flips one row stands for every map
        left, right = (np.broadcast_to(y, (rows, n)) if len(y) == 1 else y for y in (left, right))
    return left, right, common


def _fixed(rows: pd.DataFrame) -> bool:
    """Whether nothing in these rows is random: one row without flips."""
    return len(rows) == 1 and float(rows["ber"].iloc[0]) == 0


def _common(a: pd.DataFrame, b: pd.DataFrame, shared: Sequence[int]) -> bool:
    """Whether the maps of two cells are the same bits: drawn alike, and as many flips in each."""
    if _fixed(a) or _fixed(b):
        return True
    if not shared or any(a[key].iloc[0] != b[key].iloc[0] for key in MAPS) or set(a["top"]) != set(b["top"]):
        return False
    flips = [rows.set_index("map")["flips"].loc[list(shared)].tolist() for rows in (a, b)]
    return flips[0] == flips[1]


def _crossed(d: np.ndarray) -> list[tuple[float, float]]:
    """What adds up to the variance of the mean of differences (maps, images), with degrees of freedom.

    Mean squares between maps and between images, less that of the rest, which is in both of them.
    """
    maps, n = d.shape
    if maps == 1:
        return _images(d[0])
    rest = noise.crossed(d).rest / (maps * n)
    return [*_maps(d), *_images(d.mean(axis=0)), (-rest, (maps - 1) * (n - 1))]


def _images(d: np.ndarray) -> list[tuple[float, float]]:
    return [(float(np.var(d, ddof=1)) / len(d), len(d) - 1)] if len(d) > 1 else []


def _maps(y: np.ndarray) -> list[tuple[float, float]]:
    """Variance of a mean accuracy over maps of its own, what the images add to it included."""
    return [(float(np.var(y.mean(axis=1), ddof=1)) / len(y), len(y) - 1)] if len(y) > 1 else []


def _least(left: np.ndarray, right: np.ndarray, level: float) -> float:
    """The least half-width of a mean difference of answers (maps, images): what unseen images may hide.

    It is Wilson's upper limit of a share of which n images showed none, and 0 where as many images differ
    from the commonest difference as that limit stands for (4 at 95 %): their variance is then wide enough.

    >>> right = np.ones((1, 500))
    >>> round(_least(right, right, 0.95), 4), _least(right, np.where(np.arange(500) < 4, 0, right), 0.95)
    (0.0076, 0.0)
    """
    shown = (left.mean(axis=0) - right.mean(axis=0)).round(12)
    unlike = len(shown) - int(np.unique(shown, return_counts=True)[1].max())
    z2 = float(special.ndtri((1 + level) / 2)) ** 2
    return z2 / (len(shown) + z2) if unlike < z2 else 0.0


def _interval(
    mean: float, parts: Sequence[tuple[float, float]], level: float, n: int, least: float
) -> tuple[float, float, float]:
    """Interval and two-sided p value of a mean whose variance is the sum of these mean squares.

    The half-width is ``least`` at least. Where all ``n`` images differ alike, p is that of the sign test
    (McNemar's, exact): 1 where none differs.


    Degrees of freedom are Satterthwaite's, which are those of a sum of mean squares (not of the components of
    variance that they estimate, with which few maps seem to be more than they are). Where the sum falls below
    one of them, it is that one, with its degrees.
    """
    if not parts:
        return math.nan, math.nan, math.nan
    spread, (largest, own) = sum(variance for variance, _ in parts), max(parts)
    if max(spread, largest) <= 0:
        return max(-1.0, mean - least), min(1.0, mean + least), 2.0 ** (1 - n) if mean else 1.0
    freedom = spread**2 / sum(v**2 / df for v, df in parts)
    if largest > spread:
        spread, freedom = largest, float(own)
    half_width = max(least, float(special.stdtrit(freedom, (1 + level) / 2)) * math.sqrt(spread))
    p = 2 * float(special.stdtr(freedom, -abs(mean) / math.sqrt(spread)))
    return max(-1.0, mean - half_width), min(1.0, mean + half_width), p


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    by_map = left.mean(axis=1), right.mean(axis=1)
    if len(left) < 3 or min(np.ptp(by_map[0]), np.ptp(by_map[1])) == 0:
        return math.nan
    return float(np.corrcoef(*by_map)[0, 1])


def _how(common: bool, left: np.ndarray, right: np.ndarray) -> str:
    images = f"{left.shape[1]:,} common images"
    if common:
        maps = f"{len(left)} common fault maps and " if len(left) > 1 else ""
        return f"paired on {maps}{images}"
    return f"paired on {images}; {len(left)} and {len(right)} maps of their own"
