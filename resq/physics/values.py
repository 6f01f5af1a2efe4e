"""What physics hands on: a rate with its band, and the quoted constants that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resq.core.errors import ResqError

ONES = 0.5  # of stored bits; 49.97 % of those of a ResNet18 in int8


@dataclass(frozen=True)
class Band:
    """A number and the span that its source leaves open, low <= value <= high.

    >>> Band(1e-3, 2e-3, 4e-3).through(lambda x: 2 * x)
    Band(low=0.002, value=0.004, high=0.008)
    """

    low: float
    value: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            got = f"{self.low}, {self.value}, {self.high}"
            raise ResqError(f"a band is low, value, high in this order, got {got}")

    def through(self, f: Callable[[float], float]) -> Band:
        """The band of an increasing function of it."""
        return Band(f(self.low), f(self.value), f(self.high))


@dataclass(frozen=True)
class Quoted:
    """A number that others published.

    Attributes:
        band: as published; without a published spread, of no width.
        source: who, where, when.
        read: whether the sentence that holds it was at hand; else it is known from the literature.
    """

    band: Band
    unit: str
    source: str
    read: bool

    @property
    def citation(self) -> str:
        """The quotation for people."""
        spread = "" if self.band.low == self.band.high else f" ({self.band.low:g} to {self.band.high:g})"
        how = "quoted" if self.read else "quoted from the literature, its text not at hand"
        return f"{self.band.value:g}{spread} {self.unit}: {self.source} [{how}]"


@dataclass(frozen=True)
class Place:
    """A bit error rate somewhere.

    Attributes:
        what: the place in words.
        ber: probability that a stored bit is wrong when it is read.
        quoted: the constants that it was made of.
        says: what the model covers and what it leaves out.
        fault: the fault model that strikes as this place does.
        cells: where ``fault`` counts cells that fail, their share; None where its rate is ``ber``.
    """

    what: str
    ber: Band
    quoted: tuple[Quoted, ...]
    says: str
    fault: str = "random"
    cells: Band | None = None

    @property
    def rate(self) -> Band:
        """What ``fault`` is drawn at: the share of failing cells where it counts these, else ``ber``."""
        return self.cells or self.ber

    @property
    def counted(self) -> str:
        """What is said behind the name of the fault model: its rate, where that is not ``ber``."""
        if self.cells is None:
            return ""
        rate = f"{self.cells.value:.2g} ({self.cells.low:.2g} to {self.cells.high:.2g})"
        return (
            f" at {rate}, the share of cells that fail: such a cell is wrong only where a 1 was stored in "
            "it, which is taken to be half of them"
        )


def falling(what: str, cells: Band, quoted: tuple[Quoted, ...], says: str) -> Place:
    """A place where a share of the cells is read as 0, whatever was stored: a bit is wrong where it was a 1.

    >>> place = falling("here", Band(2e-6, 2e-6, 4e-6), (), "")
    >>> place.fault, place.rate.value, place.ber.value, place.ber.high
    ('stuck-at-0', 2e-06, 1e-06, 2e-06)
    """
    return Place(what, cells.through(lambda share: ONES * share), quoted, says, "stuck-at-0", cells)


def within(name: str, value: float, low: float, high: float, unit: str, why: str) -> float:
    """The value, if its model reaches there.

    Raises:
        ValueError: beyond what the source measured.

    >>> within("altitude", 3, 0, 12, "km", "its source ends there")
    3
    """
    if not low <= value <= high:  # a NaN is not within either
        raise ResqError(f"{name} must lie in {low:g}..{high:g} {unit}, got {value:g}: {why}")
    return value
