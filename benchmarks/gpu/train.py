"""Training for a share of the time, watched on held-out images and rolled back where it overfits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu import judge
from benchmarks.gpu.learner import AVERAGE, Learner

WARM, LATE = 0.15, 0.5  # shares of a run: the rate rises; the average follows the weights at once
FALL, LEFT = 0.15, 0.6  # overfitted: so much less than the best, and less than this share of it


@dataclass
class Watch:
    """Held-out images on which PGD tells whether a network that learned to resist one step resists more.

    Attributes:
        every: seconds between two looks.
        eps: budget of the ten steps, that of training.
    """

    x: Tensor
    y: Tensor
    every: float
    eps: float
    best: float = 0.0
    looks: list[tuple[float, float]] = field(default_factory=list)

    def overfitted(self, learner: Learner, progress: float) -> bool:
        """Takes one look; whether robust accuracy has broken down."""
        hit = judge.pgd(learner.finished(mean=False), self.x, self.y, 10, self.eps)
        now = float(hit.float().mean())
        self.looks.append((round(progress, 3), round(now, 4)))
        self.best = max(self.best, now)
        return now < self.best - FALL and now < LEFT * self.best


def rate(progress: float, peak: float) -> float:
    """The learning rate: straight up to ``peak`` in the first WARM of a run, then straight down to 0."""
    return peak * min(progress / WARM, (1 - progress) / (1 - WARM))


def run(
    learner: Learner,
    rows: Tensor,
    *,
    seconds: float,
    peak: float,
    steps: int | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Trains for ``steps`` and at most ``seconds``; returns what it did, times in seconds.

    Args:
        rows: of the images to learn from, int64 on the device.
        steps: None: until the seconds are over.
    """
    batch, began, done = len(learner.rows), time.perf_counter(), 0
    mode = learner.record() if rows.is_cuda else "eager: no GPU"
    recorded, looked = time.perf_counter() - began, time.perf_counter()
    began, good, progress, broken = time.perf_counter(), learner.state(), 0.0, False
    order = rows[:0].view(0, batch)
    while progress < 1 and not broken:
        if done % max(len(order), 1) == 0:
            order = _order(rows, batch)
        learner.run(order[done % len(order)], rate(progress, peak), 1.0 if progress < LATE else 1 - AVERAGE)
        done += 1
        if rows.is_cuda and done % 16 == 0:
            torch.cuda.synchronize()  # or the clock would run behind the work that is queued
        progress = max((time.perf_counter() - began) / seconds, done / steps if steps else 0.0)
        if watch and time.perf_counter() - looked > watch.every and progress < 1:
            broken = watch.overfitted(learner, progress)
            learner.restore(good) if broken else (good := learner.state())
            looked = time.perf_counter()
    taken = time.perf_counter() - began
    return {
        "mode": mode,
        "steps": done,
        "epochs": round(done * batch / len(rows), 2),
        "seconds": round(taken, 2),
        "recorded_in": round(recorded, 2),
        "loss": round(float(learner.loss_sum) / done, 4),
        "overfitted_at": round(progress, 3) if broken else None,
        "looks": watch.looks if watch else [],
    }


def _order(rows: Tensor, batch: int) -> Tensor:
    """The rows in a new order, (steps of an epoch, batch)."""
    mixed = rows[torch.randperm(len(rows), device=rows.device)]
    return mixed[: len(rows) // batch * batch].view(-1, batch)
