"""Wakes the server's event loop once for many messages, where asyncio writes to a socket for each.

A page is some fifty to a hundred messages, and every one is handed to the loop twice: by the thread that
computes the page, and by the loop itself. Each time ``call_soon_threadsafe`` sends a byte that wakes it, and
gives the interpreter away for that call. While a byte lies there unread the loop needs no other.
"""

from __future__ import annotations

import asyncio
from asyncio.selector_events import BaseSelectorEventLoop
from contextlib import suppress
from typing import Any

WOKEN = "_resq_woken"  # on a loop that reads its bytes here: one was sent that it has not read


def install() -> None:
    """From now on, for all loops of this process, also the one that runs here; again changes nothing."""
    if BaseSelectorEventLoop._write_to_self is write:  # type: ignore[attr-defined]
        return
    BaseSelectorEventLoop._write_to_self = write  # type: ignore[attr-defined]
    BaseSelectorEventLoop._read_from_self = read  # type: ignore[attr-defined]
    with suppress(RuntimeError):  # no loop runs here
        _read_here(asyncio.get_running_loop())


_write = BaseSelectorEventLoop._write_to_self  # type: ignore[attr-defined]
_read = BaseSelectorEventLoop._read_from_self  # type: ignore[attr-defined]


def _read_here(loop: Any) -> None:
    """A loop that began before this was installed holds asyncio's own way to read, by its method."""
    if isinstance(loop, BaseSelectorEventLoop):
        loop._add_reader(loop._ssock.fileno(), loop._read_from_self)  # type: ignore[attr-defined]


def write(loop: Any) -> None:
    """Sends the byte, unless one lies there that the loop has not read: so it does not fall asleep.

    A loop that has never read one here may read them elsewhere, where the note would stay: it gets them all.
    """
    if not getattr(loop, WOKEN, False):
        if hasattr(loop, WOKEN):
            setattr(loop, WOKEN, True)
        _write(loop)


def read(loop: Any) -> None:
    """Reads the byte, and all that came with it; from here on another one is needed.

    In this order: a byte that is sent while this one is read is taken with it, and if the note of it stayed,
    nobody would ever send another. Who finds the old note has put its work down before, and the loop looks
    for work again before it sleeps.
    """
    _read(loop)
    setattr(loop, WOKEN, False)
