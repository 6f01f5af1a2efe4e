"""What processes take: processor time and memory, of one with all that it has started; Linux only."""

from __future__ import annotations

import time
from pathlib import Path

from stress.harness.server import children

SETTLED, PATIENCE, QUIET = 0.08, 8.0, 6.0  # s between two looks; s at most; ms that an idle server takes


def family(process: int) -> list[int]:
    """The process and all below it."""
    return [process, *(below for child in children(process) for below in family(child))]


def clock(*processes: int) -> float:
    """Milliseconds of processor time that processes have taken so far."""
    return sum(time.clock_gettime_ns((~process) << 3 | 2) for process in processes) / 1e6


def settled(*processes: int) -> float:
    """The clock once the processes have nothing left to do."""
    last, calm, end = clock(*processes), 0, time.monotonic() + PATIENCE
    while calm < 2 and time.monotonic() < end:
        time.sleep(SETTLED)
        now = clock(*processes)
        calm, last = calm + 1 if now - last < QUIET else 0, now
    return last


def memory(*processes: int) -> float:
    """MiB that processes hold; a page that several share counts once in all."""
    return sum(_proportional(process) for process in processes) / 1024


def _proportional(process: int) -> int:
    """KiB by PSS, which shares a common page out among those that hold it."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
