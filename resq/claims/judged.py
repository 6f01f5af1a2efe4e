"""A judged claim: the word, the reading that it rests on, and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass

from resq.claims.points import Cell
from resq.claims.registry import Claim, Reading

REPRODUCED, EXCEEDED, MISSED, NONE = "reproduced", "exceeded", "not reproduced", "not comparable"


@dataclass(frozen=True)
class Judged:
    """One reading of a claim, judged.

    Attributes:
        value, low, high: the measured quantity and its 95 % interval, shares; None where not measured.
        cell: where it was measured; ``base`` is the base's cell of a gain.
        fits: whether the unhardened network shows the figure that the claim starts from; None: not known.
        how: of a gain, what was paired.
        alike: of an asymmetry, Lambda with its interval at one clean accuracy; None where it is not known.
    """

    reading: Reading
    verdict: str
    why: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cell: Cell | None = None
    base: Cell | None = None
    fits: bool | None = None
    how: str = ""
    alike: tuple[float, float, float] | None = None

    def spell(self, claim: Claim) -> str:
        """The measured figure with its interval; of an asymmetry also that at one clean accuracy."""
        own = "" if self.value is None else claim.spell(self.value, self.low, self.high)
        if self.alike is None:
            return own or "not measured"
        return f"{own or 'undefined'} on all images, {claim.spell(*self.alike)} at one clean accuracy"


@dataclass(frozen=True)
class Verdict:
    """A claim, judged.

    Attributes:
        decides: the reading that the verdict rests on; None where none does.
        readings: all readings, in the claim's order.
        near: the nearest measured cells, for people.
        beside: what was found of networks that the claim does not name, a sentence without its stop each.
    """

    claim: Claim
    verdict: str
    why: str
    decides: Judged | None
    readings: tuple[Judged, ...]
    near: tuple[Cell, ...]
    beside: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why, with what stands beside the claim."""
        return f"{self.why}. Beside the claim: {'. '.join(self.beside)}" if self.beside else self.why

    @property
    def answered(self) -> bool:
        """Whether some reading was measured whose figure stands beside the quoted one."""
        return self.decides is not None and self.decides.value is not None

    @property
    def undecided(self) -> list[float]:
        """What several readings measured, ascending, where none of them decides; else empty."""
        values = sorted(r.value for r in self.readings if r.value is not None and not r.reading.aside)
        return values if self.answered and self.verdict == NONE and len(values) > 1 else []

    @property
    def spelled(self) -> str:
        """The measured figure beside the quoted one; where no reading decides, the range of all of them."""
        best = self.decides
        if best is None or best.value is None:
            return "not measured"
        if values := self.undecided:
            ends = sorted((self.claim.spell(value) for value in (values[0], values[-1])), key=_number)
            first = ends[0].removesuffix(f" {self.claim.unit}")
            return f"{first} to {ends[1]} in {len(values)} readings, of which none decides"
        return best.spell(self.claim)

    @property
    def tried(self) -> str:
        """How many readings there are, how many were measured, and how many got the claim's verdict."""
        study = self.claim.kind == "asymmetry"  # beside it stand networks, not readings
        own = [r for r in self.readings if not (study and r.reading.aside)]
        measured = [r for r in own if r.value is not None]
        same = sum(r.verdict == self.verdict for r in measured)
        if not measured or self.verdict == NONE:
            return f"{len(measured)} of {len(own)} readings measured"
        return f"{same} of {len(measured)} measured readings, of {len(own)}"


def _number(text: str) -> float:
    """What a spelled figure begins with, or holds after its sign of equality."""
    return float(text.rpartition("= ")[2].split()[0])
