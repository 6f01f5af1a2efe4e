"""Rows -> curves with intervals. pandas and scipy only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from resq.core.validation import lookup
from resq.measure.analysis import choose
from resq.measure.analysis.summaries import MADE, summaries
from resq.measure.specs.sdc_rates import METRICS as METRICS

KEYS = [
    "checkpoint", "network", "data", "encoding", "fault", "region", "attack", "steps", "restarts", "seed",
    "n", "weights", "images", "numbers", "mode", "sample", "precision", "targets", "inputs",
    "plugged",
]  # fmt: skip
AXES = {"ber": ["ber"], "eps": ["eps"], "joint": ["ber", "eps"]}
LINE = [*MADE, "top"]


def curve(rows: pd.DataFrame, axis: str = "ber", metric: str = "accuracy") -> pd.DataFrame:
    """One line per series and value of the axis ("ber", "eps" or "joint", then one per ``x`` and ``eps``).

    Of METRICS: "accuracy", the share of right answers; "sdc1", of images whose top-1 class is another than
    without faults (silent data corruption); "sdc10" and "sdc20", of those whose top confidence moved by more
    than 10 and 20 % of itself; "due", of those without an answer, logits not finite. Rows in which it was not
    counted are left out.

    Columns beside the series' own: ``x``; ``mean``, the metric over fault maps; ``low``, ``high``, its 95 %
    interval over fault maps and images together (``intervals.both``, where every map drew its own images
    ``intervals.drawn``; NaN for a single map); ``map_low``, ``map_high``, its t interval over maps on these
    images (NaN for a single map, no width where nothing is random; where every map drew images of its own, on
    all images of that test set); ``image_low``, ``image_high``, the Wilson interval of ``mean`` as a rate
    over the images looked at, of random ones over as many as the draws are worth (``drawn_images``);
    ``error``, the standard error over maps; ``least``, the worst map, with the lowest accuracy or the most of
    the others; ``q05`` ... ``q95``, quantiles over maps, which tell more than a mean where networks collapse;
    ``maps``; ``flips`` and ``due``, means; ``top``, the rate that the maps were drawn at: maps of another are
    other maps, so they are lines of their own; ``code``, what measured it, "several" where halves of it
    differ.
    """
    rows, by = rows[rows["axis"] == axis], AXES[axis]
    counted = rows[lookup("metric", metric, METRICS)]
    rows = rows.assign(x=rows[by[0]], accuracy=counted / rows["n"])[counted.notna()]
    keys = [*KEYS, "x", *by[1:], "top"]
    if rows.empty:
        return pd.DataFrame(columns=list(dict.fromkeys([*keys, *LINE])))
    exact = (axis == "eps") | ((rows["x"] == 0) & (rows["sample"] == "first")).to_numpy()
    return summaries(rows, keys, exact, "min" if metric == "accuracy" else "max")


def longest_series(curves: pd.DataFrame) -> pd.DataFrame:
    """Of lines that answer one question the one that speaks, by the rule of ``choose.speaking``."""
    return choose.speaking(curves)


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
    mean, half_width = float(np.mean(values)), t_half_width(values, level)
    if np.isnan(half_width):
        return half_width, half_width
    return max(limits[0], mean - half_width), min(limits[1], mean + half_width)


def wilson(rate: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a rate seen in n independent trials.

    >>> tuple(round(v, 4) for v in wilson(0.9, 100))
    (0.8256, 0.9448)
    """
    z = float(special.ndtri((1 + level) / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half_width = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(max(0, middle - half_width)), float(min(1, middle + half_width))
