"""The journey of some pictures over a plane: one step for each rate or budget, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.format import numbers
from dashboard.model.moving import regions
from resq.measure.analysis import embedding
from resq.measure.analysis.embedding import Row

MARGIN = 0.15  # of the clean pictures' span, on each side: what moves further is drawn on the edge
AXES = {"ber": "bit error rate", "eps": "PGD, eps in 1/255"}


@dataclass(frozen=True, eq=False)
class Step:
    """All pictures at one rate or budget.

    Attributes:
        value: the rate, or the budget in 1/255; 0 as stored.
        places: where they lie, float64 (N, 2); NaN for one whose features are no numbers.
        shown: the same within the picture: on its edge what lies beyond, (N, 2).
        answers: the class given to each, int64 (N,); the number of classes where a logit is no number.
        logits: float64 (N, classes).
        regions: class -> corners (k, 2) of where the head, as it is in this step, gives it on the plane.
        agreeing: share of pictures whose region is their answer.
        flips: flipped bits.
    """

    value: float
    places: np.ndarray
    shown: np.ndarray
    answers: np.ndarray
    logits: np.ndarray
    regions: Mapping[int, np.ndarray]
    agreeing: float
    flips: int

    @property
    def beyond(self) -> int:
        """How many pictures lie beyond the edge."""
        return int(np.sum(np.isfinite(self.places).all(1) & (self.places != self.shown).any(1)))

    @property
    def nowhere(self) -> int:
        """How many pictures have features that are no numbers."""
        return int(np.sum(~np.isfinite(self.places).all(1)))


@dataclass(frozen=True, eq=False)
class Journey:
    """All steps of one axis and one fault map, the clean one first.

    Attributes:
        axis: "ber" or "eps".
        labels: the class of each picture, int64 (N,).
        box: what is drawn of the plane.
        about: the clean row: spec, hashes, shares of variance.
        accuracies: of each step over all its maps, see ``embedding.accuracy``.
        per_class: the same of each class, float64 (steps, classes).
    """

    axis: str
    map: int
    classes: tuple[str, ...]
    labels: np.ndarray
    box: regions.Box
    steps: tuple[Step, ...]
    about: Row
    accuracies: tuple[dict[str, float], ...]
    per_class: np.ndarray


def journey(rows: Sequence[Row], axis: str, number: int = 0) -> Journey:
    """The journey along an axis under one fault map.

    Args:
        rows: of ``embedding.steps.run``, maybe not all of them yet.
        axis: "ber" or "eps".
        number: of the map.
    """
    there = embedding.steps(rows, axis)
    clean = there[0.0][0]
    box = _box(embedding.places(clean))
    chosen = {value: next((r for r in every if r["map"] == number or not value or axis == "eps"), None)
              for value, every in there.items()}  # fmt: skip
    shown = {value: row for value, row in chosen.items() if row is not None}
    return Journey(
        axis, number, tuple(clean["classes"]), np.array(clean["labels"]), box,
        tuple(_step(row, value, box) for value, row in shown.items()), clean,
        tuple(embedding.accuracy(there[value]) for value in shown),
        np.stack([embedding.per_class(there[value]) for value in shown]),
    )  # fmt: skip


def _box(clean: np.ndarray) -> regions.Box:
    low, high = np.nanmin(clean, axis=0), np.nanmax(clean, axis=0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _step(row: Row, value: float, box: regions.Box) -> Step:
    places = embedding.places(row)
    return Step(
        value, places, np.clip(places, box[::2], box[1::2]), embedding.answers(row),
        embedding.numbers(row["logits"]), regions.regions(embedding.numbers(row["plane"]), box),
        embedding.agreeing(row), int(row["flips"]),
    )  # fmt: skip


def name(axis: str, value: float) -> str:
    """A step in words.

    >>> name("eps", 0.5), name("ber", 0.0)
    ('0.5/255', 'as stored')
    """
    if not value:
        return "as stored"
    return numbers.power(value) if axis == "ber" else f"{value:g}/255"


def classes_of(shown: Journey, answers: np.ndarray) -> list[str]:
    """Answers (N,) in words."""
    names = [*shown.classes, "no number"]
    return [names[answer] for answer in answers]
