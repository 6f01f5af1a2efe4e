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

from resq.claims import points
from resq.claims.judged import Verdict
from resq.claims.points import Cell
from resq.core.errors import ResqError
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import database, rows_by_key, table


@dataclass(frozen=True)
class Again:
    """A stored cell and the same one measured again.

    Attributes:
        within: whether the new mean lies in the stored cell's 95 % interval: over fault maps where both saw
            the same images, else over maps and images.
        same: whether the weights' and images' hashes are those of the stored cell.
    """

    stored: Cell
    fresh: Cell
    low: float
    high: float
    within: bool
    same: bool
    says: str


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


def compare(reference: Cell, rows: Iterable[Mapping[str, Any]]) -> Again:
    """The stored cell beside what ``spec`` of it gave.

    Raises:
        ValueError: the rows are not of this cell.
    """
    matches = [c for c in points.cells(table.frame(rows)) if same_point(c, reference)]
    if not matches:
        raise ResqError(f"no row is of {reference.checkpoint} as {reference.encoding} at {reference.point}")
    return against(reference, matches[0])


def against(reference: Cell, fresh: Cell) -> Again:
    """Two cells of one point: whether the fresh one lies in the interval of the stored one."""
    struck = reference.ber > 0  # else there are no maps, and their interval has no width
    alike = struck and fresh.images == reference.images and not math.isnan(reference.map_low)
    low, high = (reference.map_low, reference.map_high) if alike else (reference.low, reference.high)
    within = low - 1e-12 <= fresh.mean <= high + 1e-12
    same = (fresh.weights, fresh.images) == (reference.weights, reference.images)
    over = "fault maps" if alike else "fault maps and images" if struck else "images"
    return Again(
        reference, fresh, low, high, within, same, _says(reference, fresh, (low, high), within, over)
    )


def same_point(a: Cell, b: Cell) -> bool:
    """Whether two cells are of one network at one point, whatever their counts."""
    keys = ("checkpoint", "encoding", "attack", "eps", "steps", "restarts", "mode")
    same = (
        a.axis == b.axis
        and all(getattr(a, key) == getattr(b, key) for key in keys)
        and math.isclose(a.ber, b.ber)
    )
    return same and (a.axis == "eps" or a.fault == b.fault)


def _says(reference: Cell, fresh: Cell, ends: tuple[float, float], within: bool, over: str) -> str:
    """The comparison as a sentence, which names what its interval is over: a cell has several."""
    lies = "lies within" if within else "lies OUTSIDE"
    sentence = (
        f"measured again {100 * fresh.mean:.2f} % ({_counts(fresh)}), stored {100 * reference.mean:.2f} % "
        f"({_counts(reference)}): the new value {lies} the stored 95 % interval "
        f"over {over}, {100 * ends[0]:.2f} to {100 * ends[1]:.2f} %"
    )
    if fresh.weights != reference.weights:
        sentence += f"; other weights: {fresh.weights} now, {reference.weights} then"
    if fresh.images != reference.images:
        sentence += "; other images, so the interval counts those too"
    return sentence


def _counts(cell: Cell) -> str:
    return f"{cell.drawn}, {cell.n} images, seed {cell.seed}"


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


def outcomes(rows: pd.DataFrame, again: Iterable[Run]) -> dict[tuple[str, ...], bool]:
    """(checkpoint, data, encoding, weights) of each network that was re-run -> whether all of it held.

    Of several re-runs of one cell the latest counts; held means within the stored interval.
    """
    fresh = [cell for run in again for cell in points.cells(run.rows)]
    names = {cell.checkpoint for cell in fresh}
    shipped = points.cells(rows[rows["checkpoint"].isin(names)])
    by_series: dict[tuple[str, ...], bool] = {}
    seen: list[Cell] = []
    for cell in fresh:
        beside = next((c for c in shipped if same_point(c, cell) and of(c) == of(cell)), None)
        if beside and not any(same_point(cell, other) and of(cell) == of(other) for other in seen):
            seen.append(cell)
            by_series[of(cell)] = by_series.get(of(cell), True) and against(beside, cell).within
    return by_series


def of(cell: Cell) -> tuple[str, ...]:
    """What two runs of one cell share: checkpoint, data set, encoding, hash of the weights."""
    return cell.checkpoint, cell.data, cell.encoding, cell.weights
