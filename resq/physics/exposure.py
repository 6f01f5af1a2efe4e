"""From a rate of upsets to the share of wrong bits: time goes by, and scrubbing writes everything anew."""

from __future__ import annotations

import math

from resq.physics.values import Band, within


def wrong(rate: Band, time: float, scrub: float = 0.0) -> Band:
    """The share of bits that are wrong at the end of ``time``, or on average between two scrubs.

    A bit that is struck an even number of times is right: after a time t its chance to be wrong is
    (1 - exp(-2 r t)) / 2. A scrub writes all bits from a copy that is right; read at any moment between two
    of them, a bit is wrong with the mean of this over the interval T, 1/2 - (1 - exp(-2 r T)) / (4 r T).

    Args:
        rate: upsets per bit and unit of time.
        scrub: time between two scrubs; 0, or as long as all: none.

    Raises:
        ValueError: a negative time.

    >>> wrong(Band(1e-6, 1e-6, 1e-6), 1000).value
    0.000999000666333...
    """
    within("time", time, 0, math.inf, "", "it goes on")
    within("time between scrubs", scrub, 0, math.inf, "", "0 stands for none")
    if not _within(time, scrub):
        return rate.through(lambda r: -math.expm1(-2 * r * time) / 2)
    return rate.through(lambda r: _mean(2 * r * scrub))


def scrubbed(what: str, time: float, scrub: float, unit: str) -> str:
    """A place in words, with the moment that ``wrong`` says its share of wrong bits of.

    >>> scrubbed("here for 10 h", 10, 2, "h"), scrubbed("here for 10 h", 10, 0, "h")
    ('here for 10 h, scrubbed every 2 h (the mean between two scrubs)', 'here for 10 h')
    >>> scrubbed("here for 10 days", 10, 1, "days")
    'here for 10 days, scrubbed every day (the mean between two scrubs)'
    >>> scrubbed("here for 10 h", 10, 10, "h")
    'here for 10 h, with scrubs every 10 h never scrubbed within it (at its end)'
    """
    if not scrub:
        return what
    every = "day" if (scrub, unit) == (1, "days") else f"{scrub:g} {unit}"
    if not _within(time, scrub):
        return f"{what}, with scrubs every {every} never scrubbed within it (at its end)"
    return f"{what}, scrubbed every {every} (the mean between two scrubs)"


def _within(time: float, scrub: float) -> bool:
    """Whether a scrub comes before the time is over."""
    return 0 < scrub < time


def _mean(x: float) -> float:
    """(1 - (1 - exp(-x)) / x) / 2; x / 4 where that loses all digits."""
    return x / 4 if x < 1e-5 else (1 + math.expm1(-x) / x) / 2
