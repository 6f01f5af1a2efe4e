"""Sweeps measured for visitors: each spec a job of its own, one after the other, known server-wide."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from resq import jobs
from resq.measure.spec import SweepSpec

AT_ONCE = 2  # measurements; a further one is refused in a sentence
KEPT = 40  # finished measurements whose rows stay for reloads and other visitors


class Measurement:
    """Several specs, measured one after the other.

    Attributes:
        state: "running", "done", "failed" or "cancelled".
        error: one sentence where it failed.
    """

    def __init__(
        self, specs: Sequence[SweepSpec], start: Callable[[list[str]], jobs.Job] = jobs.start
    ) -> None:
        self.specs, self._start = tuple(specs), start
        self.state, self.error = "running", ""
        self.jobs: list[jobs.Job] = []
        self._cancelled = threading.Event()
        self._began, self._ended = time.monotonic(), 0.0
        self._next()
        self.id = self.jobs[0].id
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows so far, a copy."""
        return [row for job in self.jobs for row in list(job.rows)]

    @property
    def total(self) -> int:
        """How many rows there will be."""
        return sum(spec.total for spec in self.specs)

    @property
    def done(self) -> float:
        """Share of the rows that are measured, 0..1."""
        return min(1.0, len(self.rows) / max(1, self.total))

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def left(self) -> float | None:
        """Seconds left at the present rate; None while nothing is known yet."""
        rows = len(self.rows)
        return self.seconds / rows * (self.total - rows) if rows else None

    def cancel(self) -> None:
        """Stops; what has been measured stays."""
        self._cancelled.set()
        self.jobs[-1].cancel()

    def _next(self) -> None:
        self.jobs.append(self._start(self.specs[len(self.jobs)].argv()))

    def _follow(self) -> None:
        while True:
            while self.jobs[-1].state == "running":
                time.sleep(0.1)
            ended = "cancelled" if self._cancelled.is_set() else self.jobs[-1].state
            if ended != "done" or len(self.jobs) == len(self.specs):
                break
            self._next()
        if self._cancelled.is_set():  # also when cancel fell between two jobs
            self.jobs[-1].cancel()
            ended = "cancelled"
        # The job's own thread sets the error just after the state.
        if ended == "failed":
            time.sleep(0.1)
        self.error, self._ended = self.jobs[-1].error, time.monotonic()
        self.state = ended


class Measurements:
    """All measurements of this server, by id."""

    def __init__(self, start: Callable[[list[str]], jobs.Job] = jobs.start) -> None:
        self._start, self._all, self._lock = start, dict[str, Measurement](), threading.Lock()

    def start(self, specs: Sequence[SweepSpec]) -> Measurement:
        """Begins to measure.

        Raises:
            ValueError: nothing to measure, or as many run already as the server runs at once.
        """
        if not specs:
            raise ValueError("nothing is selected: choose at least one network and one encoding")
        with self._lock:
            running = sum(m.state == "running" for m in self._all.values())
            if running >= AT_ONCE:
                raise ValueError(
                    f"{running} measurements are running on this server, as many as it runs at once; "
                    "cancel one or try again when one has ended"
                )
            measurement = Measurement(specs, self._start)
            self._all[measurement.id] = measurement
            ended = [key for key, m in self._all.items() if m.state != "running"]
            for key in ended[: max(0, len(self._all) - KEPT)]:
                del self._all[key]
        return measurement

    def get(self, key: str) -> Measurement | None:
        """The measurement of this id, or None where this server knows none."""
        return self._all.get(key)

    def rows(self, specs: Sequence[SweepSpec]) -> list[dict[str, Any]]:
        """What was measured here for exactly these specs, the latest of each."""
        wanted, found = {spec.hash for spec in specs}, dict[str, list[dict[str, Any]]]()
        for measurement in list(self._all.values()):
            for spec, job in zip(measurement.specs, list(measurement.jobs), strict=False):
                if spec.hash in wanted and job.rows:
                    found[spec.hash] = list(job.rows)
        return [row for rows in found.values() for row in rows]
