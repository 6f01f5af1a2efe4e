"""The leaderboard: one line per network and encoding, from rows; what is not measured stays empty.

Each figure is of the cell that speaks for its point (``choose``), with its own number of images and its
interval. Lines are ranked by accuracy at BER 1e-2; those that cannot be told from the first of a rank share
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from resq import checkpoints
from resq.claims import points as claim_points
from resq.claims import rerun
from resq.claims.points import Cell
from resq.claims.rerun import Outcome, Run
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.measure.analysis import areas, asymmetry, choose, paired, stats
from resq.measure.store import table as store

KEYS = ["checkpoint", "data", "encoding", "weights"]
Line = dict[Any, Any]  # of a curve
# Column -> meaning; NaN means not measured.
COLUMNS = {
    "clean": "accuracy without faults or attack",
    "r_f": "R_F: mean accuracy over log BER from 1e-4 to 2e-2, independent bits",
    "r_a": "R_A: mean accuracy over PGD budgets from 0 to 8/255, an upper bound",
    "ber_1e_2": "accuracy at BER 1e-2, independent bits",
    "pgd_8": "accuracy under PGD, eps 8/255, the most restarts measured: an upper bound",
    "strong_8": "accuracy under APGD or AutoAttack, eps 8/255, on at least 1,000 images",
    "stored_bits": "stored bits per weight, copies included",
    "level": "how the line is known",
}
# What is a single cell: with its 95 % interval over maps and images, and its images; areas have images alone.
CELLS = ("clean", "ber_1e_2", "pgd_8", "strong_8")
AREAS = ("r_f", "r_a")
BESIDE = [f"{c}_{of}" for c in CELLS for of in ("low", "high", "n")] + [f"{c}_n" for c in AREAS]
HOW = ["r_f_maps", "ber_1e_2_maps", "pgd_how", "seeds"]  # fault maps, PGD's steps x starts, seeds of a line
STRONG, ENOUGH = ("apgd", "autoattack"), 1000  # attacks whose accuracy is the figure, on so many images
QUOTED, HERE, AGAIN = "quoted", "measured here", "re-run on this machine"
DIFFERS = "re-run on this machine with another result"
PART = "re-run on this machine in part"  # followed by how much of how much


def board(rows: pd.DataFrame, again: Sequence[Run] = (), quoted: pd.DataFrame | None = None) -> pd.DataFrame:
    """The leaderboard of these rows; the columns are KEYS, COLUMNS, BESIDE, HOW and ``rank`` in the data set.

    Args:
        rows: measured by this project.
        again: what was re-run on this machine: a line with a cell among them says so, and whether it held.
        quoted: rows of other people's cards: lines of their own, called quoted.
    """
    lines = [*_lines(rows, HERE), *([] if quoted is None else _lines(quoted, QUOTED))]
    table = pd.DataFrame(lines, columns=[*KEYS, *COLUMNS, *BESIDE, *HOW])
    held = rerun.outcomes(rows, again) if again else {}
    own = [_level(held.get(tuple(key))) for key in table[KEYS].to_numpy().tolist()]
    table["level"] = table["level"].where(table["level"] == QUOTED, pd.Series(own, dtype=object))
    # A card of what is here has the same cells once more.
    every = rows if quoted is None else store.drop_repeated(pd.concat([rows, quoted], ignore_index=True))
    return table.assign(rank=_ranks(table, every))


def _level(again: Outcome | None) -> str:
    """How a line of our own is known, with what came of measuring it again."""
    if again is None:
        return HERE
    return f"{PART}, {again.part}" if again.held is None else AGAIN if again.held else DIFFERS


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of a board by data set, in each the most accurate at BER 1e-2 first, unmeasured ones last."""
    return table.sort_values(["data", "ber_1e_2"], ascending=[True, False], kind="stable", ignore_index=True)


