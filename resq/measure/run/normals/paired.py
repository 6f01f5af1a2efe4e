"""Whether images normalised in another way are right more often, on the same images. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Other:
    """Another usual normalisation, on the same images as the one in use.

    Attributes:
        accuracy: with it; ``own`` with the one in use.
        clear: whether the difference is beyond what the images' chance explains, a paired test at two
            standard errors (McNemar 1947).
    """

    name: str
    accuracy: float
    own: float
    clear: bool

    def __str__(self) -> str:
        return self.sentence("--mean")

    def sentence(self, option: str) -> str:
        """Both in percent, and where to say it: ``option`` is what the mean is called there."""
        doubt = "" if self.clear else ", no clear difference"
        named = " ".join(part for part in (option, self.name) if part)
        return f"{100 * self.own:.2f} % here; {100 * self.accuracy:.2f} % with {named}{doubt}"


def compared(name: str, own: np.ndarray, others: np.ndarray) -> Other | None:
    """The other normalisation where it is right at least as often; None: it is not.

    Args:
        own, others: bool (N,), whether the answer to each image is right.

    >>> print(compared("half", np.array([1, 0, 0, 0, 0, 0], bool), np.ones(6, bool)))
    16.67 % here; 100.00 % with --mean half
    """
    won, lost = int((others & ~own).sum()), int((own & ~others).sum())
    if won < lost or not won:
        return None
    return Other(name, float(others.mean()), float(own.mean()), won - lost > 2 * math.sqrt(won + lost))
