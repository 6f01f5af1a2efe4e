"""A number to predict: places on a scale, each a choice as others are. No streamlit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from dashboard.model.parts.fixed_words import say
from resq.core.errors import ResqError

MOST = 101  # places


def choices(scale: Sequence[float], unit: str, where: str) -> tuple[str, ...]:
    """The places of a scale: first, last, step.

    Raises:
        ResqError: no three numbers, or more places than anybody can tell apart.

    >>> choices((0, 100, 25), " %", "here")
    ('0 %', '25 %', '50 %', '75 %', '100 %')
    """
    if len(scale) != 3 or scale[2] <= 0 or scale[1] <= scale[0]:
        raise ResqError(f"{where} has scale {list(scale)}; it is [first, last, step]")
    first, last, step = scale
    n = math.floor((last - first) / step + 1e-9) + 1
    if n > MOST:
        raise ResqError(f"{where} has a scale of {n} places; at most {MOST}")
    return tuple(f"{first + i * step:g}{unit}" for i in range(n))


def number(choice: str) -> float:
    """The number of a place.

    >>> number("25 %")
    25.0
    """
    match = re.match(r"[-−]?[0-9.]+(e[-+]?[0-9]+)?", choice)
    assert match, choice
    return float(match[0].replace("−", "-"))


def nearest(places: Sequence[str], value: float) -> str:
    """The place that a measured number lies at; "" where it was not measured.

    >>> nearest(("0 %", "25 %", "50 %"), 31.0)
    '25 %'
    """
    return "" if math.isnan(value) else min(places, key=lambda place: abs(number(place) - value))


def off(choice: str, value: float, language: str = "en") -> str:
    """How far a prediction lies from what was measured, as a sentence.

    Args:
        language: of the lesson.

    >>> off("25 %", 31.02)
    'You predicted **25 %**; measured: **31.0 %**, 6.0 points off.'
    """
    if math.isnan(value):
        return say(language, "off_unmeasured", choice=choice)
    unit = choice.lstrip("-−.0123456789")
    distance = f"{abs(number(choice) - value):.1f}"
    distance = say(language, "points", n=distance) if "%" in unit else distance
    return say(language, "off", choice=choice, measured=f"{value:.1f}{unit}", distance=distance)
