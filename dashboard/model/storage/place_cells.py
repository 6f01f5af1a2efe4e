"""The measured cells that a place in a text names, and two of them compared. No streamlit."""

from __future__ import annotations

import pandas as pd

from dashboard.model.storage import common_images
from dashboard.model.storage.place_names import NUMBERS, At
from resq.core.errors import ResqError
from resq.measure.analysis import choose, paired, stats


def lines(rows: pd.DataFrame, at: At) -> pd.DataFrame:
    """The measured cells at a place, lines of ``stats.curve``, those that speak first.

    Raises:
        ResqError: they answer more than one question, such as those of two sets of weights.
    """
    return _lines(_behind(rows, at), at)


def _behind(rows: pd.DataFrame, at: At) -> pd.DataFrame:
    """The rows of all cells at a place."""
    same = (rows["checkpoint"] == at["checkpoint"]) & (rows["axis"] == _axis(at)) & (rows["region"] == "all")
    matching = rows[same]
    same = pd.Series(True, index=matching.index)
    for key, value in at.items():
        if key == "n" or (key == "fault" and float(at["ber"]) == 0):
            continue  # without flips it does not matter which bits would have flipped
        same &= (matching[key] - float(value)).abs() < 1e-12 if key in NUMBERS else matching[key] == value
    return _on(matching[same], int(float(at["n"]))) if "n" in at else matching[same]


def _on(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """The rows of n images, and longer ones cut to their first n."""
    noted = (rows["n"] > n) & (rows["sample"] == "first") & (rows["right"].map(len) * 8 >= rows["n"])
    return common_images.first(rows[(rows["n"] == n) | noted], n)


def _lines(matching: pd.DataFrame, at: At) -> pd.DataFrame:
    """The cells of these rows, those that speak first; see ``lines``."""
    curve = choose.ranked(stats.curve(matching, _axis(at)))
    if len(curve) and curve["weights"].nunique() > 1:
        held = ", ".join(sorted(set(curve["weights"])))
        raise ResqError(f"{at['checkpoint']} was measured with the weights {held}: name those that are meant")
    return curve


def compared(
    rows: pd.DataFrame, a: At, b: At, comparisons: int
) -> tuple[paired.Difference, tuple[pd.Series, pd.Series]] | None:
    """The first figure less the second, on common images and maps, with both lines; None where none are."""
    behind = [_behind(rows, at) for at in (a, b)]
    first, second = (
        [line for _, line in _lines(own, at).iterrows()] for own, at in zip(behind, (a, b), strict=True)
    )
    same = [(i, j) for i in first for j in second if i["n"] == j["n"]]
    for pair in sorted(same, key=lambda pair: bool(pair[0]["maps"] != pair[1]["maps"])):
        own, other = (
            choose.rows_of(rows_at, line.to_frame().T, _axis(at))
            for rows_at, line, at in zip(behind, pair, (a, b), strict=True)
        )
        if paired.comparable(own, other):
            return paired.difference(own, other, comparisons), pair
    return None


def _axis(at: At) -> str:
    return "eps" if "eps" in at else "ber"
