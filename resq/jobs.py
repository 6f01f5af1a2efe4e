"""Long work outside the web process: ``python -m resq ... --stream`` in a subprocess, its rows as they come.

A subprocess can be cancelled at once, gives its memory back, cannot take the server down with it, and runs
the very command that a reader can run in a terminal. It ends when its standard input closes, so that no work
outlives the server that asked for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ENV = "RESQ_JOB"  # set in the subprocess: its standard input is the line to us


class Job:
    """One running or finished command.

    Attributes:
        state: "running", "done", "failed" or "cancelled".
        rows: what it has measured so far; grows while it runs.
        total: how many rows there will be; 0 until it is known.
        error: one sentence where it failed.
    """

    def __init__(self, argv: list[str]) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.argv = argv
        self.state, self.error, self.total = "running", "", 0
        self.rows: list[dict[str, Any]] = []
        self._began, self._ended = time.monotonic(), 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resq", *argv, "--stream"],
            cwd=ROOT,
            env={**os.environ, ENV: "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def seconds(self) -> float:
        """How long it ran, or has been running."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def left(self) -> float | None:
        """Seconds left at the present rate; None while nothing is known yet."""
        if not self.rows or not self.total:
            return None
        return self.seconds / len(self.rows) * (self.total - len(self.rows))

    def cancel(self) -> None:
        """Ends the process now; rows measured so far stay."""
        if self.state == "running":
            self.state = "cancelled"
            self._process.kill()

    def wait(self, timeout: float | None = None) -> Job:
        """Waits for the end.

        Raises:
            TimeoutError: it still runs after ``timeout`` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._ended:
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"job {self.id} still runs after {timeout:g} s")
            time.sleep(0.02)
        return self

    def _follow(self) -> None:
        assert self._process.stdout and self._process.stderr
        errors: list[str] = []
        stderr = self._process.stderr
        # Both pipes are read at once: a full one would stop the process.
        reader = threading.Thread(target=lambda: errors.extend(stderr.read().splitlines()), daemon=True)
        reader.start()
        for line in self._process.stdout:
            self._take(line)
        code = self._process.wait()
        reader.join(timeout=5)
        if self.state == "running":
            if code:
                said = [line.strip() for line in errors if line.strip()]
                self.error = said[-1] if said else f"the job ended with code {code}"
            # The sentence first: who sees "failed" may read it at once.
            self.state = "failed" if code else "done"
        self._ended = time.monotonic()

    def _take(self, line: str) -> None:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            return  # a library's own print; rows come as JSON objects
        if "total" in message:
            self.total = int(message["total"])
        if "row" in message:
            self.rows.append(message["row"])


def start(argv: list[str]) -> Job:
    """Starts ``python -m resq argv`` and returns at once."""
    return Job(list(argv))


def watch_parent() -> None:
    """In the subprocess: end when standard input closes, whatever is being computed."""
    if os.environ.get(ENV):
        threading.Thread(target=_until_closed, daemon=True).start()


def _until_closed() -> None:
    sys.stdin.read()
    os._exit(130)
