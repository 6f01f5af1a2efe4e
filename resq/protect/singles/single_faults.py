"""Missions with few flips: which share of a cell's bits is critical, and how few have to be tried for it.

A bit is critical where its flip alone changes an answer; a cell is one bit plane of one layer. Plain
sampling tries in each cell what Leveugle et al. ask for where nothing is known, a share of one half. Data-
aware sampling (Ruospo et al., DATE 2023) takes a first guess of the share from how far a flip of the plane
moves the stored weights, scaled so that the farthest has one half, and tries as many flips as that guess
asks for. A guess may be too low: more are tried until the interval is as narrow as asked, as in the
iterative form of the same authors (IEEE TC 2025). What is asked for is half the width of the interval, which
reaches further to the one side of a share near 0 or 1: to 19 % where 0 of 16 flips were critical.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from resq.core.errors import ResqError
from resq.measure.specs.sdc_rates import leveugle

Draw = Callable[[int, int], int]
"""(cell, how many) -> how many of so many random flips of the cell were critical."""


@dataclass(frozen=True)
class Share:
    """A share of critical bits, its 95 % interval, how many flips were tried, and of how many bits."""

    value: float
    low: float
    high: float
    injections: int
    bits: float

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def share(critical: int, tried: int, bits: float = math.inf) -> Share:
    """The share of critical bits from counts, of a cell of so many bits, no flip of which was tried twice.

    The interval is Wilson's with Cochran's correction for a finite population: as of so many more flips as
    the variance is smaller, by (bits - 1) / (bits - tried); a point where all were tried.

    Raises:
        ValueError: more flips than bits, or more critical ones than flips.
    Sources: Wilson, JASA 1927; Cochran, Sampling Techniques, 1977, theorem 3.2.

    >>> found = share(3, 100)
    >>> round(found.low, 3), found.value, round(found.high, 3)
    (0.01, 0.03, 0.085)
    >>> found = share(3, 100, 150)
    >>> round(found.low, 3), found.value, round(found.high, 3)
    (0.016, 0.03, 0.056)
    """
    if not 0 <= critical <= tried <= bits or not tried:
        raise ResqError(f"flips are at least one, at most all {bits:g} bits, got {critical} of {tried}")
    p = critical / tried
    if tried == bits:
        return Share(p, p, p, tried, bits)
    z = float(special.ndtri(0.975))
    n = tried * (bits - 1) / (bits - tried) if math.isfinite(bits) else tried
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    width = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = middle - width if critical else 0.0  # both are exact at the ends, but for rounding
    high = middle + width if critical < tried else 1.0
    return Share(p, low, high, tried, bits)


def guesses(distance: Sequence[float]) -> np.ndarray:
    """A first guess of each cell's share of critical bits: 0.5 where a flip moves weights most.

    Args:
        distance: mean distance that a flip of each cell moves a weight.

    >>> guesses([0.0, 1.0, 2.0, 4.0]).tolist()
    [0.0, 0.125, 0.25, 0.5]
    """
    far = np.asarray(distance, float)
    if not (np.isfinite(far).all() and (far >= 0).all() and far.max() > 0):
        raise ResqError(f"distances are finite and one of them is above 0, got {far.tolist()}")
    return far / far.max() / 2


def least(error: float, bits: float = math.inf) -> int:
    """Flips after which not one critical leaves an interval of half-width ``error`` or less.

    >>> least(0.05), share(0, 35).half_width <= 0.05 < share(0, 34).half_width
    (35, True)
    >>> least(0.05, 100), share(0, 26, 100).half_width <= 0.05 < share(0, 25, 100).half_width
    (26, True)
    """
    z2 = float(special.ndtri(0.975)) ** 2
    endless = z2 * (1 / (2 * error) - 1)
    return max(1, math.ceil(endless / (1 + (endless - 1) / bits)))


def plain(bits: Sequence[int], error: float, draw: Draw) -> list[Share]:
    """Every cell's share, its interval no wider than twice ``error``, by as many flips as for a half."""
    each = [leveugle(n, error) for n in bits]
    return [share(draw(i, n), n, bits[i]) for i, n in enumerate(each)]


def aware(bits: Sequence[int], guess: Sequence[float], error: float, draw: Draw) -> list[Share]:
    """Every cell's share, its interval no wider than twice ``error``, by as many flips as its guess asks for.

    More where the guess was too low.

    Args:
        bits: of each cell; no more flips of it are tried than plain sampling would, after which the interval
            is as narrow whatever the share.
    """
    pairs = enumerate(zip(bits, guess, strict=True))
    return [_narrowed(i, n, p, error, draw) for i, (n, p) in pairs]


def _narrowed(cell: int, bits: int, guess: float, error: float, draw: Draw) -> Share:
    most = leveugle(bits, error)
    wanted = leveugle(bits, error, share=guess) if guess > 0 else 0
    tried = min(most, max(least(error, bits), wanted))
    critical = draw(cell, tried)
    while (estimate := share(critical, tried, bits)).half_width > error and tried < most:
        # What the interval's end nearest to one half asks for, and a tenth more at least.
        end = min(0.5, estimate.high)
        more = min(most, max(math.ceil(1.1 * tried), leveugle(bits, error, share=end))) - tried
        critical, tried = critical + draw(cell, more), tried + more
    return estimate


def flips_to_first(value: float) -> float:
    """The mean number of random flips, one after the other and each alone, until one is critical.

    >>> flips_to_first(0.02)
    50.0
    """
    return math.inf if value <= 0 else 1 / value
