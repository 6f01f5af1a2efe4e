"""The answer on test images, once: beside the way to store all layers alike that does best, rate by rate."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from resq.core import Encoding
from resq.measure.analysis import paired, stats
from resq.protect.search import Tried
from resq.protect.trial import Trial
from resq.protect.wanted import Wanted


def rivals(chosen: Tried, trial: Trial) -> list[Encoding]:
    """The ways to store all layers alike that take no more bits than the chosen mixture."""
    sizes, own = trial.subject.sizes, str(chosen.mixture.encoding)
    few = [e for e in trial.subject.uniform if e.memory(sizes) <= chosen.mixture.bits + 1e-9]
    return [e for e in few if str(e) != own]


def confirmed(wanted: Wanted, chosen: Tried, trial: Trial) -> list[dict[str, Any]]:
    """One entry for each rate: the chosen mixture, and the rival that keeps most on held-out images there.

    Intervals of differences hold for the three rates together (Bonferroni).
    """
    against, rows = rivals(chosen, trial), _Rows(wanted, trial)
    entries = []
    for rate in wanted.rates:
        own = rows(chosen.mixture.encoding)
        entry: dict[str, Any] = {"ber": rate, "chosen": _point(own, rate)}
        if against:
            rival = max(against, key=lambda e: trial.retained(e, rate))
            theirs = rows(rival)
            a, b = (part[part["ber"] == rate] for part in (own, theirs))
            entry |= {"rival": str(rival), "rival_bits": rival.memory(trial.subject.sizes),
                      "rival_point": _point(theirs, rate),
                      "difference": asdict(paired.difference(a, b, len(wanted.rates)))}  # fmt: skip
        entries.append(entry)
    return entries


def unprotected(wanted: Wanted, trial: Trial) -> dict[str, Any]:
    """Accuracy on the same test images of the network as it is stored, without faults: what shares are of."""
    own = trial.subject.own
    line = stats.curve(trial.subject.tested(own, wanted.fault, (0.0,), 1, wanted.test)).iloc[0]
    return {"encoding": str(own), "accuracy": float(line["mean"]), "n": int(line["n"])}


class _Rows:
    """Rows on test images, those of an encoding measured once."""

    def __init__(self, wanted: Wanted, trial: Trial) -> None:
        self._wanted, self._trial = wanted, trial
        self._known: dict[str, pd.DataFrame] = {}

    def __call__(self, encoding: Encoding) -> pd.DataFrame:
        w = self._wanted
        if str(encoding) not in self._known:
            self._known[str(encoding)] = self._trial.subject.tested(
                encoding, w.fault, (0.0, *w.rates), w.test_maps, w.test
            )
        return self._known[str(encoding)]


def _point(rows: pd.DataFrame, rate: float) -> dict[str, float]:
    """Accuracy on test images at the rate with its interval, and without faults."""
    lines = stats.curve(rows)
    line, clean = lines[lines["x"] == rate].iloc[0], lines[lines["x"] == 0].iloc[0]
    return {"accuracy": float(line["mean"]), "low": float(line["low"]), "high": float(line["high"]),
            "clean": float(clean["mean"]), "maps": int(line["maps"]), "n": int(line["n"])}  # fmt: skip
