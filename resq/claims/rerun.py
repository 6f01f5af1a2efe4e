"""A measured cell measured again on this machine, and kept in the store beside the stored one."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import pandas as pd

from resq.claims import agreement, points
from resq.claims.agreement import Again
from resq.claims.judged import Verdict
from resq.claims.points import Cell
from resq.core.errors import ResqError
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import database, rows_by_key, table


def target(verdict: Verdict) -> Cell:
    """The cell that a re-run measures: the deciding one, else the unhardened network's, else the nearest.

    Raises:
        ValueError: no cell near the claim has ever been measured.
    """
    cell = verdict.decides.cell if verdict.decides else None
    cell = cell or next((r.base for r in verdict.readings if r.base), None) or next(iter(verdict.near), None)
    if cell is None:
        raise ResqError(f"nothing near claim {verdict.claim.id!r} is measured: there is no cell to run again")
    return cell


def spec(cell: Cell, n: int | None = None, maps: int | None = None, seed: int | None = None) -> SweepSpec:
    """The sweep that measures a cell again; what is None stays as it was.

    Raises:
        ValueError: fewer than one image or map.
    """
    point: dict[str, Any] = {"bers": (cell.ber,), "top": 0.0 if cell.top <= cell.ber else cell.top}
    attack = {"attack": cell.attack, "eps": (cell.eps,), "steps": cell.steps, "restarts": cell.restarts}
    if cell.axis != "ber":
        point = attack if cell.axis == "eps" else {**point, **attack, "modes": (cell.mode,)}
    return SweepSpec(
        checkpoint=cell.checkpoint,
        data="" if cell.checkpoint.startswith(f"{cell.data}/") else cell.data,
        encoding=cell.encoding,
        fault="random" if cell.fault == "none" else cell.fault,  # without flips it does not matter which
        maps=cell.maps if maps is None else maps,
        n=cell.n if n is None else n,
        seed=cell.seed if seed is None else seed,
        sample=cell.sample,
        precision=cell.precision,
        **point,
    )


@dataclass(frozen=True)
class Rerun(SweepSpec):
    """The re-run of a claim as a job: a sweep that keeps its rows beside the stored ones."""

    claim: str = ""

    def argv(self) -> list[str]:
        """The words after ``python -m resq``."""
        counts = ["--n", str(self.n), "--maps", str(self.maps), "--seed", str(self.seed)]
        return ["claims", self.claim, "--rerun", *counts]


def job(verdict: Verdict, n: int, maps: int, seed: int) -> Rerun:
    """The re-run of a claim with these counts.

    Raises:
        ValueError: there is nothing to measure again, or fewer than one image or map.
    """
    same = spec(target(verdict), n, maps, seed)
    return Rerun(**{f.name: getattr(same, f.name) for f in fields(SweepSpec)}, claim=verdict.claim.id)


def compare(reference: Cell, stored: pd.DataFrame, rows: Iterable[Mapping[str, Any]]) -> Again:
    """The stored cell, whose rows are among ``stored``, beside what ``spec`` of it gave.

    Raises:
        ValueError: the rows are not of this cell.
    """
    measured = table.frame(rows)
    axes = ("joint",) if reference.axis == "joint" else ("ber", "eps")
    matches = [c for c in points.cells(measured, axes) if same_point(c, reference)]
    if not matches:
        raise ResqError(f"no row is of {reference.checkpoint} as {reference.encoding} at {reference.point}")
    return agreement.against(reference, matches[0], stored, measured)


def same_point(a: Cell, b: Cell) -> bool:
    """Whether two cells are of one network at one point, whatever their counts."""
    keys = ("checkpoint", "encoding", "attack", "eps", "steps", "restarts", "mode")
    same = (
        a.axis == b.axis
        and all(getattr(a, key) == getattr(b, key) for key in keys)
        and math.isclose(a.ber, b.ber)
    )
    return same and (a.axis == "eps" or a.fault == b.fault)


@dataclass(frozen=True, eq=False)
class Run:
    """One re-run.

    Attributes:
        at: when it began, UTC.
        machine: the kind of machine that it ran on.
        rows: what it measured, a table of COLUMNS with the keys of the stored cells.
    """

    at: str
    claim: str
    machine: str
    rows: pd.DataFrame


def machine() -> str:
    """The kind of this machine: system, processor, cores, and the torch that computes."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{system}, torch {metadata.version('torch')}"


