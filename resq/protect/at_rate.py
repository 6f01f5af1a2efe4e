"""What stored rows say of a rate that was not measured: accuracy between measured rates, as a band."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from resq.core.errors import ResqError
from resq.measure.analysis import choose, drawn_images, stats

CONDITIONS = ("data", "inputs", "precision", "weights", "numbers", "plugged")


@dataclass(frozen=True)
class Kept:
    """Accuracy at a band of rates, 0..1.

    Attributes:
        value: at the rate itself; low, high: the ends of its 95 % interval over maps and
            images at the ends of the band.
        clean: without faults.
        between: the measured rates that it was interpolated between.
        how: the images, maps and seed of those two points, in words.
    """

    low: float
    value: float
    high: float
    clean: float
    between: tuple[float, float]
    how: str = ""


def accuracy(rows: pd.DataFrame, low: float, value: float, high: float) -> Kept:
    """Accuracy at a rate that is known within low..high, from the rows of one network and encoding.

    Between two measured rates it is interpolated in the logarithm of the rate; below the smallest it lies
    between what is kept there and what is right without faults. All points are of one set of images and maps:
    of several sets that with the nearest rates on both sides, then the one that speaks for the upper of them.

    Args:
        rows: of random faults in all words, BER 0 among them.

    Raises:
        ValueError: no such rows, or a rate beyond the largest that was measured.
    """
    curves = _curves(rows)
    if high > (most := max(float(curve["x"].iloc[-1]) for curve in curves)):
        raise ResqError(
            f"rates up to {most:g} are measured, and {high:g} is asked for: sweep further (--ber)"
        )
    reaching = [curve for curve in curves if float(curve["x"].iloc[-1]) >= high]
    curve = min(reaching, key=lambda one: _coarse(one, value))
    at = [_at(curve, rate) for rate in (low, value, high)]
    x = curve["x"].to_numpy(float)
    start = int(np.searchsorted(x, value, side="right")) - 1
    ends = curve.iloc[[start, min(start + 1, len(x) - 1)]]
    between = float(ends["x"].iloc[0]), float(ends["x"].iloc[1])
    return Kept(
        min(a["low"] for a in at), at[1]["mean"], max(a["high"] for a in at), float(curve["mean"].iloc[0]),
        between, _how(ends),
    )  # fmt: skip


def _how(ends: pd.DataFrame) -> str:
    """What the measured points rest on: images, fault maps, sampler, seed."""
    kinds = ends[["sample", "n", "data", "images"]].itertuples(index=False, name=None)
    images = " and ".join(dict.fromkeys(drawn_images.described(*kind) for kind in kinds))
    maps = " and ".join(dict.fromkeys(f"{m}" for m in ends.loc[ends["x"] > 0, "maps"]))
    seeds = " and ".join(dict.fromkeys(f"{seed}" for seed in ends["seed"]))
    inputs = "".join(f", input {text}" for text in dict.fromkeys(ends["inputs"]) if text)
    return f"independent bits, {images}, {maps} fault maps, seed {seeds}{inputs}"


def _curves(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The curves over BER, each of one set of images and maps, fault-free point first."""
    tests = rows["data"] == rows["checkpoint"].str.split("/").str[0]  # not held-out images, nor other ones
    rows = rows[tests] if tests.any() else rows
    rows = rows[(rows["axis"] == "ber") & rows["fault"].isin(["none", "random"]) & (rows["region"] == "all")]
    lines = choose.ranked(stats.curve(rows[(rows["attack"] == "none") & (rows["mode"] == "none")]))
    for name in CONDITIONS:  # others are other curves: the longest speaks
        lines = lines[lines[name].eq(_longest(lines, name))] if len(lines) else lines
    clean, struck = lines[lines["x"] == 0], lines[lines["x"] > 0]
    if clean.empty or struck.empty:
        raise ResqError(
            "no rows of random faults in all words at several rates, 0 among them, are stored for this "
            "network and encoding: python -m resq sweep measures them"
        )
    curves, struck = [], struck.assign(rank=np.arange(len(struck)))
    for (n, *_, sample), own in struck.groupby(choose.SET):
        same = clean[(clean["n"] == n) & (clean["sample"] == sample)]
        first = (same if len(same) else clean).head(1)
        curves.append(pd.concat([first, own.drop_duplicates("x").sort_values("x")], ignore_index=True))
    return curves


def _longest(lines: pd.DataFrame, name: str) -> Any:
    """The condition under which most was measured; of as long ones that under which most is right at first.

    A file that was once given pixels of another range than it was made for is right less often.
    """
    counts = lines[name].value_counts()
    tied = sorted(counts[counts == counts.max()].index, key=str)

    def right(value: object) -> float:
        clean = lines[(lines[name] == value) & (lines["x"] == 0)]["mean"]
        return float(clean.max()) if len(clean) else -1.0

    return max(tied, key=right)


def _coarse(curve: pd.DataFrame, rate: float) -> tuple[float, float]:
    """How far apart the measured rates around this one are, as a ratio, then what speaks first."""
    x = curve["x"].to_numpy(float)
    above = int(np.clip(np.searchsorted(x, rate), 1, len(x) - 1))
    apart = 1.0 if x[above] == rate else x[above] / max(x[above - 1], 1e-12)
    return apart, float(curve["rank"].iloc[above])


def _at(curve: pd.DataFrame, rate: float) -> dict[str, float]:
    """Mean and interval at one rate."""
    x = curve["x"].to_numpy(float)
    if rate < x[1]:  # between no faults and the smallest measured rate
        ends = curve.iloc[[0, 1]]
        share = rate / x[1]
        mean = (1 - share) * ends["mean"].iloc[0] + share * ends["mean"].iloc[1]
        return {"low": float(ends["low"].min()), "mean": float(mean), "high": float(ends["high"].max())}
    logs = np.log10(x[1:])
    return {
        name: float(np.interp(math.log10(rate), logs, curve[name].to_numpy(float)[1:]))
        for name in ("low", "mean", "high")
    }
