"""The summaries of many measured points at once: rows of equal counts are one matrix, points x maps.

What ``stats.curve`` says of each point, a group of rows, is computed here for all points together: a loop in
pandas takes a second for the shipped rows and is asked for by every page that compares networks.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from resq.measure.analysis import drawn_images

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
MADE = ["mean", "low", "high", "map_low", "map_high", "image_low", "image_high", "error", "least", *QUANTILES,
        "maps", "flips", "due", "code"]  # fmt: skip


def summaries(rows: pd.DataFrame, keys: list[str], exact: np.ndarray, worst: str) -> pd.DataFrame:
    """One line per group of rows with equal keys, in their order: the keys and MADE, as ``stats.curve`` says.

    Args:
        rows: with ``accuracy``, the share counted in each.
        exact: bool, one per row: whether nothing is random at its point.
        worst: "min" or "max", the worst map's accuracy.
    """
    order, starts, counts = _groups(rows, keys)
    heads = rows.iloc[order[starts]]
    columns = {name: np.full(len(starts), np.nan) for name in MADE[:-1]}
    values = {name: rows[name].to_numpy(float)[order] for name in ("accuracy", "n", "flips", "due")}
    free, images = exact[order[starts]], _images(heads, counts)
    for count in np.unique(counts):
        of = np.flatnonzero(counts == count)
        at = starts[of][:, None] + np.arange(count)
        part = {name: all_[at] for name, all_ in values.items()}
        for name, column in _summed(part, free[of], images[of], worst).items():
            columns[name][of] = column
    made = pd.DataFrame({**columns, "maps": counts, "code": _codes(rows["code"], order, starts)})
    return pd.concat([heads[keys].reset_index(drop=True), made[MADE]], axis=1)


def _groups(rows: pd.DataFrame, keys: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the rows, group by group, where each group starts among them, and its number of rows."""
    number = rows.groupby(keys, sort=True).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    order = order[number[order] >= 0]  # a row that lacks a key is of no group
    _, starts, counts = np.unique(number[order], return_index=True, return_counts=True)
    return order, starts, counts


def _images(heads: pd.DataFrame, counts: np.ndarray) -> np.ndarray:
    """How many images each point's test set has, and what was seen of them is worth, float64 (P, 2).

    Where all maps share their images both are their number.

    Args:
        heads: one row of each point.
        counts: its maps.
    """
    images = np.repeat(heads["n"].to_numpy(float)[:, None], 2, axis=1)
    for at in np.flatnonzero((heads["sample"] == "random").to_numpy()):
        name, hashed, n = heads[["data", "images", "n"]].iloc[at]
        whole = drawn_images.set_size(str(name), str(hashed), int(n))
        images[at] = whole, drawn_images.effective_count(int(n), counts[at], whole)
    return images


def _summed(
    part: dict[str, np.ndarray], exact: np.ndarray, seen: np.ndarray, worst: str
) -> dict[str, np.ndarray]:
    """The summaries of points (P,) from what their maps counted, (P, maps) each; ``seen`` of ``_images``."""
    accuracy, count = part["accuracy"], part["accuracy"].shape[1]
    mean = accuracy.mean(axis=1)
    error = accuracy.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(mean), np.nan)
    half_width = np.where(exact, 0.0, special.stdtrit(max(1, count - 1), 0.975) * error)
    maps = np.clip(mean - half_width, 0.0, None), np.clip(mean + half_width, None, 1.0)
    maps = tuple(np.where(exact, mean, edge) for edge in maps)
    whole, images = wilson(mean, seen[:, 0]), wilson(mean, seen[:, 1])
    # Where every map drew images of its own, the spread over maps holds which of the test set they were, and
    # Wilson's over all of it which the test set has. Maps that happen to agree must not hide the former.
    down, up = np.hypot(mean - maps[0], mean - whole[0]), np.hypot(maps[1] - mean, whole[1] - mean)
    down, up = np.maximum(down, mean - images[0]), np.maximum(up, images[1] - mean)
    return {
        "mean": mean,
        "low": np.clip(mean - down, 0.0, None),
        "high": np.clip(mean + up, None, 1.0),
        "map_low": maps[0],
        "map_high": maps[1],
        "image_low": images[0],
        "image_high": images[1],
        "error": np.where(exact, 0.0, error),
        "least": getattr(accuracy, worst)(axis=1),
        **dict(zip(QUANTILES, np.quantile(accuracy, list(QUANTILES.values()), axis=1), strict=True)),
        "flips": part["flips"].mean(axis=1),
        "due": part["due"].mean(axis=1),
    }


def wilson(rate: np.ndarray, n: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson intervals of rates (P,) seen in ``n`` (P,) independent trials."""
    z = float(special.ndtri((1 + level) / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half_width = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return np.clip(middle - half_width, 0.0, None), np.clip(middle + half_width, None, 1.0)


def _codes(codes: pd.Series, order: np.ndarray, starts: np.ndarray) -> list[str]:
    """The hashes of the code that measured each group's rows: more than one where it was edited between."""
    numbers, names = pd.factorize(codes, sort=True)
    own = np.split(numbers[order], starts[1:])
    return [", ".join(str(names[i]) for i in np.unique(group)) for group in own]
