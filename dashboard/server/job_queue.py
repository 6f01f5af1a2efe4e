"""Sweeps measured for visitors: each spec a job of its own, one after the other.

They are known server-wide and stand in one line: a few run at once, the others see their place.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

from dashboard.model import costs
from dashboard.server import slots
from resq import jobs
from resq.core import logs
from resq.core.errors import ResqError

AT_ONCE = 2  # measurements, of all servers of a work folder together; further ones wait in line
AGAIN = 1.0  # s until a server asks again for a place that another one holds
IN_LINE = 40  # measurements that may wait: a class of thirty, and some more
PER_VISITOR = 2  # measurements of one visitor that run or wait
FIRM = 2.0  # s of rows after which what is measured weighs as much as what was told before
KEPT = 40  # finished measurements whose rows stay for reloads and other visitors


class Work(Protocol):
    """What a page can have done: the words of its command, how many rows that gives, what it is known by."""

    @property
    def hash(self) -> str:
        """16 hex digits of everything that decides the rows."""

    @property
    def total(self) -> int:
        """How many rows there will be."""

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that measure it."""


Start = Callable[[list[str]], jobs.Job]


class Measurement:
    """Several specs, measured one after the other.

    Attributes:
        visitor: who asked for it.
        state: "waiting", "running", "done", "failed" or "cancelled".
        error: one sentence where it failed.
        speeds: of each spec, seconds of a forward pass of one image; 0 where it is not known.
    """

    def __init__(
        self,
        specs: Sequence[Work],
        visitor: str = "",
        start: Start = jobs.start,
        speeds: Sequence[float] = (),
    ) -> None:
        self.id, self.visitor = uuid.uuid4().hex[:12], visitor
        self.speeds = tuple(speeds) if len(speeds) == len(specs) else (0.0,) * len(specs)
        self.specs, self._start = tuple(specs), start
        self.state, self.error = "waiting", ""
        self.jobs: list[jobs.Job] = []
        self._lock, self._cancelled = threading.Lock(), threading.Event()
        self._began = self._ended = time.monotonic()

    def begin(self, ended: Callable[[], None]) -> bool:
        """Leaves the line and measures; ``ended`` is called once, whatever happens.

        False, and nothing begins, for one that was cancelled while it waited.
        """
        with self._lock:
            if self.state != "waiting":
                return False
            self.state, self._began, self._ended = "running", time.monotonic(), 0.0
        threading.Thread(target=self._follow, args=(ended,), daemon=True).start()
        return True

    @property
    def active(self) -> bool:
        """Whether it runs or waits in line."""
        return self.state in ("waiting", "running")

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
        """Share of the work that is done, 0..1: a row under attack is more of it than one without."""
        each, rows = self._costs, len(self.rows)
        return min(1.0, sum(each[:rows]) / max(1e-9, sum(each)))

    @cached_property
    def _costs(self) -> list[float]:
        """What each row costs beside the others, in the order in which they come; seconds if ``_priced``."""
        each = self.speeds if self._priced else (1.0,) * len(self.specs)
        return [
            speed * cost
            for spec, speed in zip(self.specs, each, strict=True)
            for cost in costs.weights(spec, spec.total)
        ]

    @property
    def _priced(self) -> bool:
        """Whether it is known what the rows of every spec take."""
        return all(self.speeds)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def left(self) -> float | None:
        """Seconds left: what was told before, corrected by the rows so far; None while nothing is known."""
        rows, begun = len(self.rows), list(self.jobs)
        done = sum(self._costs[:rows])
        if not done and not self._priced:
            return None
        # What a process of its own takes before its first row is no part of a row's time.
        spent = max(self.seconds - costs.START * len(begun), 0.3 * self.seconds) if rows else 0.0
        prior = FIRM if self._priced else 0.0
        rate = (spent + prior) / (done + prior)
        starting = costs.START * (len(self.specs) - len(begun) + sum(not job.rows for job in begun[-1:]))
        return rate * (sum(self._costs) - done) + starting

    def cancel(self) -> None:
        """Stops, or leaves the line; what has been measured stays."""
        self._cancelled.set()
        with self._lock:
            if self.state == "waiting":
                self.state = "cancelled"
            for job in self.jobs[-1:]:
                job.cancel()

    def _follow(self, ended: Callable[[], None]) -> None:
        """Job after job; an error in here must not hold the place that others wait for."""
        try:
            state, error = self._measured()
        except ResqError as refused:
            logs.refused(refused, f"measurement {self.id}")
            state, error = "failed", str(refused)
        except OSError as full:  # no process can be started, no file opened
            logs.refused(full, f"measurement {self.id}")
            state, error = "failed", f"this machine refused it: {full}"
        except Exception as broken:
            key = logs.fault(broken, f"measurement {self.id}")
            state, error = "failed", f"this is a fault of the lab, it was logged as {key}"
        self.error, self._ended = error, time.monotonic()
        self.state = state
        ended()

    def _measured(self) -> tuple[str, str]:
        """How it ended, and the sentence where it failed."""
        for spec in self.specs:
            with self._lock:  # a cancel comes before this job begins, or finds it
                if self._cancelled.is_set():
                    return "cancelled", ""
                job = self._start(spec.argv())
                self.jobs.append(job)
            while job.state == "running":
                time.sleep(0.1)
            if self._cancelled.is_set():
                return "cancelled", ""
            if job.state != "done":
                return job.state, job.error
        return "done", ""


