"""What protects at which price: stored rows as points of bits a weight and accuracy kept. No streamlit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.model.storage import common_images
from resq.core import Encoding
from resq.measure.analysis import choose, drawn_images, paired, stats
from resq.measure.specs.sweep_spec import AS_STORED
from resq.protect.timing import times as times_of

KINDS = {
    "plain": "plain words", "top": "top bits three times", "copies": "whole copies", "code": "SEC-DED codes",
    "zero": "detect, then zero", "inside": "inside the word", "limits": "limits",
    "mixture": "mixtures by layer",
}  # fmt: skip
_GUARDS = {"secded": "code", "inplace": "inside", "mset": "inside", "cep": "inside", "limits": "limits"}


def kind(encoding: Encoding) -> str:
    """Which of KINDS protects words stored like this.

    >>> [kind(Encoding.parse(e)) for e in ("int8", "int4-tmr2", "int8-x3", "int8-spw", "int8+int8-x3@0")]
    ['plain', 'top', 'copies', 'zero', 'mixture']
    """
    if encoding.other:
        return "mixture"
    if encoding.guard:
        return _GUARDS.get(encoding.guard, "zero")
    if encoding.copies > 1:
        return "copies"
    if encoding.ranger:
        return "limits"
    return "top" if encoding.tmr else "plain"


def kind_of(name: str) -> str:
    """The same by an encoding's name; a deployed file's own words are plain."""
    return "plain" if name == AS_STORED else kind(Encoding.parse(name))


def costs(names: Sequence[str], sizes: Sequence[int], limits: int | None) -> dict[str, float]:
    """Stored bits a weight of these encodings, those left out that name layers which are not there.

    Args:
        sizes: weights of every layer.
        limits: bits of the limits of activations, see ``+ranger``; None: not known, which leaves those out.
    """
    known = {name: Encoding.parse(name) for name in names}
    fits = {name: e for name, e in known.items() if max(e.apart, default=0) < len(sizes)}
    known = {name: e for name, e in fits.items() if limits is not None or not e.ranger}
    return {name: e.memory(sizes) + e.ranger * (limits or 0) / sum(sizes) for name, e in known.items()}


def file_costs(rows: pd.DataFrame) -> dict[str, float]:
    """Stored bits a weight of each encoding of a deployed file with words of eight bits, as its rows say."""
    struck = rows[rows["bits"] > 0].groupby("encoding")["bits"].max()
    weights = struck.get(AS_STORED, 0) / 8
    return {str(name): float(bits / weights) for name, bits in struck.items()} if weights else {}


def rows_of(rows: pd.DataFrame, net: str, sha256: str, fault: str) -> pd.DataFrame:
    """The rows in which the words of a network's weights alone are struck, under one sampler."""
    own = rows[(rows["checkpoint"] == net) & (rows["weights"] == sha256[:16]) & (rows["axis"] == "ber")]
    plain = (own["region"] == "all") & (own["targets"] == "weights") & (own["attack"] == "none")
    return own[plain & own["fault"].isin(["none", fault]) & (own["precision"] == "fp32")]


def points(rows: pd.DataFrame, cost: Mapping[str, float], own: str) -> pd.DataFrame:
    """One line per encoding and rate above 0: what it costs and what it keeps.

    Encodings stand on the same images where they can, see ``common_images``: other images differ by more than
    protections do. Columns: ``bits`` a weight; accuracies ``mean``, ``low``, ``high``; and ``kept``,
    ``kept_low``, ``kept_high``: the accuracy over that of the network as it is stored, without faults, on the
    same images. It is what ``resq protect`` divides by, the same for all encodings: none gains by an
    accuracy that is low before anything flips.

    Args:
        rows: of ``rows_of``.
        cost: stored bits a weight of each encoding; those without are left out.
        own: the encoding in which the network is stored when nobody says another.
    """
    rows = common_images.nested(rows)
    curve = stats.curve(rows)
    if curve.empty:
        return pd.DataFrame(columns=["encoding", "kind", "bits", "ber", "kept"])
    lines = choose.speaking(curve[(curve["x"] > 0) & curve["low"].notna()]).rename(columns={"x": "ber"})
    lines = lines[lines["encoding"].isin(list(cost))]
    free = rows[(rows["ber"] == 0) & (rows["encoding"] == own)]
    shares = [_kept(rows, lines.loc[[place]], free) for place in lines.index]
    return lines.assign(
        kind=lines["encoding"].map(kind_of), bits=lines["encoding"].map(dict(cost)), over=own,
        **{name: [share[i] for share in shares] for i, name in enumerate(("kept", "kept_low", "kept_high"))},
    ).dropna(subset=["kept"])  # fmt: skip


