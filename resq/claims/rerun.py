"""A measured cell measured again on this machine, and kept beside the stored one."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from resq import checkpoints
from resq.claims import cells
from resq.claims.cells import Cell
from resq.claims.verdict import Verdict
from resq.measure import table
from resq.measure.spec import SweepSpec


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
        raise ValueError(
            f"nothing near claim {verdict.claim.id!r} is measured: there is no cell to run again"
        )
    return cell


def spec(cell: Cell, n: int | None = None, maps: int | None = None, seed: int | None = None) -> SweepSpec:
    """The sweep that measures a cell again; what is None stays as it was.

    Raises:
        ValueError: fewer than one image or map.
    """
    point: dict[str, Any] = {"bers": (cell.ber,)}
    if cell.axis == "eps":
        point = {"attack": cell.attack, "eps": (cell.eps,), "steps": cell.steps, "restarts": cell.restarts}
    return SweepSpec(
        checkpoint=cell.checkpoint,
        data="" if cell.checkpoint.startswith(f"{cell.data}/") else cell.data,
        encoding=cell.encoding,
        fault=cell.fault,
        maps=cell.maps if maps is None else maps,
        n=cell.n if n is None else n,
        seed=cell.seed if seed is None else seed,
        **point,
    )


@dataclass(frozen=True)
class Rerun(SweepSpec):
    """The re-run of a claim as a job: a sweep that keeps its rows beside the stored ones."""

    claim: str = ""

    def argv(self) -> list[str]:
        """The words after ``python -m resq``."""
        counts = ["--n", str(self.n), "--maps", str(self.maps), "--seed", str(self.seed)]
        return ["replay", self.claim, "--rerun", *counts]


def job(verdict: Verdict, n: int, maps: int, seed: int) -> Rerun:
    """The re-run of a claim with these counts.

    Raises:
        ValueError: there is nothing to measure again, or fewer than one image or map.
    """
    same = spec(target(verdict), n, maps, seed)
    return Rerun(**{f.name: getattr(same, f.name) for f in fields(SweepSpec)}, claim=verdict.claim.id)


def compare(stored: Cell, rows: Iterable[Mapping[str, Any]]) -> Again:
    """The stored cell beside what ``spec`` of it gave.

    Raises:
        ValueError: the rows are not of this cell.
    """
    found = [c for c in cells.cells(table.frame(rows)) if same_point(c, stored)]
    if not found:
        raise ValueError(f"no row is of {stored.checkpoint} as {stored.encoding} at {stored.point}")
    fresh = found[0]
    alike = fresh.images == stored.images and not math.isnan(stored.map_low)
    low, high = (stored.map_low, stored.map_high) if alike else (stored.low, stored.high)
    within = low - 1e-12 <= fresh.mean <= high + 1e-12
    same = (fresh.weights, fresh.images) == (stored.weights, stored.images)
    return Again(stored, fresh, low, high, within, same, _says(stored, fresh, low, high, within))


def same_point(a: Cell, b: Cell) -> bool:
    """Whether two cells are of one network at one point, whatever their counts."""
    keys = ("checkpoint", "encoding", "attack", "eps", "steps", "restarts")
    same = (
        a.axis == b.axis
        and all(getattr(a, key) == getattr(b, key) for key in keys)
        and math.isclose(a.ber, b.ber)
    )
    return same and (a.axis == "eps" or a.fault == b.fault)


def _says(stored: Cell, fresh: Cell, low: float, high: float, within: bool) -> str:
    """The comparison as a sentence."""
    lies = "lies within" if within else "lies OUTSIDE"
    words = (
        f"measured again {100 * fresh.mean:.2f} % ({_counts(fresh)}), stored {100 * stored.mean:.2f} % "
        f"({_counts(stored)}): the new value {lies} the stored 95 % interval, "
        f"{100 * low:.2f} to {100 * high:.2f} %"
    )
    if fresh.weights != stored.weights:
        words += f"; other weights: {fresh.weights} now, {stored.weights} then"
    if fresh.images != stored.images:
        words += "; other images, so the interval counts those too"
    return words


def _counts(cell: Cell) -> str:
    return f"{cell.maps} map(s), {cell.n} images, seed {cell.seed}"


def folder() -> Path:
    """Where re-measured rows are kept."""
    return checkpoints.work() / "replays"


def keep(claim: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Writes the rows of a re-run; the file."""
    file = folder() / f"{claim}-{time.strftime('%Y%m%d-%H%M%S')}.parquet"
    number = 1
    while file.exists():
        number += 1
        file = file.with_name(f"{file.stem.split('_')[0]}_{number}.parquet")
    table.write(table.frame(rows), file)
    return file


def kept(claim: str = "") -> pd.DataFrame:
    """The rows of all re-runs on this machine, or of those of one claim, the latest first."""
    files = sorted(folder().glob(f"{claim or '*'}-[0-9]*.parquet"), reverse=True)
    tables = [table.read(file) for file in files]
    return pd.concat(tables, ignore_index=True) if tables else table.frame([])
