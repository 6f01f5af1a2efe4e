"""Intervals that count every source of noise, ratios that may be undefined, several comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from resq.measure.analysis import drawn_images, stats

FEW = 10  # fault maps; t over fewer undercovers where accuracy saturates, see ``caution``


def both(mean: float, maps: tuple[float, float], images: tuple[float, float]) -> tuple[float, float]:
    """The interval of ``mean`` from two independent sources of noise, each with an interval of its own.

    Distances from the mean are added as squares, each side by itself. NaN where one of them is not known: a
    single fault map tells nothing of other maps.
    Source: Zou and Donner 2008, doi:10.1002/sim.3095 (MOVER).

    >>> tuple(round(v, 3) for v in both(0.8, (0.77, 0.83), (0.76, 0.84)))
    (0.75, 0.85)
    """
    down, up = math.hypot(mean - maps[0], mean - images[0]), math.hypot(maps[1] - mean, images[1] - mean)
    if math.isnan(down):
        return math.nan, math.nan
    return max(0.0, mean - down), min(1.0, mean + up)


def drawn(
    mean: float, maps: tuple[float, float], n: int, count: int, whole: int, level: float = 0.95
) -> tuple[float, float]:
    """The interval of ``mean`` over fault maps and images, where each map drew images of its own.

    The interval over maps holds which images of the test set were drawn; Wilson's over all of it joins it, as
    in ``both``: which images the set has. It is at least Wilson's over what the draws are worth
    (``drawn_images.effective_count``), for few maps may happen to agree.

    Args:
        maps: the interval over maps.
        n: images of a map, of which there are ``count``; the test set has ``whole``.

    >>> tuple(round(v, 4) for v in drawn(0.9892, (0.9892, 0.9892), 4000, 2, 4000))
    (0.9855, 0.992)
    """
    low, high = both(mean, maps, stats.wilson(mean, whole, level))
    least, most = stats.wilson(mean, drawn_images.effective_count(n, count, whole), level)
    return (math.nan, math.nan) if math.isnan(low) else (min(low, least), max(high, most))


def ratio(above: Sequence[float], below: Sequence[float], level: float = 0.95) -> dict[str, float]:
    """The ratio of two means of pairs, with Fieller's interval: NaN where the denominator may be 0.

    Returns:
        ``mean``, ``low``, ``high``, and ``g``, the squared half width of the denominator's interval in units
        of its mean. At g >= 1 that interval holds 0 and the ratio has no bounded interval.

    Raises:
        ValueError: unequal lengths.
    Source: Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x.

    >>> {k: round(v, 3) for k, v in ratio([1, 2, 3], [2.0, 2.0, 2.0]).items()}
    {'mean': 1.0, 'low': -0.242, 'high': 2.242, 'g': 0.0}
    """
    a, b = np.asarray(above, float), np.asarray(below, float)
    if len(a) != len(b):
        raise ValueError(f"a ratio is of pairs, got {len(a)} and {len(b)} values")
    if len(a) < 2:
        return {"mean": math.nan, "low": math.nan, "high": math.nan, "g": math.nan}
    spread = np.cov(a, b) / len(a)
    return fieller(
        float(a.mean()), float(b.mean()), spread, float(special.stdtrit(len(a) - 1, (1 + level) / 2))
    )


def fieller(above: float, below: float, spread: np.ndarray, t: float) -> dict[str, float]:
    """Fieller's interval from two means, their covariance (2, 2) and the quantile ``t``; see ``ratio``."""
    aa, ab, bb = t * t * spread[0, 0], t * t * spread[0, 1], t * t * spread[1, 1]
    g = float(bb / below**2) if below else math.inf
    if g >= 1 or below <= 0:
        return {"mean": math.nan, "low": math.nan, "high": math.nan, "g": g}
    # (above - r below)^2 <= t^2 var(above - r below), solved for r.
    square, linear, fixed = below**2 - bb, above * below - ab, above**2 - aa
    root = math.sqrt(max(0.0, linear**2 - square * fixed))
    low, high = float((linear - root) / square), float((linear + root) / square)
    return {"mean": above / below, "low": low, "high": high, "g": g}


def level_of(comparisons: int, level: float = 0.95) -> float:
    """The level of each of several intervals that all together hold with ``level``, by Bonferroni.

    >>> round(level_of(5), 3)
    0.99
    """
    return 1 - (1 - level) / max(1, comparisons)


def of_looks(faulty: Mapping[str, Any], n: int) -> tuple[float, float]:
    """The 95 % interval over fault maps and images of an accuracy under faults, as a card keeps it.

    Args:
        faulty: ``mean`` and ``correct``, right answers of each map; or, of cards that do not keep these,
            ``mean``, ``least`` and ``maps``: the interval is then as wide as these allow.
        n: images.
    """
    mean = float(faulty["mean"])
    known = [count / n for count in faulty.get("correct", ())]
    maps = np.array(known) if known else widest(mean, float(faulty["least"]), int(faulty["maps"]))
    return both(mean, stats.t_interval(maps, limits=(-math.inf, math.inf)), stats.wilson(mean, n))


def widest(mean: float, least: float, maps: int) -> np.ndarray:
    """The accuracies (maps,) that vary most of all that have this mean and none below ``least``.

    Their spread is convex in each, so all but one lie at an end, ``least`` or 1.

    >>> widest(0.5, 0.4, 4).round(3).tolist(), widest(0.75, 0.5, 4).tolist()
    ([0.4, 0.4, 0.4, 0.8], [0.5, 0.5, 1.0, 1.0])
    """
    if least >= 1 or maps < 1:
        return np.full(max(0, maps), mean)
    room = 1 - least
    more = max(0.0, maps * (mean - least))
    whole = min(maps, int(more / room + 1e-9))
    rest = [least + max(0.0, more - whole * room)] if whole < maps else []
    return np.array([*[least] * (maps - whole - len(rest)), *rest, *[1.0] * whole])


def caution(maps: int) -> str:
    """What to know of a t interval over this many maps; empty where there is nothing.

    Resampled from 200 stored maps of a network near its ceiling, intervals over five maps hold the mean of
    all in 81 % and not 95 % of the cases, those over ten in 91 to 95 %.
    """
    if not 1 < maps < FEW:
        return ""
    return (
        f"{maps} maps: where accuracy is near its ceiling, t intervals over so few hold less often than 95 %"
    )
