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
from resq.core.errors import ResqError
from resq.deployed import wire
from resq.deployed.words import RefusedError

PATIENCE = 600.0  # seconds for one answer
LONGEST = 400  # characters of what a runtime says
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
        self._owed = 0  # answers that nobody has waited for yet
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resq.deployed.worker", str(limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            bufsize=-1,
        )

    def tell(self, do: str, arrays: Sequence[np.ndarray] = ()) -> None:
        """Sends a message whose answer, which says nothing, is read before that of the next question.

        Arrays of any shape and type go as they are.

        Raises:
            DiedError: the process has ended.
        """
        try:
            assert self._process.stdin is not None
            wire.send(self._process.stdin, {"do": do}, arrays)
        except (OSError, ValueError):
            raise DiedError(self._death(False)) from None
        self._owed += 1

    def ask(
        self, do: str, arrays: Sequence[np.ndarray] = (), patience: float = PATIENCE, **head: Any
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The answer to a message.

        Arrays of any shape and type go and come as they are.

        Raises:
            ResqError: what it was told before was refused.
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
            earlier_answers = [wire.receive(self._process.stdout)[0] for _ in range(self._owed)]
            self._owed = 0
            answer, results = wire.receive(self._process.stdout)
        except (EOFError, OSError, ValueError):
            raise DiedError(self._death(late.finished.is_set() and late.interval == patience)) from None
        finally:
            late.cancel()
        for earlier in earlier_answers:
            if "refused" in earlier:
                raise ResqError(f"flips cannot be made in it: {_line(earlier['refused'])}")
        if "refused" in answer:
            raise RuntimeRefusedError(f"is not run by its runtime: {_line(answer['refused'])}")
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


def _line(text: str) -> str:
    r"""What a runtime says, on one line, cut where it is long; control characters are spaces.

    >>> _line("ValueError: no operator\n  Registration failed.\n")
    'ValueError: no operator Registration failed.'
    """
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
