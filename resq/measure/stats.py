"""Rows -> curves with intervals. pandas and scipy only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from resq.fields import known

KEYS = [
    "checkpoint", "network", "data", "encoding", "fault", "region", "attack", "steps", "restarts", "seed",
    "n", "weights", "images", "numbers", "mode", "sample", "precision", "targets", "inputs",
]  # fmt: skip
AXES = {"ber": ["ber"], "eps": ["eps"], "joint": ["ber", "eps"]}
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


LINE = ["mean", "low", "high", "image_low", "image_high", "least", *QUANTILES, "maps", "flips", "due", "top",
        "code"]  # fmt: skip


# What a curve may be of -> the column of rows that counts it, in images of ``n``.
METRICS = {"accuracy": "correct", "sdc1": "sdc1", "sdc10": "sdc10", "sdc20": "sdc20", "due": "due"}


def curve(rows: pd.DataFrame, axis: str = "ber", metric: str = "accuracy") -> pd.DataFrame:
    """One line per series and value of the axis ("ber", "eps" or "joint", then one per ``x`` and ``eps``).

    Of METRICS: "accuracy", the share of right answers; "sdc1", of images whose top-1 class is another than
    without faults (silent data corruption); "sdc10" and "sdc20", of those whose top confidence moved by more
    than 10 and 20 % of itself; "due", of those without an answer, logits not finite. Rows in which it was not
    counted are left out.

    Columns beside the series' own: ``x``; ``mean``, the metric over fault maps; ``low``, ``high``, its 95 %
    t interval over maps on these images (NaN for a single map, no width where nothing is random; where every
    map saw random images of its own, on all images); ``image_low``, ``image_high``, the 95 % Wilson interval
    of ``mean`` as a rate over the images looked at; ``least``, the worst map, with the lowest accuracy or the
    most of the others; ``q05`` ... ``q95``, quantiles over maps, which tell more than a mean where networks
    collapse; ``maps``; ``flips`` and ``due``, means; ``top``, the rate that the maps were drawn at; ``code``,
    hashes.
    """
    rows, by = rows[rows["axis"] == axis], AXES[axis]
    counted = rows[known("metric", metric, METRICS)]
    rows = rows.assign(x=rows[by[0]], accuracy=counted / rows["n"])[counted.notna()]
    keys = [*KEYS, "x", *by[1:]]
    if rows.empty:
        return pd.DataFrame(columns=[*keys, *LINE])
    lines = []
    for key, group in rows.groupby(keys, sort=True):
        series = dict(zip(keys, key, strict=True))
        exact = axis == "eps" or (series["x"] == 0 and series["sample"] == "first")
        lines.append({**series, **_line(group, exact, metric)})
    return pd.DataFrame(lines)


def foremost(curves: pd.DataFrame) -> pd.DataFrame:
    """Of series that differ only in images the one with the most points, whole.

    Of equally long ones it is the one on the most images; ties: the last. Two campaigns may have measured one
    network twice; drawn both, they would be two curves of one name.
    """
    if curves.empty:
        return curves
    own = ["n", "images"]
    same = [key for key in KEYS if key not in own]
    points = curves.groupby([*same, *own])["x"].nunique().rename("points").reset_index()
    best = points.sort_values(["points", "n"], kind="stable").groupby(same)[own].last().reset_index()
    return curves.merge(best, on=[*same, *own])


def _line(group: pd.DataFrame, exact: bool, metric: str) -> dict[str, float | str]:
    """The summary of one point's rows."""
    accuracy = group["accuracy"].to_numpy(float)
    mean = float(accuracy.mean())
    low, high = (mean, mean) if exact else t_interval(accuracy)
    random = (group["sample"] == "random").any()
    image_low, image_high = wilson(mean, int(group["n"].sum() if random else group["n"].iloc[0]))
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "image_low": image_low,
        "image_high": image_high,
        "least": float(accuracy.min() if metric == "accuracy" else accuracy.max()),
        **quantiles(accuracy),
        "maps": len(accuracy),
        "flips": group["flips"].mean(),
        "due": group["due"].mean(),
        "top": group["top"].max(),
        "code": codes(group),
    }


def codes(group: pd.DataFrame) -> str:
    """The hashes of the code that measured these rows: more than one where it was edited in between."""
    return ", ".join(sorted(group["code"].unique()))


def quantiles(values: np.ndarray) -> dict[str, float]:
    """The values that 5, 25, 50, 75 and 95 % of the maps do not exceed, linear between maps.

    >>> quantiles(np.array([0.0, 0.2, 0.4, 0.6, 0.8]))["q25"]
    0.2
    """
    return dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())).tolist(), strict=True))


def t_half(values: np.ndarray, level: float = 0.95) -> float:
    """Half-width of the t interval of a mean of independent values; NaN for fewer than two.

    >>> round(t_half(np.array([0.5, 0.6, 0.7])), 3)
    0.248
    """
    if len(values) < 2:
        return float("nan")
    t = special.stdtrit(len(values) - 1, (1 + level) / 2)
    return float(t * np.std(values, ddof=1) / np.sqrt(len(values)))


def t_interval(
    values: np.ndarray, level: float = 0.95, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Interval of a mean accuracy from independent maps, cut to [0, 1]; NaN for fewer than two.

    >>> tuple(round(v, 3) for v in t_interval(np.array([0.5, 0.6, 0.7])))
    (0.352, 0.848)
    """
    mean, half = float(np.mean(values)), t_half(values, level)
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
