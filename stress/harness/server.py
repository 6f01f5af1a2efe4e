"""A real server: ``python -m dashboard`` on a free port of this machine, with folders of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # s; other work may hold both cores


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        log: the file that holds all it has printed.
        path: what all its addresses begin with, such as "/lab".
    """

    process: subprocess.Popen[bytes]
    port: int
    work: Path
    log: Path
    path: str = ""

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def errors(self) -> list[str]:
        """Lines of the log that tell of an exception nobody caught."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if "Traceback" in line or "Uncaught" in line]


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url: str) -> bool:
    """Whether the address answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def start(
    work: Path,
    more: Mapping[str, str] | None = None,
    port: int = 0,
    root: Path = ROOT,
    options: Sequence[str] = (),
) -> Server:
    """A server that answers.

    Args:
        more: variables of its environment.
        root: the tree that is run.
        options: more words of the command, such as "--servers=2".

    Raises:
        RuntimeError: it did not come up; the sentence ends with what it printed.
    """
    work.mkdir(parents=True, exist_ok=True)
    port, log = port or free_port(), work / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "--server.port", str(port), *options],
            cwd=root,
            env={**os.environ, "RESQ_WORK": str(work), **(more or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    below = (more or {}).get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    server, end = Server(process, port, work, log, f"/{below}" if below else ""), time.monotonic() + PATIENCE
    while not answers(f"{server.url}/_stcore/health"):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"the dashboard did not come up: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
    return server


def stop(server: Server, how: int = signal.SIGTERM) -> None:
    """Ends the server; by force where it does not end in time."""
    if server.process.poll() is None:
        server.process.send_signal(how)
    try:
        server.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


@contextmanager
def running(work: Path, more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for the time of a block."""
    server = start(work, more)
    try:
        yield server
    finally:
        stop(server)


def memory(pid: int) -> float:
    """Resident memory of a process in MB (2**20 bytes); Linux only.

    Raises:
        OSError: there is no such process, or no /proc.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"process {pid} has no resident memory: it has ended")


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still live; Linux only."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(c) for task in tasks.glob("*/children") for c in task.read_text().split()]
