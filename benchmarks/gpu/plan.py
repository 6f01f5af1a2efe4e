"""What is trained in which order, and the rule that chooses, assets/specs/adversarial/front.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu.methods import METHODS, Method

SLOPE = 2.2  # points of held-out clean accuracy that one 1/255 less of training budget is taken to give
GAIN = 2.5  # ... that a long run is taken to give over a short one
FIRST, SECOND = 80.0, 84.8  # held-out clean accuracy that the two pooled networks aim at, in percent
BARE_EPS = 6.0  # training budget of the network without the pool, in 1/255


WEIGHTS = {  # of the runs in the order they come, in seconds where there is as much time as was planned for
    **{f"pilot-{m.name}": 15.0 for m in METHODS},
    "first": 70.0,
    "first-words": 20.0,
    "bare": 100.0,
    "second": 65.0,
    "second-words": 20.0,
    "seed-1": 15.0,
    "seed-2": 15.0,
}


@dataclass
class Shares:
    """How the time that is left is shared among the runs that are still to come.

    Attributes:
        over: seconds that recording, judging and writing take beside each run.
        tail: seconds kept for the last attacks.
        least: a run of fewer seconds is left out.
        fixed: seconds of every run whatever is left, for trials; 0: they share.
    """

    over: float = 4.0
    tail: float = 70.0
    least: float = 4.0
    fixed: float = 0.0
    gone: tuple[str, ...] = ()

    def turn(self, name: str, left: float) -> float:
        """Seconds for this run, which is the next, of ``left`` in all; 0: there is no time for it."""
        coming = {key: weight for key, weight in WEIGHTS.items() if key not in self.gone}
        self.gone += (name,)
        if self.fixed:
            return self.fixed
        share = (left - self.tail - self.over * len(coming)) / sum(coming.values())
        seconds = share * coming[name]
        return seconds if seconds >= self.least else 0.0


def chosen(pilots: Mapping[str, Mapping[str, Any]]) -> Method:
    """The method with the largest sum of held-out clean and robust accuracy; the cheaper one where they tie.

    Args:
        pilots: of each method that was run, "clean" and "robust" on held-out images.
    """
    known = [m for m in METHODS if m.name in pilots]
    return max(known, key=lambda m: (pilots[m.name]["clean"] + pilots[m.name]["robust"], -m.passes()))


def budget(clean: float, eps: float, aim: float, gain: float = 0.0) -> float:
    """The training budget, in 1/255 and between 3 and 8, that should give ``aim`` percent of clean accuracy.

    Args:
        clean: what training with ``eps`` gave, in percent.
        gain: points that the run asked about is taken to give on top.

    >>> budget(75.0, 8.0, 80.0, 2.8)
    7.0
    """
    return round(min(8.0, max(3.0, eps - (aim - clean - gain) / SLOPE)), 2)
