"""What is left of a sweep to measure: the cells whose rows are not stored. No streamlit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from resq.measure.specs.sweep_spec import SweepSpec


@dataclass(frozen=True)
class Remaining:
    """The cells of a sweep that are not stored, as one measurement.

    Attributes:
        spec: the whole sweep, by whose hash the rows are known.
        part: its rates and budgets that are asked for; maps are drawn as of the whole.
        left: numbers of those cells of ``part`` that are not stored, in the order of their measurement.
    """

    spec: SweepSpec
    part: SweepSpec
    left: tuple[int, ...]

    @property
    def hash(self) -> str:
        """That of the whole sweep."""
        return self.spec.hash

    @property
    def total(self) -> int:
        """How many rows there will be."""
        return len(self.left)

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that measure what is not stored."""
        return [*self.part.argv(), "--missing"]


def sweep_of(work: object) -> SweepSpec | None:
    """The sweep that a measurement is of, whole or in part; None of another kind of work."""
    found = work.spec if isinstance(work, Remaining) else work
    return found if isinstance(found, SweepSpec) else None


def asked(spec: SweepSpec, shown: tuple[Collection[float], Collection[float]] = ((), ())) -> SweepSpec:
    """The part of a sweep that needs rows of its own; its maps are drawn as those of the whole.

    Args:
        shown: rates and budgets that a figure shows already, from rows of other settings.
    """
    bers, eps = shown
    if spec.modes:
        return spec
    rest = tuple(ber for ber in spec.bers if ber not in bers)
    top = spec.drawn_at if rest else 0.0
    return replace(spec, bers=rest, eps=tuple(e for e in spec.eps if e not in eps), top=top)


def remaining(spec: SweepSpec, part: SweepSpec, keys: Sequence[str], stored: Collection[str]) -> Remaining:
    """What is left of a sweep; of a total of 0 where nothing is.

    Args:
        part: as ``asked`` says.
        keys: content keys of the part's cells.
        stored: those of the cells that are stored.
    """
    left = tuple(number for number, key in enumerate(keys) if key not in stored)
    return Remaining(spec, part, left)


def ordered(works: Sequence[Remaining | SweepSpec]) -> list[Remaining | SweepSpec]:
    """Those of which nothing is stored first: what somebody brought, before what is shipped."""
    return sorted(works, key=lambda work: work.total < work.spec.total if isinstance(work, Remaining) else 0)
