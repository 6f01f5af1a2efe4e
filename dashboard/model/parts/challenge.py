"""A design challenge: a place on each slider makes an encoding, and stored rows say whether it holds.

There are so many trials, and then it has failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage import places
from resq.core import Encoding, validation
from resq.core.errors import ResqError


@dataclass(frozen=True)
class Slider:
    """One choice of the design; ``places``: its positions, as people read them."""

    title: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Challenge:
    """What is asked, and what can be built.

    Attributes:
        ask: the task.
        checkpoint, fault, ber, n: where it is measured: all designs on the same test images.
        keep: accuracy that is asked, 0..1.
        bits: the most stored bits a weight.
        trials: how many designs may be tried.
        sliders: the choices.
        encodings: names of the encodings by the places chosen, counted from 0: "0,1"; what is lacking was
            not measured.
        why: what is said in the end.
    """

    ask: str
    checkpoint: str
    fault: str
    ber: float
    n: int
    keep: float
    bits: float
    trials: int
    why: str
    slider: tuple[dict[str, Any], ...]
    encodings: dict[str, str]

    @property
    def sliders(self) -> list[Slider]:
        """The choices."""
        return [validation.build(Slider, one, "a slider", "a slider") for one in self.slider]

    def encoding(self, chosen: Sequence[int]) -> str:
        """The encoding that the chosen places make; "" where it was not measured."""
        return self.encodings.get(",".join(map(str, chosen)), "")


def read(entries: Any, where: str) -> Challenge:
    """The challenge of a TOML table.

    Raises:
        ResqError: a field is missing, unknown or of another type, a place that no slider has, or no encoding.
    """
    made = validation.build(Challenge, entries, where, "a challenge")
    sliders = [validation.build(Slider, one, f"{where}, slider", "a slider") for one in made.slider]
    for key, name in made.encodings.items():
        at = key.split(",")
        if len(at) != len(sliders) or not all(
            p.isdecimal() and int(p) < len(s.places) for p, s in zip(at, sliders, strict=True)
        ):
            raise ResqError(f"{where} has encodings for {key!r}; its sliders have no such places")
        Encoding.parse(name)
    if made.trials < 1 or not 0 < made.keep < 1:
        raise ResqError(f"{where} has trials {made.trials} and keep {made.keep}; at least 1, and 0 to 1")
    return made


@dataclass(frozen=True)
class Trial:
    """A design that was tried.

    Attributes:
        chosen: the places.
        bits: stored bits a weight.
        low, high: the 95 % interval of its accuracy over maps and images, 0..1; NaN where not measured.
        shown: the accuracy with its interval.
    """

    chosen: tuple[int, ...]
    encoding: str
    bits: float
    low: float
    high: float
    shown: str


def trial(challenge: Challenge, chosen: Sequence[int], rows: pd.DataFrame, sizes: Sequence[int]) -> Trial:
    """What a design keeps and costs, from stored rows.

    Args:
        chosen: a place on each slider, counted from 0; one that was measured.
        sizes: weights of each layer of the network.
    """
    name = challenge.encoding(chosen)
    place = f"checkpoint={challenge.checkpoint} encoding={name}"
    text = f"{{acc {place} fault={challenge.fault} ber={challenge.ber!r} n={challenge.n}}}"
    line, size = places.cell(text, rows), Encoding.parse(name).memory(sizes)
    if line is None:
        return Trial(tuple(chosen), name, size, math.nan, math.nan, places.ABSENT)
    return Trial(tuple(chosen), name, size, float(line["low"]), float(line["high"]), places.share(line))


def bits(challenge: Challenge, chosen: Sequence[int], sizes: Sequence[int]) -> float:
    """Stored bits a weight of a design; NaN where nothing is known of it."""
    name = challenge.encoding(chosen)
    return Encoding.parse(name).memory(sizes) if name else math.nan


def solved(challenge: Challenge, tried: Trial) -> bool:
    """Whether a design is shown to do what is asked: its whole interval does."""
    return tried.low >= challenge.keep and tried.bits <= challenge.bits


def verdict(challenge: Challenge, tried: Trial) -> str:
    """What becomes of one design, as a sentence."""
    size = f"{tried.bits:.2f} bits a weight".replace(".00", "")
    parts = []
    if tried.bits > challenge.bits:
        parts.append(f"too large: {size} of {challenge.bits:g}")
    if math.isnan(tried.low):
        parts.append("not measured here")
    elif tried.high < challenge.keep:
        parts.append(f"too fragile: {tried.shown} of {numbers.percent(challenge.keep, 0)}")
    elif tried.low < challenge.keep:
        parts.append(
            f"not shown: the interval of {tried.shown} reaches below {numbers.percent(challenge.keep, 0)}"
        )
    return f"fails, {' and '.join(parts)}" if parts else f"holds: {tried.shown} right, {size}"


def state(challenge: Challenge, tried: Sequence[Trial]) -> str:
    """Where the challenge stands: "open", "solved" or "failed"."""
    if any(solved(challenge, one) for one in tried):
        return "solved"
    return "failed" if len(tried) >= challenge.trials else "open"
