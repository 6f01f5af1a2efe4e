"""Cells per second of two local workers over those of one, each with one thread."""

from __future__ import annotations

import os
import time

import torch

from benchmarks.timing import Figure, figure
from resq.measure.run.campaign import executors
from resq.measure.specs.sweep_spec import SweepSpec

NAME = "signs/resnet20/base"


def two(quick: bool) -> dict[str, Figure]:
    """Rates once all workers are at work; how long a worker takes to start is in the note."""
    n, maps = (20, 10) if quick else (500, 24)
    spec = SweepSpec(NAME, bers=(1e-2,), maps=maps, n=n)
    threads, asked = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    both, _ = rate(spec, 1)
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # what workers ask for their share
    try:
        one, _ = rate(spec, 1)
        pair, began = rate(spec, 2)
    finally:
        torch.set_num_threads(threads)
        os.environ.pop("OMP_NUM_THREADS")
        if asked is not None:
            os.environ["OMP_NUM_THREADS"] = asked
    note = (
        f"{n} images a cell: one {one:.2f} cells/s, two {pair:.2f}, after {began:.0f} s to start; "
        f"one process with {threads} threads {both:.2f}"
    )
    return {"two workers, times one worker's rate": figure(pair / one, 1.7, "x", more=True, note=note)}


def rate(spec: SweepSpec, workers: int) -> tuple[float, float]:
    """Cells per second after the first two of each worker, and the seconds until then."""
    times = [time.perf_counter()]
    times += [time.perf_counter() for _ in executors.run(list(spec.cells()), workers)]
    first = 2 * workers
    return (len(times) - 1 - first) / (times[-1] - times[first]), times[first] - times[0]
