"""The leaderboard: one line per network and encoding, from rows; what is not measured stays empty."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from resq import checkpoints
from resq.claims import rerun
from resq.claims.rerun import Run
from resq.core import Encoding
from resq.measure import areas, asymmetry, stats

KEYS = ["checkpoint", "data", "encoding", "weights"]
# Column -> meaning; NaN means not measured.
COLUMNS = {
    "clean": "accuracy without faults or attack",
    "r_f": "R_F: mean accuracy over log BER from 1e-4 to 2e-2, independent bits",
    "r_a": "R_A: mean accuracy over PGD budgets from 0 to 8/255",
    "ber_1e_2": "accuracy at BER 1e-2, independent bits",
    "pgd_8": "accuracy under PGD, eps 8/255, the most restarts measured",
    "autoattack_8": "accuracy under AutoAttack, eps 8/255",
    "stored_bits": "stored bits per weight, copies included",
    "n": "test images of the clean accuracy",
    "level": "how the line is known",
}
QUOTED, HERE, AGAIN = "quoted", "measured here", "re-run on this machine"
DIFFERS = "re-run on this machine, outside the interval"


def board(rows: pd.DataFrame, again: Sequence[Run] = (), quoted: pd.DataFrame | None = None) -> pd.DataFrame:
    """The leaderboard of these rows; the columns are KEYS and COLUMNS.

    Args:
        rows: measured by this project.
        again: what was re-run on this machine: a line with a cell among them says so, and whether it held.
        quoted: rows of other people's cards: lines of their own, called quoted.
    """
    lines = [*_lines(rows, HERE), *([] if quoted is None else _lines(quoted, QUOTED))]
    table = pd.DataFrame(lines, columns=[*KEYS, *COLUMNS])
    held = rerun.outcomes(rows, again) if again else {}
    names = {None: HERE, True: AGAIN, False: DIFFERS}
    own = [names[held.get(tuple(key))] for key in table[KEYS].to_numpy().tolist()]
    table["level"] = table["level"].where(table["level"] == QUOTED, pd.Series(own, dtype=object))
    return table


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of a board by data set, in each the most accurate at BER 1e-2 first, unmeasured ones last."""
    return table.sort_values(["data", "ber_1e_2"], ascending=[True, False], kind="stable", ignore_index=True)


def _lines(rows: pd.DataFrame, level: str) -> list[dict[str, object]]:
    """One line per network and encoding; of several seeds, also of a study's, the smallest counts."""
    whole = rows[(rows["region"] == "all") & ~asymmetry.later(rows["checkpoint"])]
    curves = pd.concat([stats.curve(whole, axis).assign(axis=axis) for axis in ("ber", "eps")])
    return [_line(part[part["seed"] == part["seed"].min()], level) for _, part in curves.groupby(KEYS)]


def _line(curves: pd.DataFrame, level: str) -> dict[str, object]:
    first = curves.iloc[0]
    attacks = curves[curves["axis"] == "eps"]
    faults = curves[(curves["axis"] == "ber") & (curves["fault"] == "random")]
    pgd = _strongest(attacks[attacks["attack"] == "pgd"])
    clean = curves[curves["x"] == 0]
    return {
        **{key: first[key] for key in KEYS},
        "clean": _at(clean, 0.0),
        "r_f": _area(faults, areas.r_f),
        "r_a": _area(pgd, areas.r_a),
        "ber_1e_2": _at(faults, 1e-2),
        "pgd_8": _at(pgd, 8.0),
        "autoattack_8": _at(attacks[attacks["attack"] == "autoattack"], 8.0),
        "stored_bits": _stored(str(first["checkpoint"]), Encoding.parse(str(first["encoding"]))),
        "n": int(clean["n"].max()) if len(clean) else 0,
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


def _at(curve: pd.DataFrame, x: float) -> float:
    """The mean at a point, measured on the most images; NaN where not measured."""
    found = curve[np.isclose(curve["x"].astype(float), x, rtol=1e-6, atol=0)]
    return float("nan") if found.empty else float(found.sort_values(["n", "maps"]).iloc[-1]["mean"])


def _area(curve: pd.DataFrame, area: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    """The area of the curve measured on the most images; NaN where one of its points is not measured."""
    for n in sorted(curve["n"].unique(), reverse=True) if len(curve) else ():
        part = curve[curve["n"] == n].drop_duplicates("x").sort_values("x")
        try:
            return float(area(part["x"].to_numpy(float), part["mean"].to_numpy(float)))
        except ValueError:
            continue
    return float("nan")
