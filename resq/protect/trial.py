"""What a network keeps on held-out images, map by map, remembered in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from resq.core import Encoding
from resq.protect.mixtures import Mixture
from resq.protect.subject import Subject


class Trial:
    """Measures mixtures at one rate on held-out images; every pass is written down and never done again.

    Attributes:
        passes: forward passes over the images that were asked for, those that earlier runs made included.
        resumed: whether an earlier run wrote anything down.
    """

    def __init__(
        self, subject: Subject, rate: float, maps: int, file: Path, fault: str = "random",
        progress: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.subject, self.rate, self.maps, self.fault, self.progress = subject, rate, maps, fault, progress
        self._file, self._known = file, _known(file)
        self._asked: set[str] = set()  # the file may hold passes of other questions
        self.resumed = bool(self._known)

    @property
    def passes(self) -> int:
        """Forward passes over the images so far."""
        return len(self._asked)

    def accuracy(self, encoding: Encoding, rate: float | None = None) -> list[float]:
        """Accuracy under each map at a rate, by default the trial's; one value where nothing flips."""
        rate = self.rate if rate is None else rate
        return [self._one(encoding, rate, number) for number in range(self.maps if rate else 1)]

    def keeps(self, mixture: Mixture, rate: float | None = None) -> float:
        """Mean accuracy at the rate over that of the network unprotected and without faults."""
        return self.retained(mixture.encoding, rate)

    def retained(self, encoding: Encoding, rate: float | None = None) -> float:
        """The same of an encoding."""
        clean = self.accuracy(self.subject.own, 0.0)[0]
        return float(np.mean(self.accuracy(encoding, rate))) / clean if clean else 0.0

    def _one(self, encoding: Encoding, rate: float, number: int) -> float:
        key = self._key(encoding, rate, number)
        self._asked.add(key)
        if key not in self._known:
            self._known[key] = self._measured(encoding, rate, number)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "accuracy": self._known[key]}) + "\n")
            self.progress()
        return self._known[key]

    def _key(self, encoding: Encoding, rate: float, number: int) -> str:
        """All that decides the accuracy; of a checkpoint, as it was before files were protected."""
        of = self.subject
        inputs = [] if of.inputs is None else [of.inputs]
        return json.dumps([str(encoding), self.fault, rate, number, of.images, of.hash, *inputs])

    def _measured(self, encoding: Encoding, rate: float, number: int) -> float:
        return self.subject.accuracy(encoding, self.fault, rate, number)


def _known(file: Path) -> dict[str, float]:
    """What earlier runs wrote down; a last line that was cut off is measured again."""
    rows = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows[row["key"]] = float(row["accuracy"])
    return rows
