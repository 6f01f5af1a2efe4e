"""Rows of an embedding -> what they say: answers, accuracies with intervals, ways, regions. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from resq.measure.analysis import intervals, stats

Row = Mapping[str, Any]


def numbers(values: Any) -> np.ndarray:
    """Lists of a row as float64; NaN where there is no number."""
    return np.array(values, dtype=np.float64)


def places(row: Row) -> np.ndarray:
    """Where the pictures of a step lie, float64 (N, 2)."""
    return np.stack([numbers(row["x"]), numbers(row["y"])], axis=1)


def answers(row: Row) -> np.ndarray:
    """The class given to each picture, int64 (N,); the number of classes where a logit is no number."""
    logits = numbers(row["logits"])
    return _classes(logits)


def _classes(logits: np.ndarray) -> np.ndarray:
    known = np.isfinite(logits).all(1)
    top = np.where(known[:, None], logits, 0).argmax(1)
    return np.where(known, top, logits.shape[1]).astype(np.int64)


def right(row: Row) -> np.ndarray:
    """Which pictures are right, bool (N,)."""
    return np.asarray(answers(row) == np.array(row["labels"]))


def on_plane(row: Row) -> np.ndarray:
    """The class that the head gives to each picture's point of the plane, int64 (N,), as ``answers``."""
    middle, along, up = numbers(row["plane"])
    x, y = places(row).T[:, :, None]
    return _classes(middle + x * along + y * up)


def agreeing(row: Row) -> float:
    """The share of pictures whose region on the plane is their answer: how far the plane tells of it."""
    return float(np.mean(on_plane(row) == answers(row)))


def ways(clean: Row, row: Row) -> np.ndarray:
    """How far each picture lies on the plane from where it lay clean, float64 (N,); NaN where nowhere."""
    with np.errstate(all="ignore"):
        return np.asarray(np.linalg.norm(places(row) - places(clean), axis=1))


def accuracy(rows: Sequence[Row]) -> dict[str, float]:
    """The accuracy of one step over its maps, with its 95 % interval.

    Under flips over fault maps and images together (``intervals.both``); without, and for a single map, the
    Wilson interval over images alone.

    Returns:
        ``mean``, ``low``, ``high`` (0..1), ``n`` images, ``maps``.
    """
    each = np.array([right(row).mean() for row in rows])
    n, mean = len(rows[0]["labels"]), float(each.mean())
    low, high = images = stats.wilson(mean, n)
    if len(rows) > 1:
        low, high = intervals.both(mean, stats.t_interval(each, limits=(-math.inf, math.inf)), images)
    return {"mean": mean, "low": low, "high": high, "n": n, "maps": len(rows)}


def per_class(rows: Sequence[Row]) -> np.ndarray:
    """Right answers of each class over a step's maps, float64 (classes,), 0..1; NaN of one without images."""
    labels, classes = np.array(rows[0]["labels"]), len(rows[0]["classes"])
    counts = np.bincount(labels, minlength=classes)
    good = sum(np.bincount(labels[right(row)], minlength=classes) for row in rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(good / (counts * len(rows)))


def steps(rows: Sequence[Row], axis: str) -> dict[float, list[Row]]:
    """The rows of an axis by value, the clean one first at 0; of each value its maps in order.

    Args:
        axis: "ber" or "eps".
    """
    by_value: dict[float, list[Row]] = {0.0: [row for row in rows if row["axis"] == "clean"]}
    for row in sorted((r for r in rows if r["axis"] == axis), key=lambda r: (r["value"], r["map"])):
        by_value.setdefault(float(row["value"]), []).append(row)
    return by_value
