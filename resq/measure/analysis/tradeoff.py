"""Rows -> what faults and attacks do together and apart: a surface over both, and two areas per network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from resq.measure.analysis import choose, stats
from resq.measure.analysis.areas import BERS, EPS, area

SERIES = ["checkpoint", "encoding", "fault", "region", "weights"]  # what one surface, or one area, is of


def cells(rows: pd.DataFrame, mode: str) -> pd.DataFrame:
    """The cells of one network's surface: lines as of ``stats.curve``, with their ``ber`` and ``eps``.

    Cells come from joint rows of the mode; where those have no edges, without faults or without attack, from
    sweeps: beside joint rows that have, a sweep on other images would make steps that no rate makes. Of a
    cell that was measured more than once, on other images or over other maps, the measurement on the most
    images counts, of these the one that speaks by the rule of ``choose``, and never parts of two. All cells
    are of one attack, the one that most were measured with: five starts at one budget beside one start at
    another is no row.

    Args:
        rows: of one series (SERIES) and one attack.
        mode: "transfer" or "adaptive".
    """
    all_cells = used(rows, mode)
    if all_cells.empty:
        return stats.curve(all_cells).assign(ber=[], eps=[])
    lines = []
    for _, cell in all_cells.groupby(["ber", "eps"]):
        line = stats.curve(cell.assign(axis="ber"), "ber")
        lines.append(line.assign(ber=cell["ber"].iloc[0], eps=cell["eps"].iloc[0]))
    return pd.concat(lines, ignore_index=True)


def used(rows: pd.DataFrame, mode: str) -> pd.DataFrame:
    """The rows that the cells of a surface are made of; arguments as for ``cells``."""
    rows = _of_one_attack(rows[(rows["axis"] != "joint") | (rows["mode"] == mode)])
    joint = rows[rows["axis"] == "joint"]
    known = pd.MultiIndex.from_frame(joint[["ber", "eps"]])
    edges = (joint["ber"] == 0).any() and (joint["eps"] == 0).any()
    edge = rows[rows["axis"].isin([] if edges else ["ber", "eps"])]
    edge = edge[~pd.MultiIndex.from_frame(edge[["ber", "eps"]]).isin(known)]
    surface_rows = pd.concat([joint, edge], ignore_index=True)
    largest = surface_rows.groupby(["ber", "eps"])["n"].transform("max")
    return _speaking(surface_rows[surface_rows["n"] == largest])


def _speaking(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each tile the rows of the measurement that speaks for it: maps of two sweeps make no mean."""
    each = [*stats.KEYS, "ber", "eps", "top"]
    rows = rows.drop_duplicates([*each, "map"])
    lines = choose.ranked(stats.curve(rows.assign(axis="joint"), "joint")).rename(columns={"x": "ber"})
    # Without flips and attack it does not matter of which sweep it is the edge: of bit flips, before others.
    lines = lines.iloc[np.argsort((lines["attack"] != "none") & (lines["eps"] == 0), kind="stable")]
    chosen = lines.drop_duplicates(["ber", "eps"])
    return rows[pd.MultiIndex.from_frame(rows[each]).isin(pd.MultiIndex.from_frame(chosen[each]))]


def grid(
    cells: pd.DataFrame, bers: Iterable[float] = (), budgets: Iterable[float] = ()
) -> tuple[list[float], list[float], np.ndarray]:
    """BERs, budgets, and mean accuracy (BERs, budgets); NaN where a cell was not measured.

    Args:
        bers, budgets: those that are to be there beside the measured ones.
    """
    bers, budgets = sorted({*cells["ber"], *bers}), sorted({*cells["eps"], *budgets})
    if cells.empty:
        return bers, budgets, np.full((len(bers), len(budgets)), np.nan)
    table = cells.pivot_table(index="ber", columns="eps", values="mean").reindex(index=bers, columns=budgets)
    return bers, budgets, table.to_numpy(dtype=float)