def _kept(rows: pd.DataFrame, line: pd.DataFrame, free: pd.DataFrame) -> tuple[float, float, float]:
    """What one line keeps of the accuracy of the rows ``free``, with its interval; NaN where none is.

    Where both are of the same images the interval is paired; else the accuracy's own is divided.
    """
    one, behind = line.iloc[0], choose.rows_of(rows, line.rename(columns={"ber": "x"}), "ber")
    same = free[free["images"] == one["images"]].head(1)
    if len(same) and paired.comparable(behind, same):
        return paired.retained(behind, same)
    clean = (same if len(same) else free.sort_values("n").tail(1))[["correct", "n"]].sum()
    if not clean["correct"]:
        return math.nan, math.nan, math.nan
    whole = clean["correct"] / clean["n"]
    return one["mean"] / whole, one["low"] / whole, one["high"] / whole


def timed(points_frame: pd.DataFrame, times: Mapping[str, Any]) -> pd.DataFrame:
    """The points with ``time_1`` and ``time_250``: a pass with all words decoded over the plain pass.

    Args:
        times: of ``pass_time.measured``; what it does not name is NaN.
    """
    rows = {row["encoding"]: row for row in times.get("rows", [])}
    same = {AS_STORED: "int8-symmetric"}  # a file's own words need no decoding; they are read as plain ones

    def ratio(name: str, images: int) -> float:
        row = rows.get(name, rows.get(same.get(name, "")))
        value = row and times_of.ratio(row, images)
        return float("nan") if value is None else float(value)

    names = points_frame["encoding"]
    columns = {f"time_{n}": [ratio(name, n) for name in names] for n in times_of.IMAGES}
    return points_frame.assign(**columns)


def within(points_frame: pd.DataFrame, time: float) -> pd.DataFrame:
    """The points whose pass of a batch takes at most so many times the plain one; all where any may."""
    slow = points_frame[f"time_{times_of.IMAGES[-1]}"]
    return points_frame if np.isinf(time) else points_frame[slow <= time]


def rates(points_frame: pd.DataFrame) -> list[float]:
    """The rates at which at least half as many encodings are measured as at the one with most."""
    count = points_frame.groupby("ber")["encoding"].nunique()
    return [float(rate) for rate in count.index[count >= count.max() / 2]]


def three(known: Sequence[float], rate: float) -> list[float]:
    """The rate and its neighbours among those that are known, three where there are as many.

    >>> three([1e-4, 1e-3, 1e-2, 0.1], 1e-2), three([1e-3, 1e-2, 0.1], 1e-3)
    ([0.001, 0.01, 0.1], [0.001, 0.01, 0.1])
    """
    at = int(np.argmin(np.abs(np.log(known) - np.log(rate))))
    first = min(max(0, at - 1), max(0, len(known) - 3))
    return list(known[first : first + 3])


def front(at: pd.DataFrame) -> pd.DataFrame:
    """Of points at one rate those that nothing beats in bits and in what is kept, the cheapest first."""
    best = -1.0
    chosen: list[int] = []
    for place, line in at.sort_values(["bits", "kept"], ascending=[True, False]).iterrows():
        if line["kept"] > best:
            best, chosen = float(line["kept"]), [*chosen, int(str(place))]
    return at.loc[chosen]


@dataclass(frozen=True)
class Answer:
    """What to store.

    Attributes:
        encoding: "" where nothing is measured within the budget.
        enough: whether it keeps what was asked.
        sure: whether the lower end of its interval does too.
        over: the encoding whose accuracy without faults ``retained`` is a share of.
        images: which test images, in words.
    """

    encoding: str
    enough: bool = False
    sure: bool = False
    bits: float = 0.0
    retained: float = 0.0
    low: float = 0.0
    high: float = 0.0
    maps: int = 0
    n: int = 0
    seed: int = 0
    over: str = ""
    asked: float = 0.0
    images: str = ""


def answer(at: pd.DataFrame, keep: float, most: float) -> Answer:
    """The cheapest of the points at one rate that keeps enough within the bits; else what keeps most."""
    able = at[at["bits"] <= most + 1e-9]
    if able.empty:
        return Answer("")
    enough = able[able["kept"] >= keep]
    order = ["bits", "kept"] if len(enough) else ["kept", "bits"]
    line = (enough if len(enough) else able).sort_values(
        order, ascending=[bool(len(enough)), not len(enough)]
    )
    one = line.iloc[0]
    return Answer(
        str(one["encoding"]), bool(len(enough)), bool(one["kept_low"] >= keep), float(one["bits"]),
        float(one["kept"]), float(one["kept_low"]), float(one["kept_high"]), int(one["maps"]), int(one["n"]),
        int(one["seed"]), str(one["over"]), keep,
        drawn_images.described(*one[["sample", "n", "data", "images"]]),
    )  # fmt: skip
