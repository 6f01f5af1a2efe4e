"""Counts of what goes wrong image by image, and how many single faults have to be tried.

SDC-1: the answer differs from the fault-free one and is no error signal (silent data corruption). DUE: the
logits are NaN or infinite (detected, unrecoverable).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from resq.measure.stats import wilson


def sdc1(answers: np.ndarray, clean: np.ndarray, broken: np.ndarray | None = None) -> int:
    """Images whose class (N,) differs from the fault-free one; broken ones (N,) are DUE and not counted.

    >>> sdc1(np.array([1, 2, 3, 0]), np.array([1, 2, 2, 2]), np.array([False, False, False, True]))
    1
    """
    changed = np.asarray(answers) != np.asarray(clean)
    return int((changed if broken is None else changed & ~np.asarray(broken)).sum())


def lost(right: np.ndarray, clean: np.ndarray) -> int:
    """Images right without faults and wrong with them: what SDC-1 and DUE cost."""
    return int((np.asarray(clean) & ~np.asarray(right)).sum())


def rate(count: int, n: int) -> tuple[float, float, float]:
    """A share of n images and its 95 % Wilson interval.

    Raises:
        ValueError: a count outside 0..n.
    """
    if not 0 <= count <= n:
        raise ValueError(f"a count of {n} images lies in 0..{n}, got {count}")
    return count / n, *wilson(count / n, n)


def leveugle(population: float, error: float, level: float = 0.95, share: float = 0.5) -> int:
    """How many single faults to try so that a rate is known to within ``error``.

    Args:
        population: N, all faults there are (bits of the memory); infinity if need be.
        error: e, half-width of the interval.
        share: p, a first guess of the rate; 0.5 asks for most.
    Raises:
        ValueError: an error or a share outside (0, 1).
    Source: Leveugle et al., DATE 2009: N / (1 + e^2 (N - 1) / (t^2 p (1 - p))).

    >>> leveugle(math.inf, 0.05), leveugle(math.inf, 0.01), leveugle(1000, 0.05)
    (385, 9604, 278)
    """
    if not 0 < error < 1 or not 0 < share < 1:
        raise ValueError(f"error and share must lie between 0 and 1, got {error:g} and {share:g}")
    t = float(special.ndtri((1 + level) / 2))
    needed = t * t * share * (1 - share) / error**2
    if math.isfinite(population):
        needed = population / (1 + (population - 1) / needed)
    return math.ceil(round(needed, 6))
