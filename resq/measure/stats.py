"""Rows -> curves with intervals. pandas and scipy only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats as distributions

KEYS = [
    "checkpoint", "network", "data", "encoding", "fault", "region", "attack", "steps", "restarts", "seed",
    "n", "weights", "images", "code",
]  # fmt: skip


def curve(rows: pd.DataFrame, axis: str = "ber") -> pd.DataFrame:
    """One line per series and value of the axis ("ber" or "eps").

    Columns beside the series' own: ``x``; ``mean`` accuracy over fault maps; ``low``, ``high``, its 95 %
    t interval over maps on these images (NaN for a single map, no width where nothing is random);
    ``image_low``, ``image_high``, the 95 % Wilson interval of ``mean`` as a rate over n images; ``least``,
    the worst map; ``maps``; ``flips`` and ``due``, means per map.
    """
    rows = rows[rows["axis"] == axis]
    if rows.empty:
        return pd.DataFrame(columns=[*KEYS, "x", *_line(np.ones(1), 1, True), "flips", "due"])
    rows = rows.assign(x=rows[axis], accuracy=rows["correct"] / rows["n"])
    lines = []
    for key, group in rows.groupby([*KEYS, "x"], sort=True):
        series = dict(zip([*KEYS, "x"], key, strict=True))
        accuracy = group["accuracy"].to_numpy()
        exact = axis == "eps" or series["x"] == 0
        mean = {"flips": group["flips"].mean(), "due": group["due"].mean()}
        lines.append({**series, **_line(accuracy, int(group["n"].iloc[0]), exact), **mean})
    return pd.DataFrame(lines)


def _line(accuracy: np.ndarray, n: int, exact: bool) -> dict[str, float]:
    mean = float(accuracy.mean())
    low, high = (mean, mean) if exact else t_interval(accuracy)
    image_low, image_high = wilson(mean, n)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "image_low": image_low,
        "image_high": image_high,
        "least": float(accuracy.min()),
        "maps": len(accuracy),
    }


def t_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Interval of a mean accuracy from independent maps, cut to [0, 1]; NaN for fewer than two.

    >>> tuple(round(v, 3) for v in t_interval(np.array([0.5, 0.6, 0.7])))
    (0.352, 0.848)
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    half = distributions.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(max(0, values.mean() - half)), float(min(1, values.mean() + half))


def wilson(rate: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a rate seen in n independent trials.

    >>> tuple(round(v, 4) for v in wilson(0.9, 100))
    (0.8256, 0.9448)
    """
    z = float(distributions.norm.ppf((1 + level) / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(max(0, middle - half)), float(min(1, middle + half))
