"""What is asked of a deployed file, each question a process of its own: no file can harm the server."""

from __future__ import annotations

import threading
from typing import Any

import streamlit as st

from dashboard.format import numbers
from resq import jobs
from resq.core.errors import ResqError
from resq.measure.run.deployed.file_flip import FileFlip

PATIENCE = 90.0  # s that a visitor waits for one answer
AT_ONCE = 2
_room = threading.BoundedSemaphore(AT_ONCE)


@st.cache_data(show_spinner="Reading the file…", max_entries=64)
def inspected(name: str, inputs: str) -> dict[str, Any]:
    """What a kept file stores, as ``python -m resq inspect`` says it.

    Raises:
        ResqError: it cannot be read; the sentence says why.
    """
    return answer_of(["inspect", name, *flags(inputs)])


@st.cache_data(show_spinner="The runtime answers…", max_entries=256)
def flipped(state: FileFlip) -> dict[str, Any]:
    """A word of a kept file, and its runtime's answers, as ``python -m resq flip`` says it.

    Raises:
        ResqError: it cannot be run; the sentence says why.
    """
    return answer_of(state.argv())


def flags(inputs: str) -> list[str]:
    """What was said of a file's input, as options.

    >>> flags("range 0,1 layout nchw")
    ['--range=0,1', '--layout=nchw']
    """
    parts = inputs.split()
    return [f"--{k}={v}" for k, v in zip(parts[::2], parts[1::2], strict=True)]


def answer_of(argv: list[str]) -> dict[str, Any]:
    """The one row of a short command.

    Raises:
        ResqError: it failed, its process died, or it took longer than a visitor waits.
    """
    if not _room.acquire(timeout=PATIENCE):
        raise ResqError("others are being answered here; try again in a minute")
    try:
        job = jobs.start(argv)
        try:
            job.wait(PATIENCE)
        except TimeoutError:
            job.cancel()
            raise ResqError(f"this took longer than {numbers.duration(PATIENCE)} and was ended") from None
    finally:
        _room.release()
    if job.state != "done" or not job.rows:
        raise ResqError(job.error.removeprefix("resq: ") or "the process gave no answer")
    return job.rows[0]
