"""The process that runs a file, seen from here: asked, timed, replaced when it has died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import resq
from resq.deployed import wire
from resq.deployed.words import RefusedError

PATIENCE = 600.0  # seconds for one answer
ROOM = 6 * 2**30  # bytes of addresses beside the file's own, for the interpreter, libraries and activations


class RuntimeRefusedError(RefusedError):
    """The runtime did not take the file, or failed while it ran it."""


class DiedError(RefusedError):
    """The process that ran the file has ended by itself."""


class MissingError(ValueError):
    """The package that runs such files is not installed."""


class Process:
    """A process that serves one file."""

    def __init__(self, file_bytes: int) -> None:
        limit = ROOM + 40 * file_bytes
        root = str(Path(resq.__file__).resolve().parents[1])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resq.deployed.worker", str(limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            bufsize=-1,
        )

    def ask(
        self, do: str, arrays: Sequence[np.ndarray] = (), patience: float = PATIENCE, **head: Any
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The answer to a message.

        Arrays of any shape and type go and come as they are.

        Raises:
            RuntimeRefusedError: the runtime refused or failed; its own words are in the sentence.
            DiedError: the process has ended, or did not answer in time and was ended.
            MissingError: the runtime's package is not installed.
        """
        late = threading.Timer(patience, self._process.kill)
        late.daemon = True
        late.start()
        try:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            wire.send(self._process.stdin, {"do": do, **head}, arrays)
            answer, results = wire.receive(self._process.stdout)
        except (EOFError, OSError, ValueError):
            raise DiedError(self._death(late.finished.is_set() and late.interval == patience)) from None
        finally:
            late.cancel()
        if "refused" in answer:
            raise RuntimeRefusedError(f"is not run by its runtime: {answer['refused']}")
        if "missing" in answer:
            raise MissingError(answer["missing"])
        return answer, results

    def _death(self, late: bool) -> str:
        self._process.kill()
        code = self._process.wait()
        if late:
            return f"gave no answer in time: its runtime was ended after {PATIENCE:g} s"
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"ended its own process ({why}); nothing else was harmed"

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except OSError:
                    continue
