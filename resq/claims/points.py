"""Measured cells: rows summed up per network, encoding and point, with an interval for all their noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from resq.claims.registry import Claim, Reading
from resq.measure.analysis import choose, drawn_images, intervals, paired, stats


@dataclass(frozen=True)
class Cell:
    """One measured point of one network.

    Attributes:
        mean: accuracy, 0..1, over fault maps.
        low, high: its 95 % interval over fault maps and images together; 0 and 1 for a single map.
        map_low, map_high: over fault maps alone, on these images; NaN for a single map.
        error: standard error over fault maps; NaN for a single map, 0 where nothing is random.
        top: the rate that its maps were drawn at; 0: not noted.
        mode: how faults and attack meet in it; "none": they do not.
    """

    checkpoint: str
    data: str
    encoding: str
    fault: str
    axis: str
    ber: float
    attack: str
    eps: float
    steps: int
    restarts: int
    seed: int
    n: int
    maps: int
    mean: float
    low: float
    high: float
    map_low: float
    map_high: float
    weights: str
    images: str
    top: float = 0.0
    code: str = ""
    sample: str = "first"
    precision: str = "fp32"
    mode: str = "none"
    error: float = math.nan

    @property
    def point(self) -> str:
        """Where it was measured, in words."""
        faults = f"BER {self.ber:g}, {self.fault}"
        attack = f"{self.attack} {self.steps}x{self.restarts}, eps {self.eps:g}/255"
        at = {"ber": faults, "eps": attack}
        return at.get(self.axis, f"{faults}; {attack}, {self.mode}")

    @property
    def drawn(self) -> str:
        """Over how many fault maps, in words; without flips there are none. And whose images are random."""
        maps = f"{self.maps} fault map{'s' * (self.maps != 1)}" if self.ber else "no flips"
        if self.sample == "first":
            return maps
        return (
            f"{maps}, each on random images of its own" if self.ber else f"{maps}, {self.maps} random draws"
        )


def cells(rows: pd.DataFrame, axes: Sequence[str] = ("ber", "eps")) -> list[Cell]:
    """All cells of these rows in which bits may flip everywhere, the best measured first.

    Args:
        axes: without "joint", cells under attack and faults at once are left out: no claim is about them.
    """
    whole = rows[rows["region"] == "all"]
    lines = [choose.ranked(stats.curve(whole, axis)).assign(axis=axis) for axis in axes]
    both = pd.concat([part for part in lines if len(part)] or lines[:1], ignore_index=True)
    return [_cell(dict(line), str(line["axis"])) for line in choose.ranked(both).to_dict("records")]


def _cell(line: dict[Any, Any], axis: str) -> Cell:
    low, high = (0.0, 1.0) if math.isnan(line["low"]) else (line["low"], line["high"])
    x = line["x"]
    point = {"ber": 0.0, "eps": x} if axis == "eps" else {"ber": x, "eps": line.get("eps", 0.0)}
    same = {key: line[key] for key in (f.name for f in fields(Cell)) if key in line}
    own = {"axis": axis, "low": low, "high": high}
    return Cell(**{**same, **point, **own})


def of_surface(line: Mapping[Any, Any]) -> Cell:
    """The cell of one line of ``tradeoff.cells``: under both at once, or from the sweep that is its edge."""
    axis = "joint" if line["mode"] != "none" else "eps" if line["eps"] else "ber"
    return _cell({**line, "x": line["eps" if axis == "eps" else "ber"]}, axis)


def over(cell: Cell, level: float, images: bool = True) -> tuple[float, float]:
    """The interval of a cell at a level, over maps and images; over maps alone where ``images`` is False."""
    if math.isnan(cell.error):
        return 0.0, 1.0
    half_width = stats.t_quantile(cell.maps, level) * cell.error if cell.error else 0.0
    maps = cell.mean - half_width, cell.mean + half_width
    if not images:
        return max(0.0, maps[0]), min(1.0, maps[1])
    if cell.sample == "random":
        whole = drawn_images.set_size(cell.data, cell.images, cell.n)
        return intervals.drawn(cell.mean, maps, cell.n, cell.maps, whole, level)
    return intervals.both(cell.mean, maps, stats.wilson(cell.mean, cell.n, level))


def rows_of(cell: Cell, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that a cell was made of."""
    rows = rows[(rows["checkpoint"] == cell.checkpoint) & (rows["encoding"] == cell.encoding)]
    same = rows["axis"].eq(cell.axis) & rows["region"].eq("all") & rows["top"].eq(cell.top)
    for key in ("fault", "ber", "eps", "attack", "steps", "restarts", "seed", "n", "weights", "images",
                "sample", "precision", "mode"):  # fmt: skip
        same &= rows[key] == getattr(cell, key)
    return rows[same]


