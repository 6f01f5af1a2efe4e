"""What protects at which price: stored rows as points of bits a weight and accuracy kept. No streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.model.storage import common_images
from resq.core import Encoding
from resq.measure.analysis import choose, stats

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


def rows_of(rows: pd.DataFrame, net: str, sha256: str, fault: str) -> pd.DataFrame:
    """The rows in which the words of a network's weights alone are struck, under one sampler."""
    own = rows[(rows["checkpoint"] == net) & (rows["weights"] == sha256[:16]) & (rows["axis"] == "ber")]
    plain = (own["region"] == "all") & (own["targets"] == "weights") & (own["attack"] == "none")
    return own[plain & own["fault"].isin(["none", fault]) & (own["precision"] == "fp32")]


def points(rows: pd.DataFrame, sizes: Sequence[int]) -> pd.DataFrame:
    """One line per encoding and rate above 0: what it costs and what it keeps.

    Encodings stand on the same images where they can, see ``common_images``: other images differ by more than
    protections do. Columns: ``bits`` a weight; accuracies ``mean``, ``low``, ``high``; and ``kept``,
    ``kept_low``, ``kept_high``, the same as shares of the accuracy without faults on these images, the best
    of all encodings.

    Args:
        rows: of ``rows_of``.
        sizes: weights of every layer.
    """
    rows = common_images.nested(rows)
    curve = stats.curve(rows)
    if curve.empty:
        return pd.DataFrame(columns=["encoding", "kind", "bits", "ber", "kept"])
    lines = choose.speaking(curve[(curve["x"] > 0) & curve["low"].notna()]).rename(columns={"x": "ber"})
    clean = lines["images"].map(unharmed(curve))
    known = {e: Encoding.parse(e) for e in lines["encoding"].unique()}
    fits = {e for e, read in known.items() if max(read.apart, default=0) < len(sizes)}
    lines = lines[lines["encoding"].isin(fits)]
    return lines.assign(
        kind=lines["encoding"].map({e: kind(known[e]) for e in fits}),
        bits=lines["encoding"].map({e: known[e].memory(sizes) for e in fits}), clean=clean,
        **{"kept": lines["mean"] / clean}, kept_low=lines["low"] / clean, kept_high=lines["high"] / clean,
    )  # fmt: skip


def unharmed(curve: pd.DataFrame) -> pd.Series:
    """Per set of images the best accuracy without faults; the best on any where none was measured there."""
    clean = curve[curve["x"] == 0]
    best = clean.groupby("images")["mean"].max()
    return best.reindex(curve["images"].unique()).fillna(clean["mean"].max())


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
    )  # fmt: skip