def store_rerun(claim: str, rows: Iterable[Mapping[str, Any]], at: str) -> None:
    """Puts rows of the re-run that began at ``at`` into the store, beside those of the same keys.

    Raises:
        ValueError: the store refuses.
    """
    rows_by_key.add_again(rows, at, claim, machine())


def now() -> str:
    """A time for ``store_rerun``, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def runs(claim: str = "") -> list[Run]:
    """All re-runs in the store, or those of one claim, the latest first.

    Raises:
        ValueError: the store cannot be read.
    """
    if not database.there():
        return []
    parts = rows_by_key.again(claim).groupby(["at", "claim", "machine"], sort=False)
    return [Run(str(at), str(named), str(machine), part) for (at, named, machine), part in parts]


@dataclass(frozen=True)
class Outcome:
    """What came of measuring cells of one network again.

    Attributes:
        held: whether each cell that was measured again whole is as stored; None: none was whole.
        part: where none was, how much of a cell was measured again, in words.
    """

    held: bool | None
    part: str = ""


def outcomes(rows: pd.DataFrame, again: Iterable[Run]) -> dict[tuple[str, ...], Outcome]:
    """(checkpoint, data, encoding, weights) of each network that was re-run -> what came of it.

    Of several re-runs of one cell the latest whole one counts: on all its images, over all its fault maps.
    Held means as ``agreement.against`` says, for all whole cells of a network together.
    """
    pairs = _pairs(rows, list(again))
    return {key: _outcome(rows, some) for key, some in pairs.items()}


Pair = tuple[
    Cell, Cell, pd.DataFrame
]  # a stored cell, the fresh one, the rows among which the fresh ones are


def _pairs(rows: pd.DataFrame, again: list[Run]) -> dict[tuple[str, ...], list[Pair]]:
    """By network, each cell measured again beside the stored one that it repeats, the latest first."""
    names = {name for run in again for name in run.rows["checkpoint"]}
    shipped = points.cells(rows[rows["checkpoint"].isin(names)])
    by_network: dict[tuple[str, ...], list[Pair]] = {}
    for run in again:
        for cell in points.cells(run.rows):
            there = [c for c in shipped if same_point(c, cell) and of(c) == of(cell)]
            if there:
                beside = next((c for c in there if _drawn(c) == _drawn(cell)), there[0])
                by_network.setdefault(of(cell), []).append((beside, cell, run.rows))
    return by_network


def _drawn(cell: Cell) -> tuple[Any, ...]:
    return cell.n, cell.images, cell.seed, cell.top, cell.sample, cell.precision


def _outcome(rows: pd.DataFrame, pairs: list[Pair]) -> Outcome:
    whole: dict[Cell, Pair] = {}
    for pair in pairs:
        if pair[1].maps >= pair[0].maps and pair[1].n >= pair[0].n:
            whole.setdefault(pair[0], pair)
    if not whole:
        stored, fresh, _ = pairs[0]
        maps = f"{fresh.maps} of {stored.maps} fault maps" if stored.ber else ""
        images = f"{fresh.n:,} of {stored.n:,} images" if fresh.n < stored.n else ""
        return Outcome(None, ", ".join(filter(None, (maps, images))))
    judged = (agreement.against(one, fresh, rows, own, len(whole)) for one, fresh, own in whole.values())
    return Outcome(all(again.within for again in judged))


def of(cell: Cell) -> tuple[str, ...]:
    """What two runs of one cell share: checkpoint, data set, encoding, hash of the weights."""
    return cell.checkpoint, cell.data, cell.encoding, cell.weights