def areas(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per network, encoding and seed that was measured under faults and under attack.

    ``faults``: area under accuracy over log BER; ``attack``: area under accuracy over the budget; both over
    their width, 0..1. Only those of BERS and EPS are used that all lines share (columns ``bers``,
    ``budgets``), so that areas can be compared. A line is of one attack (``steps``, ``restarts``), the one
    that most of its budgets were measured with. Rows of chosen layers or bits, or of more than the words of
    the weights, are left out. ``clean``: accuracy without either, on the images of ``faults`` where it was
    measured on them, else on ``clean_n`` others: the network seemed better with faults than without. ``n``:
    images, the fewer of both areas, of which each is of one set of images and maps.

    Args:
        rows: of one fault model and one attack, such as ``rows.query("fault == 'random'")``.
    """
    keys = ["checkpoint", "encoding", "weights", "seed"]
    rows = rows[rows["axis"].isin(["ber", "eps"]) & (rows["region"] == "all")]
    rows = pd.concat([rows.iloc[:0], *(_of_one_attack(own) for _, own in rows.groupby(keys))])
    by_axis, shared, images = {}, {}, []
    for axis, points in (("ber", BERS), ("eps", EPS)):
        curves = _of_one_set(choose.ranked(stats.curve(rows, axis)), keys, points)
        by_axis[axis] = curves.pivot_table(index=keys, columns="x", values="mean", aggfunc="first")
        images.append(curves[curves["x"].isin(list(points))].groupby(keys)["n"].min())
        if axis == "ber":
            clean_n = curves[curves["x"] == 0].groupby(keys)["n"].first()
        shared[axis] = [x for x in points if x in by_axis[axis].columns]
    both = by_axis["ber"].index.intersection(by_axis["eps"].index)
    tables = {axis: table.loc[both, shared[axis]].dropna(axis=1) for axis, table in by_axis.items()}
    bers, budgets = (tuple(map(float, tables[axis].columns)) for axis in ("ber", "eps"))
    if both.empty or len(bers) < 2 or len(budgets) < 2:
        return pd.DataFrame(
            columns=[
                *keys,
                "faults",
                "attack",
                "clean",
                "clean_n",
                "bers",
                "budgets",
                "n",
                "steps",
                "restarts",
            ]
        )
    lines = pd.DataFrame(index=both)
    lines["faults"] = [float(area(np.log10(bers), y)) for y in tables["ber"].to_numpy()]
    lines["attack"] = [float(area(np.array(budgets), y)) for y in tables["eps"].to_numpy()]
    lines["clean"] = by_axis["ber"].loc[both].get(0.0, pd.Series(np.nan, index=both))
    lines["clean_n"] = clean_n.reindex(both).fillna(0).astype(int)
    lines["bers"], lines["budgets"] = [bers] * len(both), [budgets] * len(both)
    lines["n"] = pd.concat([of.loc[both] for of in images], axis=1).min(axis=1).astype(int)
    attacked = rows[(rows["axis"] == "eps") & (rows["eps"] > 0)].groupby(keys)
    lines[["steps", "restarts"]] = attacked[["steps", "restarts"]].first().loc[both].astype(int)
    return lines.reset_index()


def _of_one_set(curves: pd.DataFrame, keys: list[str], points: Iterable[float]) -> pd.DataFrame:
    """Of each line's points those measured on the same images and maps, of the set with most of ``points``.

    Points of several sets would make slopes that no rate makes. Ties: the most images, then maps.
    What is fault-free is of no map: it stays, on the images of the set first, then those that speak.
    """
    struck = curves[curves["x"].isin(list(points))]
    same = list(dict.fromkeys([*keys, *choose.SET, "data", "precision"]))
    sets = pd.DataFrame(struck.groupby(same)["x"].nunique()).reset_index()
    best = sets.sort_values(["x", "n", "maps", "top"]).drop_duplicates(keys, keep="last")
    chosen = pd.MultiIndex.from_frame(curves[same]).isin(pd.MultiIndex.from_frame(best[same]))
    free = curves[(curves["x"] == 0) & ~curves["x"].isin(list(points))]
    images = [*keys, "n", "sample"]
    alike = pd.MultiIndex.from_frame(free[images]).isin(pd.MultiIndex.from_frame(best[images]))
    return pd.concat([free[alike], free[~alike], curves[chosen]])


def _of_one_attack(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without an attack, and those of the attack most points were measured with; ties: the strongest."""
    of, attacked = ["steps", "restarts"], rows["axis"].isin(["eps", "joint"]) & (rows["eps"] > 0)
    points = rows[attacked].drop_duplicates([*SERIES, "ber", "eps", *of])
    if points.empty:
        return rows
    most = points.groupby(of).size()[::-1].idxmax()
    return rows[~attacked | (pd.MultiIndex.from_frame(rows[of]) == most)]


def pareto_front(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the Pareto-optimal points (x and y maximised), in descending order of x.

    ``x`` and ``y`` are (points,) float64; the result int64 (points on the front,).

    >>> pareto_front(np.array([0.9, 0.8, 0.7]), np.array([0.2, 0.5, 0.4])).tolist()
    [1, 0]
    """
    order = np.lexsort((-y, -x))
    best = np.maximum.accumulate(y[order])
    ahead = np.concatenate([[True], y[order][1:] > best[:-1]])
    return order[ahead][::-1]
