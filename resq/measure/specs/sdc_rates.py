"""Counts of what goes wrong image by image, and how many single faults have to be tried.

SDC (silent data corruption): an answer that a fault changed and that shows no sign of it. DUE (detected,
unrecoverable error): logits that are NaN or infinite, which whoever reads them can notice.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from scipy import special

from resq.core.errors import ResqError

# Column of a row -> by which share the confidence of the top class must move; None: its class must change.
SILENT = {"sdc1": None, "sdc10": 0.1, "sdc20": 0.2}


class Seen(Protocol):
    """The answers to some images, as ``answers.Answers`` has them."""

    @property
    def broken(self) -> np.ndarray:
        """Whether logits are NaN or infinite, bool (N,)."""

    @property
    def top(self) -> np.ndarray:
        """The class of the largest logit (N,)."""

    @property
    def sure(self) -> np.ndarray:
        """Its probability (N,)."""


def silent(faulty: Seen, clean: Seen) -> dict[str, int]:
    """The images that faults change in silence: sdc1, sdc10 and sdc20 of a row.

    Images whose logits are not finite, with the faults or without, are not among them.

    Args:
        clean: the answers of the fault-free network to the same images.
    Source: Li et al., SC 2017. SDC-1: the class of the largest logit is another one. SDC-10 % and SDC-20 %:
        the probability of the top-ranked class, whichever it is, differs by more than that share of the
        fault-free one.
    """
    fine = ~(np.asarray(faulty.broken) | np.asarray(clean.broken))
    # In double precision: 0.9 of 0.5 is not less than 0.45 by a rounding of single precision.
    sure, usual = (np.where(fine, seen.sure, 1.0).astype(float) for seen in (faulty, clean))
    x_adv = np.abs(sure - usual)
    changed = {
        name: faulty.top != clean.top if share is None else x_adv > share * usual
        for name, share in SILENT.items()
    }
    return {name: int((which & fine).sum()) for name, which in changed.items()}


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
        raise ResqError(f"error and share must lie between 0 and 1, got {error:g} and {share:g}")
    t = float(special.ndtri((1 + level) / 2))
    needed = t * t * share * (1 - share) / error**2
    if math.isfinite(population):
        needed = population / (1 + (population - 1) / needed)
    return math.ceil(round(needed, 6))
