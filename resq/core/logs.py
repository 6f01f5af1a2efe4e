"""The log of a server: refusals, failed jobs and faults, one line each, in $RESQ_WORK/logs.

A refusal is what a visitor was told; a fault is an error that nobody expected, with an id that the visitor
was told and the traceback that the visitor was not. Messages of others are kept to one line, so that none of
them looks like an entry of its own. The file is made with the first entry and turned over at MOST bytes.
"""

from __future__ import annotations

import logging
import os
import traceback
import uuid
from logging.handlers import RotatingFileHandler
from pathlib import Path

from resq.core import paths
from resq.core.errors import ResqError

MOST, KEPT = 1_000_000, 5  # bytes of a file; older ones that are kept
LONGEST = 600  # characters of a message
LOGGER = logging.getLogger("resq")


def file() -> Path:
    """Where entries go."""
    return paths.work() / "logs" / "resq.log"


def refused(error: BaseException, where: str) -> None:
    """Notes an expected error that somebody was told.

    One that is no ``ResqError`` (a disk that is full, a file that has gone) comes with its traceback: what
    was told is the machine's own sentence, and only the place where it arose says why.
    """
    traceback_text = "" if isinstance(error, ResqError) else f"\n{_traceback(error)}"
    _write(logging.INFO, f"refused, {where}: {one_line(str(error))}{traceback_text}")


def failed(job: str, argv: str, error: str) -> None:
    """Notes a job that failed."""
    _write(logging.WARNING, f"failed, job {job} ({one_line(argv)}): {one_line(error)}")


def fault(error: BaseException, where: str) -> str:
    """Notes an error that nobody expected, with its traceback; the id to tell."""
    key = uuid.uuid4().hex[:8]
    message = f"{type(error).__name__}: {one_line(str(error))}\n{_traceback(error)}"
    _write(logging.ERROR, f"fault {key}, {where}: {message}")
    return key


def _traceback(error: BaseException) -> str:
    """Where an error arose, indented, so that no line of it looks like an entry."""
    trace = "".join(traceback.format_exception(error))
    return "\n".join(f"    {line}" for line in trace.splitlines())


def debugging() -> bool:
    """Whether tracebacks are shown where the error is told: ``--debug``, or RESQ_DEBUG set."""
    return os.environ.get("RESQ_DEBUG", "") not in ("", "0")


def one_line(text: str) -> str:
    """A message of anyone's as one line of printable characters, not too long.

    >>> one_line("a" + chr(10) + "2031-01-01 fault")
    'a 2031-01-01 fault'
    """
    flat = "".join(c if c.isprintable() else " " for c in text)
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]}…"


def _write(level: int, message: str) -> None:
    """One entry; where the folder takes none (a full disk), standard error has it."""
    handler: logging.Handler
    try:
        file().parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file(), maxBytes=MOST, backupCount=KEPT, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    record = LOGGER.makeRecord(LOGGER.name, level, "", 0, message, (), None)
    try:
        handler.handle(record)
    finally:
        handler.close()
