"""Cells -> rows, as they come: in this process, in a pool of processes, on a Dask cluster; the same rows."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from typing import Any

from resq.core.errors import ResqError
from resq.measure.specs.cells import Cell

Row = dict[str, Any]
AHEAD = 3  # cells that wait for each worker: enough that none stands idle, few enough to stop at once
PATIENCE = "15s"  # for a scheduler to answer


def run(cells: Sequence[Cell], workers: int = 1, cluster: str = "") -> Iterator[Row]:
    """The rows of the cells, in the order in which they are done.

    Args:
        workers: processes on this machine; 1 measures in this one.
        cluster: address of a Dask scheduler, which then decides where; ``workers`` does not matter.

    Raises:
        ValueError: fewer than one worker, a cluster that does not answer, or what measuring raises.
    """
    if workers < 1:
        raise ResqError(f"workers must be at least 1, got {workers}")
    if cluster:
        return _dask(cells, cluster)
    return map(measure, cells) if workers == 1 else _pool(cells, workers)


def measure(cell: Cell) -> Row:
    """The row of a cell; what neighbouring cells share is kept in this process."""
    return _measurer().row(cell)


@cache
def _measurer() -> Any:
    from resq import plugins
    from resq.measure.run.sweep import Measurer  # torch: only who measures pays for it
    from resq.platform import malloc

    malloc.retain_freed()
    plugins.load()
    return Measurer()


def _pool(cells: Sequence[Cell], workers: int) -> Iterator[Row]:
    rest = iter(cells)
    context = get_context("spawn")  # a fork of a process that has used torch may hang
    pool = ProcessPoolExecutor(workers, context, _begin, (threads(workers),))
    try:
        going = {pool.submit(measure, cell) for cell in islice(rest, AHEAD * workers)}
        while going:
            done, going = wait(going, return_when=FIRST_COMPLETED)
            going |= {pool.submit(measure, cell) for cell in islice(rest, len(done))}
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise ResqError(
            "a worker was ended from outside (out of memory?); what is stored stays, run it again"
        ) from None
    finally:
        for process in list((pool._processes or {}).values()):
            process.terminate()  # a cell may take minutes, and is measured again
        pool.shutdown(wait=False, cancel_futures=True)


def threads(workers: int) -> int:
    """Torch threads of each worker: the cores divided among them; $OMP_NUM_THREADS where that is fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores // workers, int(limit) if limit.isdecimal() else cores))


def _begin(count: int) -> None:
    """In a worker: its share of the threads, and an end when the process that started it is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    import torch

    torch.set_num_threads(count)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _dask(cells: Sequence[Cell], address: str) -> Iterator[Row]:
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ResqError("a cluster needs Dask: pip install -e '.[cluster]'") from None
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise ResqError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        from resq.measure.run.deployed import carried_files

        rest = iter(carried_files.sent(client, cells))
        capacity = AHEAD * max(1, sum(client.nthreads().values()))
        first = [client.submit(measure, cell, pure=False) for cell in islice(rest, capacity)]
        going = as_completed(first)
        for future in going:
            row = future.result()
            for cell in islice(rest, 1):
                going.add(client.submit(measure, cell, pure=False))
            yield row