def rows_of_all(some: Iterable[Cell], rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that several cells were made of, each once, in the order of ``rows``."""
    at = [rows_of(cell, rows).index for cell in some]
    return rows.loc[sorted(set().union(*at))]


def difference(a: Cell, b: Cell, rows: pd.DataFrame, comparisons: int = 1) -> paired.Difference:
    """How much more accurate ``a`` is than ``b``: on common maps and images, where their rows keep answers.

    Without, as of ``apart``. Intervals hold for so many comparisons together.
    """
    own, other = rows_of(a, rows), rows_of(b, rows)
    if paired.comparable(own, other):
        gain = paired.difference(own, other, comparisons)
        # As of a cell: without an interval everything is possible.
        return replace(gain, low=-1.0, high=1.0) if math.isnan(gain.low) else gain
    return apart(a, b, comparisons)


def apart(a: Cell, b: Cell, comparisons: int = 1) -> paired.Difference:
    """How much more accurate ``a`` is than ``b``, from their intervals alone (MOVER)."""
    level = intervals.level_of(comparisons)
    (a_low, a_high), (b_low, b_high) = over(a, level), over(b, level)
    mean = a.mean - b.mean
    low = mean - math.hypot(a.mean - a_low, b_high - b.mean)
    high = mean + math.hypot(a_high - a.mean, b.mean - b_low)
    return paired.Difference(mean, low, high, 0, min(a.n, b.n), math.nan, "not paired", math.nan)


def alike(a: Cell, b: Cell) -> bool:
    """Whether two cells saw the same maps and images as far as their counts tell."""
    return all(getattr(a, key) == getattr(b, key) for key in choose.SET)


def answers(cell: Cell, reading: Reading, claim: Claim) -> bool:
    """Whether a cell is measured at the point that this reading of the claim means."""
    if reading.eps is None:
        meant = rate(reading, claim)
        # Without flips it does not matter which bits would have flipped.
        alike = cell.fault == reading.fault or not meant
        return cell.axis == "ber" and alike and math.isclose(cell.ber, meant)
    return (
        cell.axis == "eps"
        and cell.attack == reading.attack
        and cell.eps == reading.eps
        and reading.steps in (0, cell.steps)
        and reading.restarts in (0, cell.restarts)
    )


def rate(reading: Reading, claim: Claim) -> float:
    """The bit error rate that the reading means."""
    return claim.ber * reading.scale if reading.ber is None else reading.ber


def every(cells: list[Cell], reading: Reading, claim: Claim, networks: tuple[str, ...]) -> list[Cell]:
    """The cells that answer: of the first network that has one, in the first encoding that has one.

    The order is the claim file's, never that of the results: nobody picks the best cell afterwards. Among
    cells of one point the order is that of ``choose.ranked``. Protected encodings answer for hardened
    networks alone, never for a base.
    """
    for network in networks:
        protected = reading.hardened and not network.endswith("/base")
        for encoding in reading.hardened if protected else reading.encodings:
            own = [c for c in cells if (c.checkpoint, c.encoding) == (network, encoding)]
            if there := [cell for cell in own if answers(cell, reading, claim)]:
                return there
    return []


def pair(above: list[Cell], below: list[Cell]) -> tuple[Cell, Cell] | None:
    """Two cells to compare, of those that answer for each: on the same counts where there are any."""
    same = [(a, b) for a in above for b in below if alike(a, b)]
    if same or (above and below):
        return same[0] if same else (above[0], below[0])
    return None


def nearest_cells(cells: list[Cell], claim: Claim, most: int = 3) -> list[Cell]:
    """The measured cells nearest to a claim: its networks, or its data set, by distance in BER.

    An accuracy is near no number of flips.
    """
    if claim.unit == "flips":
        return []
    own = [c for c in cells if c.checkpoint in (*claim.networks, claim.base)]
    own = own or [c for c in cells if c.checkpoint.startswith(f"{claim.data}/{claim.network}/")]
    attacked = any(r.eps is not None for r in claim.readings)
    there = [c for c in own or cells if c.axis == ("eps" if attacked else "ber") and c.data in claim.data]
    return sorted(there, key=lambda c: _distance(c, claim))[:most]


def _distance(cell: Cell, claim: Claim) -> tuple[float, int]:
    """How far from the claim's point, in decades or 1/255; at one point the claim's readings come first."""
    meant = [(encoding, r.fault) for r in claim.readings for encoding in r.encodings]
    place = meant.index((cell.encoding, cell.fault)) if (cell.encoding, cell.fault) in meant else len(meant)
    if cell.axis == "eps":
        return abs(cell.eps - 8), place
    return abs(math.log10(max(cell.ber, 1e-9)) - math.log10(max(claim.ber, 1e-9))), place
