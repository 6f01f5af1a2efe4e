"""``--servers N``: N servers on this machine behind nginx, with one store and one work folder.

Each is a process with the sessions of its visitors. The store, rooms, brought files and the places where
measurements run are shared by all.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from dashboard.server import nginx
from resq.core.errors import ResqError

OPTION = "--servers"
ENV = "RESQ_SERVERS"  # how many there are, told to each of them
MOST = 64
PATIENCE = 180.0  # s until a server answers
RESTARTS, WITHIN = 5, 60.0  # as many in so many seconds: then something is wrong that a restart does not mend


def asked(words: Sequence[str]) -> tuple[list[str], int]:
    """The words of the command line without ``--servers``, and how many: 1 where it is not among them.

    ``--servers`` without a number: as many as cores.

    Raises:
        ResqError: it is followed by something that is no such number.

    >>> asked(["--servers", "3", "--server.port", "8600"])
    (['--server.port', '8600'], 3)
    >>> asked(["--server.port=8600"])
    (['--server.port=8600'], 1)
    """
    left, servers, rest = list[str](), 1, list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name != OPTION:
            left.append(word)
        elif equals:
            servers = _number(value)
        elif rest and not rest[0].startswith("--"):
            servers = _number(rest.pop(0))
        else:
            servers = min(MOST, os.cpu_count() or 1)
    return left, servers


def _number(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,4}", text) and 1 <= int(text) <= MOST:
        return int(text)
    raise ResqError(f"{OPTION} takes a number of servers from 1 to {MOST}, got {text!r}")


@dataclass(frozen=True)
class Front:
    """Where visitors come, and the words that each server behind it is started with."""

    address: str
    port: int
    words: tuple[str, ...]
    path: str


def front(words: Sequence[str], environment: Mapping[str, str]) -> Front:
    """Takes the address and the port for nginx out of Streamlit's own options.

    Raises:
        ResqError: an option that nginx would have to carry out.

    >>> front(["--server.port", "8600", "--server.maxUploadSize=8"], {})
    Front(address='127.0.0.1', port=8600, words=('--server.maxUploadSize=8',), path='')
    """
    left, values, rest = list[str](), dict[str, str](), list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name.startswith("--server.ssl"):
            raise ResqError(f"{name} and {OPTION} do not go together: end TLS in a proxy in front of nginx")
        if name in ("--server.address", "--server.port", "--server.baseUrlPath"):
            values[name] = value if equals else (rest.pop(0) if rest else "")
        else:
            left.append(word)
    address = values.get("--server.address") or environment.get("STREAMLIT_SERVER_ADDRESS") or "127.0.0.1"
    port = values.get("--server.port") or environment.get("STREAMLIT_SERVER_PORT") or "8501"
    path = values.get("--server.baseUrlPath") or environment.get("STREAMLIT_SERVER_BASE_URL_PATH") or ""
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ResqError(f"--server.port is a number from 1 to 65535, got {port!r}")
    if not re.fullmatch(r"[0-9A-Za-z.:\[\]_-]+", address):  # it becomes a word of nginx's configuration
        raise ResqError(f"--server.address is an address or a name, got {address!r}")
    below = [f"--server.baseUrlPath={path}"] if path else []
    return Front(address, int(port), (*left, *below), path.strip("/"))


def free_ports(n: int) -> list[int]:
    """Ports of this machine that nobody listens on at this moment."""
    held = [socket.socket() for _ in range(n)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


class Fleet:
    """The servers and nginx, as long as they run.

    Attributes:
        ports: of the servers, in their order.
    """

    def __init__(self, where: Front, n: int, environment: Mapping[str, str]) -> None:
        self.where, self.ports = where, free_ports(n)
        without = {"STREAMLIT_SERVER_ADDRESS", "STREAMLIT_SERVER_PORT", "STREAMLIT_SERVER_BASE_URL_PATH"}
        self._environment = {k: v for k, v in environment.items() if k not in without} | {ENV: str(n)}
        self._servers = [self._start(port) for port in self.ports]
        self._restarts: list[float] = []
        self._nginx: subprocess.Popen[bytes] | None = None
        self._ending = False

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        """One server; its own address on standard output would only mislead."""
        command = [sys.executable, "-m", "dashboard", *self.where.words, "--server.port", str(port)]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)

    def run(self, folder: Path, binary: str) -> int:
        """Waits for the servers, puts nginx in front of them, starts anew what ends, until a signal ends all.

        Raises:
            ResqError: a server or nginx does not come up.
        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._end)
        try:
            self._await()
            if not self._ending:
                self._front(folder, binary)
            while not self._ending:
                self._look()
                time.sleep(0.3)
            return 0
        finally:
            self._stop()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _await(self) -> None:
        """Until every server answers."""
        end = time.monotonic() + PATIENCE
        for server, port in zip(self._servers, self.ports, strict=True):
            while not self._ending and not healthy(port, self.where.path):
                if server.poll() is not None or time.monotonic() > end:
                    raise ResqError("a server did not come up; what it said stands above")
                time.sleep(0.1)

    def _front(self, folder: Path, binary: str) -> None:
        """nginx, which says on standard error what it cannot do."""
        file = folder / "nginx.conf"
        text = nginx.configuration(self.where.address, self.where.port, self.ports)
        file.write_text(text, encoding="utf-8")
        self._nginx = subprocess.Popen([binary, "-e", "stderr", "-p", str(folder), "-c", str(file)])
        time.sleep(0.5)
        self._check_nginx()
        shown = f"[{self.where.address}]" if ":" in self.where.address else self.where.address
        address = f"http://{shown}:{self.where.port}/{self.where.path}"
        say(f"RESQ Lab: {address}, {len(self.ports)} servers behind nginx")

    def _check_nginx(self) -> None:
        if self._nginx is not None and self._nginx.poll() is not None:
            raise ResqError(f"nginx ended with {self._nginx.returncode}; what it said stands above")

    def _look(self) -> None:
        """Starts a server that has ended anew, on its port, so that its visitors come back to it."""
        self._check_nginx()
        for number, server in enumerate(self._servers):
            if server.poll() is None or self._ending:
                continue
            self._restarts = [at for at in self._restarts if at > time.monotonic() - WITHIN]
            self._restarts.append(time.monotonic())
            if len(self._restarts) > RESTARTS:
                raise ResqError(
                    f"servers ended more than {RESTARTS} times in {WITHIN:g} s; what they said stands above"
                )
            say(f"server {number + 1} ended with {server.returncode}; it is started again")
            self._servers[number] = self._start(self.ports[number])

    def _stop(self) -> None:
        """Ends nginx and the servers; by force what does not end in time."""
        running = [*([self._nginx] if self._nginx else []), *self._servers]
        for process in running:
            process.terminate()
        end = time.monotonic() + 15
        for process in running:
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def say(sentence: str) -> None:
    """A sentence to whoever started the servers, at once."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def healthy(port: int, path: str = "") -> bool:
    """Whether a server of this machine answers."""
    below = f"/{path}" if path else ""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{below}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def run(n: int, words: Sequence[str], environment: Mapping[str, str]) -> int:
    """N servers behind nginx until a signal ends them; what the process ends with.

    Args:
        words: as ``asked`` has left them, with the names that visitors may call this machine by.

    Raises:
        ResqError: something does not come up, or an option does not go with it.
    """
    where = front(words, environment)
    with tempfile.TemporaryDirectory(prefix="resq-servers-") as folder:
        return Fleet(where, n, environment).run(Path(folder), nginx.binary())