def _nothing() -> None:
    """Gives back the place of one server that shares none."""


class Measurements:
    """All measurements of this server, by id; the first of those that wait comes next."""

    def __init__(self, start: Start = jobs.start) -> None:
        self._start, self._all, self._lock = start, dict[str, Measurement](), threading.Lock()
        self._again: threading.Timer | None = None

    def start(self, specs: Sequence[Work], visitor: str = "", speeds: Sequence[float] = ()) -> Measurement:
        """A measurement that runs, or waits in line; ``speeds`` as of ``Measurement``.

        Raises:
            ValueError: nothing to measure; the visitor has as many as one may have, or the line is full.
        """
        if not specs:
            raise ResqError("nothing is selected: choose at least one network and one encoding")
        with self._lock:
            self._check_room(visitor)
            measurement = Measurement(specs, visitor, self._start, speeds)
            self._all[measurement.id] = measurement
            ended = [key for key, m in self._all.items() if not m.active]
            for key in ended[: max(0, len(self._all) - KEPT)]:
                del self._all[key]
        self._advance()
        return measurement

    def _check_room(self, visitor: str) -> None:
        active = [m for m in self._all.values() if m.active]
        own = sum(m.visitor == visitor for m in active) if visitor else 0
        if own >= PER_VISITOR:
            raise ResqError(
                f"{own} measurements of yours run or wait already, as many as one visitor may have; "
                "cancel one, or wait until one has ended"
            )
        waiting = sum(m.state == "waiting" for m in active)
        if waiting >= IN_LINE:
            raise ResqError(
                f"{waiting} measurements wait on this server, as many as may; try again in a few minutes, "
                "or run the command below on your own machine"
            )

    def _advance(self) -> None:
        """Begins those whose turn it is; where other servers hold the places, looks again in a while."""
        with self._lock:
            free = AT_ONCE - sum(m.state == "running" for m in self._all.values())
            for measurement in [m for m in self._all.values() if m.state == "waiting"]:
                release = (slots.take(AT_ONCE) if slots.shared() else _nothing) if free > 0 else None
                if release is None:
                    self._later()
                    return
                if measurement.begin(partial(self._ended, release)):
                    free -= 1
                else:  # cancelled just now
                    release()

    def _ended(self, release: slots.Release) -> None:
        release()
        self._advance()

    def _later(self) -> None:
        """Advances once more in a while; one server alone advances when a measurement ends."""
        if slots.shared() and self._again is None:
            self._again = threading.Timer(AGAIN, self._look_again)
            self._again.daemon = True
            self._again.start()

    def _look_again(self) -> None:
        self._again = None
        self._advance()

    def place(self, measurement: Measurement) -> int:
        """Place in line, 1 for the next; 0 for one that waits no more."""
        waiting = [m.id for m in list(self._all.values()) if m.state == "waiting"]
        return waiting.index(measurement.id) + 1 if measurement.id in waiting else 0

    def get(self, key: str) -> Measurement | None:
        """The measurement of this id, or None where this server knows none."""
        return self._all.get(key)

    def rows(self, specs: Sequence[Work]) -> list[dict[str, Any]]:
        """What was measured here for exactly these specs, the latest of each."""
        wanted, by_hash = {spec.hash for spec in specs}, dict[str, list[dict[str, Any]]]()
        for measurement in list(self._all.values()):
            for spec, job in zip(measurement.specs, list(measurement.jobs), strict=False):
                if spec.hash in wanted and job.rows:
                    by_hash[spec.hash] = list(job.rows)
        return [row for rows in by_hash.values() for row in rows]
