"""The leaderboard: one line per network and encoding, from rows; what is not measured stays empty.

Each figure is of the cell that speaks for its point (``choose``), with its own number of images and its interval.
Lines are ranked by accuracy at BER 1e-2; those that cannot be told from the first of a rank share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from resq import checkpoints
from resq.claims import cells, rerun
from resq.claims.rerun import Run
from resq.core import Encoding
from resq.measure import areas, asymmetry, choose, stats

KEYS = ["checkpoint", "data", "encoding", "weights"]
# Column -> meaning; NaN means not measured.
COLUMNS = {
    "clean": "accuracy without faults or attack",
    "r_f": "R_F: mean accuracy over log BER from 1e-4 to 2e-2, independent bits",
    "r_a": "R_A: mean accuracy over PGD budgets from 0 to 8/255, an upper bound",
    "ber_1e_2": "accuracy at BER 1e-2, independent bits",
    "pgd_8": "accuracy under PGD, eps 8/255, the most restarts measured: an upper bound",
    "strong_8": "accuracy under APGD or AutoAttack, eps 8/255, on the most images",
    "stored_bits": "stored bits per weight, copies included",
    "level": "how the line is known",
}
# What is a single cell: with its 95 % interval over maps and images, and its images; areas have images alone.
CELLS = ("clean", "ber_1e_2", "pgd_8", "strong_8")
AREAS = ("r_f", "r_a")
BESIDE = [f"{c}_{of}" for c in CELLS for of in ("low", "high", "n")] + [f"{c}_n" for c in AREAS]
STRONG = ("apgd", "autoattack")
QUOTED, HERE, AGAIN = "quoted", "measured here", "re-run on this machine"
DIFFERS = "re-run on this machine, outside the interval"


def board(rows: pd.DataFrame, again: Sequence[Run] = (), quoted: pd.DataFrame | None = None) -> pd.DataFrame:
    """The leaderboard of these rows; the columns are KEYS, COLUMNS, BESIDE and ``rank`` within the data set.

    Args:
        rows: measured by this project.
        again: what was re-run on this machine: a line with a cell among them says so, and whether it held.
        quoted: rows of other people's cards: lines of their own, called quoted.
    """
    lines = [*_lines(rows, HERE), *([] if quoted is None else _lines(quoted, QUOTED))]
    table = pd.DataFrame(lines, columns=[*KEYS, *COLUMNS, *BESIDE])
    held = rerun.outcomes(rows, again) if again else {}
    names = {None: HERE, True: AGAIN, False: DIFFERS}
    own = [names[held.get(tuple(key))] for key in table[KEYS].to_numpy().tolist()]
    table["level"] = table["level"].where(table["level"] == QUOTED, pd.Series(own, dtype=object))
    every = rows if quoted is None else pd.concat([rows, quoted], ignore_index=True)
    return table.assign(rank=_ranks(table, every))


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of a board by data set, in each the most accurate at BER 1e-2 first, unmeasured ones last."""
    return table.sort_values(["data", "ber_1e_2"], ascending=[True, False], kind="stable", ignore_index=True)


