"""Forked processes that run the command line's own code, and what can be read from them.

This process has imported everything and computed nothing, so a fault costs what the work costs.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Child:
    """A forked process; ``lines`` are what it has printed."""

    pid: int
    out: int
    text: str = ""
    code: int | None = None

    @property
    def lines(self) -> list[str]:
        """Whole lines so far."""
        return self.text.splitlines() if self.text.endswith("\n") else self.text.splitlines()[:-1]


def forked(work: Callable[[], int], before: Callable[[], object] = lambda: None) -> Child:
    """A process that does ``work``, with what it prints on either stream."""
    out, end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(end)
        return Child(pid, out)
    try:
        os.dup2(end, 1)
        os.dup2(end, 2)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1) for n in (1, 2))
        before()
        code = work()
    except BaseException:
        traceback.print_exc()
        code = 70
    finally:
        sys.stdout.flush()
    os._exit(code)


def listen(child: Child, seconds: float, until: Callable[[Child], bool] = lambda _: False) -> Child:
    """Reads what it prints until it ends, ``until`` holds, or the time is over."""
    end = time.monotonic() + seconds
    while child.code is None and time.monotonic() < end and not until(child):
        ready, _, _ = select.select([child.out], [], [], min(0.2, max(0.0, end - time.monotonic())))
        if ready:
            part = os.read(child.out, 65536)
            if not part:
                child.code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
                os.close(child.out)
                return child
            child.text += part.decode(errors="replace")
    return child


def killed(child: Child) -> Child:
    """Kill -9, and what it had printed until then."""
    if child.code is None:
        os.kill(child.pid, signal.SIGKILL)
        listen(child, 60)
    return child


def command(*words: str) -> Callable[[], int]:
    """The command line's own code, as work for a forked process."""

    def work() -> int:
        import torch

        from resq import cli

        torch.set_num_threads(1)
        return cli.main(list(words))

    return work


def reported_keys(child: Child) -> list[str]:
    """Keys of the rows that the process has told of."""
    rows = [json.loads(line) for line in child.lines if line.startswith('{"row"')]
    return [row["row"]["key"] for row in rows]


def sentence(child: Child) -> str:
    """The last line that is no row: what a person sees."""
    other = [line for line in child.lines if line.strip() and not line.startswith("{")]
    return other[-1].strip() if other else ""
