"""Long work outside the web process: ``python -m resq ... --stream`` in a subprocess, its rows as they come.

A subprocess can be cancelled at once, gives its memory back, cannot take the server down with it, and runs
the very command that a reader can run in a terminal. It ends when its standard input closes, so that no work
outlives the server that asked for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resq.core import logs, paths
from resq.core.errors import ResqError
from resq.core.files import write_text

REFUSED = 2  # what a process ends with that said in one sentence what it cannot use
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
        self.argv, self.began = argv, datetime.now(UTC).isoformat(timespec="seconds")
        self.state, self.error, self.total = "running", "", 0
        self.rows: list[dict[str, Any]] = []
        self._began, self._ended = time.monotonic(), 0.0
        self._process = self._begun()
        self._note()
        if self._process:
            threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def _begun(self) -> subprocess.Popen[str] | None:
        """The process; None, and the job has failed, where the system starts none (no memory, no handles)."""
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "resq", *self.argv, "--stream"],
                cwd=paths.beside(),
                env={**os.environ, ENV: "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",  # what a library prints must not end the reading
                start_new_session=True,  # its own workers end with it
            )
        except (OSError, ValueError) as error:  # ValueError: a zero byte in a name
            self.error = f"the job could not be started: {error}"
            self.state, self._ended = "failed", time.monotonic()
            return None

    def _note(self) -> None:
        """Keeps on disk what runs or ran, for a server that is started anew; a full disk stops nothing."""
        fields = ("id", "argv", "began", "state", "error", "total")
        about = {name: getattr(self, name) for name in fields}
        about |= {"rows": len(self.rows), "seconds": round(self.seconds, 1)}
        about["pid"] = self._process.pid if self._process else 0
        with suppress(OSError):
            write_text(folder() / f"{self.id}.json", json.dumps(about))

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
        if self.state == "running" and self._process:
            self.state = "cancelled"
            _kill(self._process)

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

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin and process.stdout and process.stderr
        errors: deque[str] = deque(maxlen=50)  # progress bars of a long run would fill the memory
        stderr = process.stderr
        # Both pipes are read at once: a full one would stop the process.
        reader = threading.Thread(target=lambda: errors.extend(filter(str.strip, stderr)), daemon=True)
        reader.start()
        noted = time.monotonic()
        for line in process.stdout:
            self._take(line)
            if time.monotonic() - noted > 2:
                self._note()
                noted = time.monotonic()
        code = process.wait()
        reader.join(timeout=5)
        for pipe in (process.stdin, process.stdout, *([] if reader.is_alive() else [stderr])):
            pipe.close()
        if self.state == "running":
            if code:
                self.error = errors[-1].strip() if errors and code > 0 else _ended_with(code)
            # The sentence first: who sees "failed" may read it at once.
            self.state = "failed" if code else "done"
        if self.state == "failed":
            logs.failed(self.id, " ".join(self.argv), self.error)
        self._note()
        if errors:
            with suppress(OSError):
                (folder() / f"{self.id}.log").write_text("".join(errors))
        self._ended = time.monotonic()

    def _take(self, line: str) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return  # a library's own print; rows come as JSON objects
        if not isinstance(message, dict):
            return  # a bare number is JSON too
        if isinstance(message.get("total"), int):
            self.total = message["total"]
        if isinstance(message.get("row"), dict):
            self.rows.append(message["row"])


def _ended_with(code: int) -> str:
    """A sentence for a process that said nothing; a negative code is the signal that killed it."""
    if code < 0:
        return f"the job was killed ({signal.strsignal(-code) or code}); what was measured stays"
    return f"the job ended with code {code}"


KEPT = 200  # jobs that are remembered on disk


def folder() -> Path:
    """Where jobs are noted: ID.json, and ID.log with the last lines of what it said."""
    return paths.work() / "jobs"


def known() -> list[dict[str, Any]]:
    """What runs or ran here, the latest first, also by servers that are gone.

    Each has ``id``, ``argv``, ``began``, ``seconds``, ``state``, ``error``, ``rows``, ``total``. One that was
    running when its server went is "lost"; what it had measured is in the store.
    """
    jobs = [about for file in folder().glob("*.json") if (about := _read(file))]
    return sorted(jobs, key=lambda about: about["began"], reverse=True)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        about = json.loads(file.read_text())
        lost = about["state"] == "running" and not _alive(about["pid"])
        return {**about, "state": "lost" if lost else about["state"], "began": str(about["began"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not ours, or just being removed


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return False  # there is no question there that does not end the process
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0


def forget() -> None:
    """Removes the notes of all but the latest jobs."""
    for about in known()[KEPT:]:
        for ending in ("json", "log"):
            (folder() / f"{about['id']}.{ending}").unlink(missing_ok=True)


def start(argv: list[str]) -> Job:
    """Starts ``python -m resq argv`` and returns at once."""
    forget()
    return Job(list(argv))


def _kill(process: subprocess.Popen[str]) -> None:
    """Ends a process and all that it has started."""
    if sys.platform == "win32":
        process.kill()
        return
    # It may have just ended by itself; macOS answers that with another error than Linux.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def watch_parent() -> None:
    """In the subprocess: end when standard input closes, whatever is being computed."""
    if os.environ.get(ENV):
        threading.Thread(target=_until_closed, daemon=True).start()


def _until_closed() -> None:
    sys.stdin.read()
    if sys.platform != "win32" and os.getpgrp() == os.getpid():  # its workers too
        os.killpg(0, signal.SIGKILL)
    os._exit(130)


def report(target: str, out: Path, file: Path | None = None) -> Path:
    """Has rows written as one HTML or PDF file by the dashboard's side, in a process: this side never draws.

    Args:
        target: what ``python -m resq report`` takes, paths absolute. ``out``: an absolute path.
        file: the deployed file that the rows are of, where there is one.

    Raises:
        ResqError: it cannot be written; the sentence says why.
        RuntimeError: the process ended in a fault of its own; its traceback is the message.
    """
    words = [target, *(["--file", str(file.resolve())] if file else [])]
    return _written("dashboard.report", words, out)


def picture(rows: list[dict[str, Any]], axis: str, out: Path) -> Path:
    """Has an embedding drawn by the dashboard's side.

    Args:
        rows: of ``measure.run.embedding``. ``axis``: what grows, "ber" or "eps". ``out``: as of ``report``.

    Raises:
        ResqError, RuntimeError: as of ``report``.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        file.write_text(json.dumps({"rows": rows}), encoding="utf-8")
        return _written("dashboard.report.moving", [str(file), "--axis", axis], out)


def _written(module: str, words: list[str], out: Path) -> Path:
    """The file that a module of the dashboard's side writes in a process of its own."""
    command = [sys.executable, "-m", module, *words, "--out", str(out)]
    ended = subprocess.run(command, cwd=paths.beside(), capture_output=True, text=True, check=False)
    if ended.returncode == REFUSED:
        raise ResqError((ended.stderr.strip().splitlines() or [f"{out.name} was not written"])[-1])
    if ended.returncode:
        raise RuntimeError(f"{module} ended with {ended.returncode}: {ended.stderr[-4000:]}")
    return out