def _ranks(table: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """The rank of each line in its data set; NaN where the accuracy at BER 1e-2 is not measured.

    A line is compared with the first of the rank above it, pair by pair on common maps and images where there
    are any; it opens a rank of its own where the interval of the difference, wide enough for all comparisons
    of the data set together (Bonferroni), lies below 0.
    """
    at = rows[(rows["ber"] > 9.99e-3) & (rows["ber"] < 1.001e-2)]
    at = at[(at["fault"] == "random") & (at["axis"] == "ber") & (at["region"] == "all")]
    ranks = {
        (c.checkpoint, c.data, c.encoding, c.weights): c for c in reversed(claim_points.cells(at, ("ber",)))
    }
    behind = dict(iter(at.groupby(DRAWN)))
    rank = pd.Series(math.nan, index=table.index)
    for _, part in table[table["ber_1e_2"].notna()].groupby("data"):
        order = part.sort_values("ber_1e_2", ascending=False, kind="stable")
        own = [ranks[key] for key in order[KEYS].itertuples(index=False, name=None)]
        leader, place = own[0], 1
        for number, (index, cell) in enumerate(zip(order.index, own, strict=True), start=1):
            if cell is not leader and _above(leader, cell, behind, max(1, len(own) - 1)):
                leader, place = cell, number
            rank[index] = place
    return rank


DRAWN = ["checkpoint", "encoding", "weights", "images", "n", "top", "seed", "sample", "precision"]


def _above(a: Cell, b: Cell, behind: Mapping[tuple[Any, ...], pd.DataFrame], comparisons: int) -> bool:
    """Whether a cell is surely more accurate than another, as one of so many comparisons."""
    own, other = (behind[tuple(getattr(cell, key) for key in DRAWN)] for cell in (a, b))
    if paired.comparable(own, other):
        return paired.difference(own, other, comparisons).low > 0
    return claim_points.apart(a, b, comparisons).low > 0


def _lines(rows: pd.DataFrame, level: str) -> list[dict[str, object]]:
    """One line per network and encoding; of several seeds, also of a study's, the smallest counts."""
    whole = rows[(rows["region"] == "all") & ~asymmetry.later(rows["checkpoint"])]
    curves = pd.concat([stats.curve(whole, axis).assign(axis=axis) for axis in ("ber", "eps")])
    of: dict[tuple[Any, ...], list[Line]] = {}
    for line in choose.ranked(curves.reset_index(drop=True)).to_dict("records"):
        of.setdefault(tuple(line[key] for key in KEYS), []).append(line)
    return [_line(_of_one_seed(of[key]), level) for key in sorted(of)]


def _of_one_seed(lines: list[Line]) -> list[Line]:
    least = min(line["seed"] for line in lines)
    return [line for line in lines if line["seed"] == least]


def _line(lines: list[Line], level: str) -> dict[str, object]:
    """One line of the board from the points of one network, at each of which the first one speaks."""
    faults = [p for p in lines if p["axis"] == "ber" and p["fault"] == "random"]
    attacks = [p for p in lines if p["axis"] == "eps"]
    pgd = _strongest([p for p in attacks if p["attack"] == "pgd"])
    clean = _at([p for p in lines if p["axis"] == "ber"], 0.0)
    spoken = {
        "clean": clean if clean["n"] else _at(attacks, 0.0),
        "ber_1e_2": _at(faults, 1e-2),
        "pgd_8": _at(pgd, 8.0),
        "strong_8": _at([p for p in attacks if p["attack"] in STRONG and p["n"] >= ENOUGH], 8.0),
    }
    areas_of = {"r_f": _area(faults, areas.r_f), "r_a": _area(pgd, areas.r_a)}
    first = lines[0]
    return {
        **{key: first[key] for key in KEYS},
        **{key: line["mean"] for key, line in spoken.items()},
        **{f"{key}_{of}": line[of] for key, line in spoken.items() for of in ("low", "high", "n")},
        **{key: value for key, (value, _, _) in areas_of.items()},
        **{f"{key}_n": n for key, (_, n, _) in areas_of.items()},
        "r_f_maps": areas_of["r_f"][2],
        "ber_1e_2_maps": int(spoken["ber_1e_2"].get("maps", 0)),
        "pgd_how": f"{pgd[0]['steps']} x {pgd[0]['restarts']}" if pgd else "",
        "seeds": ", ".join(sorted({str(p["seed"]) for p in spoken.values() if p["n"]})),
        "stored_bits": _bits_per_weight(str(first["checkpoint"]), Encoding.parse(str(first["encoding"]))),
        "level": level,
    }


def _bits_per_weight(name: str, encoding: Encoding) -> float:
    """Stored bits per weight, with copies and checks; NaN where it takes the layers' sizes, unknown here."""
    parts = (encoding, encoding.other or encoding)
    if all(part.copies == 1 and not part.guard for part in parts) and not encoding.ranger:
        return encoding.word_bits
    try:
        sizes = checkpoints.sizes(name)
        return encoding.memory(sizes) + (_limits(name) / sum(sizes) if encoding.ranger else 0)
    except (ResqError, ImportError):
        return math.nan


@cache
def _limits(name: str) -> int:
    """Bits of the limits of a network's activations."""
    from resq.measure.engine import storage  # torch, for the few lines that ask

    return storage.limit_bits(str(checkpoints.card(name)["network"]))


def _strongest(attacked: list[Line]) -> list[Line]:
    """The attack with the most restarts, then steps, that reached 8/255."""
    there = sorted((p for p in attacked if p["x"] == 8), key=lambda p: (p["restarts"], p["steps"], p["n"]))
    if not there:
        return []
    return [p for p in attacked if all(p[key] == there[-1][key] for key in ("restarts", "steps", "n"))]


ABSENT: Line = {"mean": math.nan, "low": math.nan, "high": math.nan, "n": 0}


def _at(points: list[Line], x: float) -> Line:
    """Mean, interval and images of the cell that speaks at a point; NaN and 0 where it is not measured."""
    return next((p for p in points if math.isclose(p["x"], x, rel_tol=1e-6)), ABSENT)


def _area(points: list[Line], area: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[float, int, int]:
    """The area of a curve all of whose points are of the same images and maps, and how many of both; or NaN.

    Points of several sets of maps never make one curve: the rates between them would differ by their maps.
    Of several whole curves that on the most images counts, then that over the most maps.
    """
    curves: dict[tuple[Any, ...], dict[float, float]] = {}
    for p in points:
        same = tuple(p[key] for key in (*choose.SET, "precision"))  # bf16 and fp32 are two curves
        curves.setdefault(same, {}).setdefault(p["x"], p["mean"])
    for (n, maps, *_), own in sorted(curves.items(), reverse=True):
        x, mean = np.array(sorted(own)), np.array([own[at] for at in sorted(own)])
        if areas.whole(x, area):
            return float(area(x, mean)), int(n), int(maps)
    return math.nan, 0, 0