def _ranks(table: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """The rank of each line in its data set; NaN where the accuracy at BER 1e-2 is not measured.

    A line is compared with the first of the rank above it, pair by pair on common maps and images where there
    are any; it opens a rank of its own where the interval of the difference, wide enough for all comparisons
    of the data set together (Bonferroni), lies below 0.
    """
    at = rows[np.isclose(rows["ber"], 1e-2) & (rows["fault"] == "random") & (rows["axis"] == "ber")]
    found = {(c.checkpoint, c.data, c.encoding, c.weights): c for c in reversed(cells.cells(at, ("ber",)))}
    rank = pd.Series(math.nan, index=table.index)
    for _, part in table[table["ber_1e_2"].notna()].groupby("data"):
        order = part.sort_values("ber_1e_2", ascending=False, kind="stable")
        own = [found[key] for key in order[KEYS].itertuples(index=False, name=None)]
        leader, place = own[0], 1
        for number, (index, cell) in enumerate(zip(order.index, own, strict=True), start=1):
            if cell is not leader and cells.difference(leader, cell, at, max(1, len(own) - 1)).low > 0:
                leader, place = cell, number
            rank[index] = place
    return rank


def _lines(rows: pd.DataFrame, level: str) -> list[dict[str, object]]:
    """One line per network and encoding; of several seeds, also of a study's, the smallest counts."""
    whole = rows[(rows["region"] == "all") & ~asymmetry.later(rows["checkpoint"])]
    curves = pd.concat([stats.curve(whole, axis).assign(axis=axis) for axis in ("ber", "eps")])
    return [_line(part[part["seed"] == part["seed"].min()], level) for _, part in curves.groupby(KEYS)]


def _line(curves: pd.DataFrame, level: str) -> dict[str, object]:
    first = curves.iloc[0]
    attacks = curves[curves["axis"] == "eps"]
    faults = curves[(curves["axis"] == "ber") & (curves["fault"] == "random")]
    pgd = attacks[attacks["attack"] == "pgd"]
    spoken = {
        "clean": _at(curves[(curves["axis"] == "ber") & (curves["x"] == 0)], 0.0, attacks[attacks["x"] == 0]),
        "ber_1e_2": _at(faults, 1e-2),
        "pgd_8": _at(_strongest(pgd), 8.0),
        "strong_8": _at(attacks[attacks["attack"].isin(STRONG)], 8.0),
    }
    areas_of = {"r_f": _area(faults, areas.r_f), "r_a": _area(_strongest(pgd), areas.r_a)}
    return {
        **{key: first[key] for key in KEYS},
        **{key: line["mean"] for key, line in spoken.items()},
        **{f"{key}_{of}": line[of] for key, line in spoken.items() for of in ("low", "high", "n")},
        **{key: value for key, (value, _) in areas_of.items()},
        **{f"{key}_n": n for key, (_, n) in areas_of.items()},
        "stored_bits": _stored(str(first["checkpoint"]), Encoding.parse(str(first["encoding"]))),
        "level": level,
    }


def _stored(name: str, encoding: Encoding) -> float:
    """Stored bits per weight; NaN where layers are stored more often and their sizes are not known here."""
    if encoding.copies == 1 and (encoding.other is None or encoding.other.copies == 1):
        return encoding.stored
    try:
        return encoding.memory(checkpoints.sizes(name))
    except ValueError:
        return math.nan


def _strongest(curve: pd.DataFrame) -> pd.DataFrame:
    """The attack with the most restarts, then steps, that reached 8/255."""
    there = curve[curve["x"] == 8.0].sort_values(["restarts", "steps", "n"])
    if there.empty:
        return curve.iloc[:0]
    best = there.iloc[-1]
    same = (
        (curve["restarts"] == best["restarts"])
        & (curve["steps"] == best["steps"])
        & (curve["n"] == best["n"])
    )
    return curve[same]


ABSENT = {"mean": math.nan, "low": math.nan, "high": math.nan, "n": 0}


def _at(curve: pd.DataFrame, x: float, instead: pd.DataFrame | None = None) -> dict[str, float]:
    """Mean, interval and images of the cell that speaks at a point; NaN and 0 where it is not measured.

    Args:
        instead: lines that are looked at where ``curve`` has none.
    """
    found = curve[np.isclose(curve["x"].astype(float), x, rtol=1e-6, atol=0)]
    if found.empty and instead is not None:
        found = instead
    return ABSENT if found.empty else {key: choose.ranked(found).iloc[0][key] for key in ABSENT}


def _area(
    curve: pd.DataFrame, area: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[float, int]:
    """The area of the curve measured on the most images, and how many; NaN where a point is not measured."""
    for n in sorted(curve["n"].unique(), reverse=True) if len(curve) else ():
        part = choose.speaking(curve[curve["n"] == n]).drop_duplicates("x").sort_values("x")
        x, mean = part["x"].to_numpy(float), part["mean"].to_numpy(float)
        if areas.whole(x, area):
            return float(area(x, mean)), int(n)
    return math.nan, 0
