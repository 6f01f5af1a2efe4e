"""Rows -> curves with intervals. pandas and scipy only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from resq.core.validation import lookup
from resq.measure.analysis import choose
from resq.measure.analysis.intervals import both

KEYS = [
    "checkpoint", "network", "data", "encoding", "fault", "region", "attack", "steps", "restarts", "seed",
    "n", "weights", "images", "numbers", "mode", "sample", "precision", "targets", "inputs",
]  # fmt: skip
AXES = {"ber": ["ber"], "eps": ["eps"], "joint": ["ber", "eps"]}
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


LINE = [
    "mean", "low", "high", "map_low", "map_high", "image_low", "image_high", "error", "least", *QUANTILES,
    "maps", "flips", "due", "top", "code",
]  # fmt: skip


# What a curve may be of -> the column of rows that counts it, in images of ``n``.
METRICS = {"accuracy": "correct", "sdc1": "sdc1", "sdc10": "sdc10", "sdc20": "sdc20", "due": "due"}


def curve(rows: pd.DataFrame, axis: str = "ber", metric: str = "accuracy") -> pd.DataFrame:
    """One line per series and value of the axis ("ber", "eps" or "joint", then one per ``x`` and ``eps``).

    Of METRICS: "accuracy", the share of right answers; "sdc1", of images whose top-1 class is another than
    without faults (silent data corruption); "sdc10" and "sdc20", of those whose top confidence moved by more
    than 10 and 20 % of itself; "due", of those without an answer, logits not finite. Rows in which it was not
    counted are left out.

    Columns beside the series' own: ``x``; ``mean``, the metric over fault maps; ``low``, ``high``, its 95 %
    interval over fault maps and images together (``intervals.both``; NaN for a single map); ``map_low``,
    ``map_high``, its t interval over maps on these images (NaN for a single map, no width where nothing is
    random; where every map saw random images of its own, on all images); ``image_low``, ``image_high``, the
    Wilson interval of ``mean`` as a rate over the images looked at; ``error``, the standard error over maps;
    ``least``, the worst map, with the lowest accuracy or the most of the others; ``q05`` ... ``q95``,
    quantiles over maps, which tell more than a mean where networks collapse; ``maps``; ``flips`` and
    ``due``, means; ``top``, the rate that the maps were drawn at: maps of another are other maps, so they
    are lines of their own; ``code``, what measured it, "several" where halves of it differ.
    """
    rows, by = rows[rows["axis"] == axis], AXES[axis]
    counted = rows[lookup("metric", metric, METRICS)]
    rows = rows.assign(x=rows[by[0]], accuracy=counted / rows["n"])[counted.notna()]
    keys = [*KEYS, "x", *by[1:], "top"]
    if rows.empty:
        return pd.DataFrame(columns=list(dict.fromkeys([*keys, *LINE])))
    lines = []
    for key, group in rows.groupby(keys, sort=True):
        series = dict(zip(keys, key, strict=True))
        exact = axis == "eps" or (series["x"] == 0 and series["sample"] == "first")
        lines.append({**series, **_line(group, exact, metric)})
    return pd.DataFrame(lines)


def longest_series(curves: pd.DataFrame) -> pd.DataFrame:
    """Of lines that answer one question the one that speaks, by the rule of ``choose.speaking``."""
    return choose.speaking(curves)


def _line(group: pd.DataFrame, exact: bool, metric: str) -> dict[str, Any]:
    """The summary of one point's rows."""
    accuracy = group["accuracy"].to_numpy(float)
    mean = float(accuracy.mean())
    maps = (mean, mean) if exact else t_interval(accuracy)
    random = (group["sample"] == "random").any()
    images = wilson(mean, int(group["n"].sum() if random else group["n"].iloc[0]))
    # Where every map saw images of its own, the spread over maps holds that of the images already.
    low, high = maps if random and not exact else both(mean, maps, images)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "map_low": maps[0],
        "map_high": maps[1],
        "image_low": images[0],
        "image_high": images[1],
        "error": 0.0 if exact else standard_error(accuracy),
        "least": float(accuracy.min() if metric == "accuracy" else accuracy.max()),
        **quantiles(accuracy),
        "maps": len(accuracy),
        "flips": group["flips"].mean(),
        "due": group["due"].mean(),
        "code": codes(group),
    }


def codes(group: pd.DataFrame) -> str:
    """The hashes of the code that measured these rows: more than one where it was edited in between."""
    return ", ".join(sorted(group["code"].unique()))


def quantiles(values: np.ndarray) -> dict[str, float]:
    """The values that 5, 25, 50, 75 and 95 % of the maps do not exceed, linear between maps.

    ``values`` is (maps,) float64.

    >>> quantiles(np.array([0.0, 0.2, 0.4, 0.6, 0.8]))["q25"]
    0.2
    """
    return dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())).tolist(), strict=True))


def standard_error(values: np.ndarray) -> float:
    """Standard error of a mean of independent values; NaN for fewer than two.

    ``values`` is (maps,) float64.
    """
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def t_quantile(count: float, level: float = 0.95) -> float:
    """Half-width of a t interval of ``count`` values in standard errors."""
    return float(special.stdtrit(count - 1, (1 + level) / 2))


def t_half_width(values: np.ndarray, level: float = 0.95) -> float:
    """Half-width of the t interval of a mean of independent values; NaN for fewer than two.

    ``values`` is (maps,) float64.

    >>> round(t_half_width(np.array([0.5, 0.6, 0.7])), 3)
    0.248
    """
    if len(values) < 2:
        return float("nan")
    return t_quantile(len(values), level) * standard_error(values)


def t_interval(
    values: np.ndarray, level: float = 0.95, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Interval of a mean accuracy from independent maps, cut to [0, 1]; NaN for fewer than two.

    >>> tuple(round(v, 3) for v in t_interval(np.array([0.5, 0.6, 0.7])))
    (0.352, 0.848)
    """
    mean, half = float(np.mean(values)), t_half_width(values, level)
    if np.isnan(half):
        return half, half
    return max(limits[0], mean - half), min(limits[1], mean + half)


def wilson(rate: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a rate seen in n independent trials.

    >>> tuple(round(v, 4) for v in wilson(0.9, 100))
    (0.8256, 0.9448)
    """
    z = float(special.ndtri((1 + level) / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(max(0, middle - half)), float(min(1, middle + half))
