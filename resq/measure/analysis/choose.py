"""Which of several measured cells answers a question: one rule for tables, claims, texts and pages.

One point of one network may have been measured more than once: on more images, over more maps, with maps
drawn at another rate. The one whose images and maps give the narrowest 95 % interval speaks, one on the whole
test split before all others; never the one with the value that pleases. The interval is reckoned with one
accuracy and one spread for all of them, for intervals narrow towards 0 and 1: by its own, the cell that
happened to come out higher would speak. Of equals the one on the most images, then over the most maps, then
of the smallest seed, then the one whose maps were drawn at the highest rate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from resq.measure.analysis import drawn_images
from resq.measure.analysis.drawn_images import WHOLE as WHOLE
from resq.measure.store.table import COLUMNS

# What a question names. The images, how many, the seed and the rate that maps were drawn at decide how well
# it is answered, and the code that answered it is where it comes from.
QUESTION = [
    "checkpoint", "network", "data", "encoding", "fault", "region", "attack", "steps", "restarts", "weights",
    "mode", "precision", "targets", "numbers", "inputs", "plugged",
    "x", "eps",
]  # fmt: skip
# What cells of one curve have in common beside their question: the same images and the same maps.
SET = ["n", "maps", "top", "seed", "sample"]
RULE = (
    "Where one point was measured more than once, the cell on the whole test split speaks, else the one "
    "whose images and fault maps give the narrowest 95 % interval, whatever its own accuracy is."
)


def speaking(lines: pd.DataFrame) -> pd.DataFrame:
    """Of lines of ``stats.curve`` that answer one question, the one that speaks; curve by curve, along x.

    Without flips it does not matter which bits would have flipped: the fault-free point of a curve is the one
    that speaks for all fault models, under the curve's own.
    """
    if lines.empty:
        return lines
    by = [name for name in QUESTION if name in lines]
    ordered = ranked(lines)
    first = ordered.groupby(by, sort=False, dropna=False).head(1)
    clean = _clean(first)
    if clean.any():
        shared = [name for name in by if name != "fault"]
        best = first[clean].drop_duplicates(shared)
        own = first.loc[clean, [*shared, "fault"]].reset_index()
        same = own.merge(best.drop(columns="fault"), on=shared).set_index("index")
        first = pd.concat([first[~clean], same[first.columns]])
    curves = [name for name in by if name not in ("x", "eps")]
    place = first.sort_index().groupby(curves, sort=False, dropna=False).ngroup()
    order = first.assign(_place=place).sort_values(["_place", *([n for n in ("x", "eps") if n in first])])
    return order.drop(columns="_place").reset_index(drop=True)


def _clean(lines: pd.DataFrame) -> pd.Series:
    """Which lines are without flips and without an attack."""
    return (lines["x"] == 0) & (lines["attack"] == "none") & (lines["mode"] == "none")


def ranked(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines, those that speak first; one of a single map, without an interval, comes last."""
    if lines.empty:
        return lines
    whole = lines["data"].map(WHOLE).fillna(np.inf).to_numpy(float)
    unknown = lines["high"].isna().to_numpy()
    part = (lines["n"].to_numpy() < whole) | (lines["sample"] != "first").to_numpy() | unknown
    width = np.where(unknown, 1.0, _expected_width(lines).round(9))
    images, maps, seed, top = (lines[name].to_numpy(float) for name in ("n", "maps", "seed", "top"))
    return lines.iloc[np.lexsort((-top, seed, -maps, -images, width, part))]  # the last of them decides first


def _expected_width(lines: pd.DataFrame) -> np.ndarray:
    """How wide an interval this many images and maps give where accuracy and spread are those of all cells.

    All cells of one question have the same accuracy and spread here, their mean and their pooled one, so that
    images and maps alone decide: a cell that happened to fall near 0 or 1, or whose maps happened to agree,
    has a narrower interval and would be preferred for what it found. Where every map drew images of its own,
    its spread holds theirs too (``drawn_images``), and what is left are those of the whole test set.
    """
    of, n = _questions(lines), lines["n"].to_numpy(float)
    whole = _test_images(lines)
    maps = np.maximum(lines["maps"].to_numpy(float), 1)
    error, mean = (lines[name].to_numpy(float) for name in ("error", "mean"))
    freedom = np.where(np.isnan(error), 0, maps - 1)
    rate = _sums(mean * n * maps, of) / _sums(n * maps, of)
    drawn = rate * (1 - rate) * (1 / n - 1 / whole)  # 0 where all maps share their images
    own = np.maximum(0, maps * np.nan_to_num(error) ** 2 - drawn)
    spread = _sums(freedom * own, of) / np.maximum(_sums(freedom, of), 1)
    quantile = special.stdtrit(np.maximum(freedom, 1), 0.975)
    of_maps = np.where(freedom > 0, quantile**2 * (spread + drawn) / maps, 0)
    return 2 * np.sqrt(of_maps + 1.96**2 * rate * (1 - rate) / whole)


def _test_images(lines: pd.DataFrame) -> np.ndarray:
    """How many images Wilson's interval of each line is over, float64 (lines,), as in ``summaries``."""
    whole = lines["n"].to_numpy(float)
    for place in np.flatnonzero((lines["sample"] != "first").to_numpy()):
        one = lines.iloc[place]
        whole[place] = drawn_images.set_size(str(one["data"]), str(one["images"]), int(one["n"]))
    return whole


def _questions(lines: pd.DataFrame) -> np.ndarray:
    """The number of the question that each line answers, int64 (lines,)."""
    number = np.zeros(len(lines), dtype=np.int64)
    for name in QUESTION:
        if name in lines:
            codes, values = pd.factorize(lines[name], use_na_sentinel=False)
            if len(values) > 1:
                number = np.unique(number * len(values) + codes, return_inverse=True)[1]
    return number


def _sums(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The sum over all lines of the same question, at each of them."""
    return np.bincount(of, some)[of]


def rows_of(rows: pd.DataFrame, lines: pd.DataFrame, axis: str) -> pd.DataFrame:
    """The rows behind these lines, all columns of COLUMNS.

    Args:
        axis: of the lines, "ber" or "eps".
    """
    if lines.empty:
        return rows.iloc[:0]
    named, own = lines.rename(columns={"x": axis}), rows[rows["axis"] == axis]
    apart = ("code", "due", "flips", "top", "fault")
    same = [name for name in COLUMNS if name in named and name not in apart]
    # Which map a row is of is decided by the rate it was drawn at and the fault model, where a bit flips.
    maps = pd.MultiIndex.from_frame(named[[*same, "top", "fault"]])
    clean = pd.MultiIndex.from_frame(named.loc[_clean(lines), same])
    chosen = pd.MultiIndex.from_frame(own[[*same, "top", "fault"]]).isin(maps)
    free = (own["ber"] == 0) & pd.MultiIndex.from_frame(own[same]).isin(clean)
    # Campaigns of two fault models may both have measured it: it is one row.
    first = ~own[free].duplicated([*same, "map"])
    return own[(chosen & ~free) | free.where(~free, first.reindex(own.index, fill_value=False))]
