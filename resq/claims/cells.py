"""Measured cells: rows summed up per network, encoding and point, with an interval for all their noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from resq.claims.book import Claim, Reading
from resq.measure import stats


@dataclass(frozen=True)
class Cell:
    """One measured point of one network.

    Attributes:
        mean: accuracy, 0..1, over fault maps.
        low, high: its 95 % interval over fault maps and images together, see ``both``.
        map_low, map_high: over fault maps alone, on these images; NaN for a single map.
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
    code: str
    top: float = 0.0
    sample: str = "first"
    precision: str = "fp32"
    mode: str = "none"

    @property
    def point(self) -> str:
        """Where it was measured, in words."""
        faults = f"BER {self.ber:g}, {self.fault}"
        attack = f"{self.attack} {self.steps}x{self.restarts}, eps {self.eps:g}/255"
        said = {"ber": faults, "eps": attack}
        return said.get(self.axis, f"{faults}; {attack}, {self.mode}")

    @property
    def drawn(self) -> str:
        """Over how many fault maps, in words."""
        return f"{self.maps} fault map{'s' * (self.maps != 1)}"


def cells(rows: pd.DataFrame, axes: Sequence[str] = ("ber", "eps")) -> list[Cell]:
    """All cells of these rows in which bits may flip everywhere, the best measured first.

    Args:
        axes: without "joint", cells under attack and faults at once are left out: no claim is about them.
    """
    whole = rows[rows["region"] == "all"]
    found = [_cell(dict(line), axis) for axis in axes for line in stats.curve(whole, axis).to_dict("records")]
    return sorted(found, key=lambda c: (-c.n * c.maps, c.seed))


def _cell(line: dict[Any, Any], axis: str) -> Cell:
    low, high = both(line["mean"], (line["low"], line["high"]), (line["image_low"], line["image_high"]))
    x = line["x"]
    point = {"ber": 0.0, "eps": x} if axis == "eps" else {"ber": x, "eps": line.get("eps", 0.0)}
    same = {key: line[key] for key in (f.name for f in fields(Cell)) if key in line}
    own = {"axis": axis, "low": low, "high": high, "map_low": line["low"], "map_high": line["high"]}
    return Cell(**{**same, **point, **own})


def of_surface(line: Mapping[Any, Any]) -> Cell:
    """The cell of one line of ``tradeoff.cells``: under both at once, or from the sweep that is its edge."""
    axis = "joint" if line["mode"] != "none" else "eps" if line["eps"] else "ber"
    return _cell({**line, "x": line["eps" if axis == "eps" else "ber"]}, axis)


def both(mean: float, maps: tuple[float, float], images: tuple[float, float]) -> tuple[float, float]:
    """An interval of ``mean`` from two independent sources of noise, each with an interval of its own.

    Distances from the mean are added as squares, each side by itself; the claim's images and fault maps are
    others than ours, so both count. A single fault map tells nothing of other maps: then 0 and 1.
    Source: Zou and Donner 2008, doi:10.1002/sim.3095 (MOVER).

    >>> tuple(round(v, 3) for v in both(0.8, (0.77, 0.83), (0.76, 0.84)))
    (0.75, 0.85)
    """
    if math.isnan(maps[0]):
        return 0.0, 1.0
    down, up = math.hypot(mean - maps[0], mean - images[0]), math.hypot(maps[1] - mean, images[1] - mean)
    return max(0.0, mean - down), min(1.0, mean + up)


def difference(a: Cell, b: Cell) -> tuple[float, float, float]:
    """How much more accurate ``a`` is than ``b``, and the 95 % interval of it (MOVER, as in ``both``)."""
    down = math.hypot(a.mean - a.low, b.high - b.mean)
    up = math.hypot(a.high - a.mean, b.mean - b.low)
    return a.mean - b.mean, a.mean - b.mean - down, a.mean - b.mean + up


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


def pick(found: list[Cell], reading: Reading, claim: Claim, networks: tuple[str, ...]) -> Cell | None:
    """The cell that answers: the first network that has one, in the first encoding that has one.

    The order is the claim file's, never that of the results: nobody picks the best cell afterwards. Protected
    encodings answer for hardened networks alone, never for a base.
    """
    for network in networks:
        protected = reading.hardened and not network.endswith("/base")
        for encoding in reading.hardened if protected else reading.encodings:
            for cell in found:
                if (cell.checkpoint, cell.encoding) == (network, encoding) and answers(cell, reading, claim):
                    return cell
    return None


def near(found: list[Cell], claim: Claim, most: int = 3) -> list[Cell]:
    """The measured cells nearest to a claim: its networks, or its data set, by distance in BER."""
    own = [c for c in found if c.checkpoint in (*claim.networks, claim.base)]
    own = own or [c for c in found if c.checkpoint.startswith(f"{claim.data}/{claim.network}/")]
    attacked = any(r.eps is not None for r in claim.readings)
    there = [c for c in own or found if c.axis == ("eps" if attacked else "ber") and c.data in claim.data]
    return sorted(there, key=lambda c: _distance(c, claim))[:most]


def _distance(cell: Cell, claim: Claim) -> tuple[float, int]:
    """How far from the claim's point, in decades or 1/255; at one point the claim's readings come first."""
    meant = [(encoding, r.fault) for r in claim.readings for encoding in r.encodings]
    place = meant.index((cell.encoding, cell.fault)) if (cell.encoding, cell.fault) in meant else len(meant)
    if cell.axis == "eps":
        return abs(cell.eps - 8), place
    return abs(math.log10(max(cell.ber, 1e-9)) - math.log10(max(claim.ber, 1e-9))), place
