"""What physics hands on: a rate with its band, and the quoted constants that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resq.core.errors import ResqError


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
    """

    what: str
    ber: Band
    quoted: tuple[Quoted, ...]
    says: str
    fault: str = "random"


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
