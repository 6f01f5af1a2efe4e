"""Wakes the server's event loop once for many messages, where asyncio writes to a socket for each.

A page is some fifty to a hundred messages, and every one is handed to the loop twice: by the thread that
computes the page, and by the loop itself. Each time ``call_soon_threadsafe`` sends a byte that wakes it, and
gives the interpreter away for that call. While a byte lies there unread the loop needs no other.
"""

from __future__ import annotations

from asyncio.selector_events import BaseSelectorEventLoop
from typing import Any

WOKEN = "_resq_woken"  # on a loop: a byte was sent that it has not read


def install() -> None:
    """From now on, for all loops of this process; doing it again changes nothing."""
    if BaseSelectorEventLoop._write_to_self is not write:  # type: ignore[attr-defined]
        BaseSelectorEventLoop._write_to_self = write  # type: ignore[attr-defined]
        BaseSelectorEventLoop._read_from_self = read  # type: ignore[attr-defined]


_write = BaseSelectorEventLoop._write_to_self  # type: ignore[attr-defined]
_read = BaseSelectorEventLoop._read_from_self  # type: ignore[attr-defined]


def write(loop: Any) -> None:
    """Sends the byte, unless one lies there that the loop has not read: so it does not fall asleep."""
    if not getattr(loop, WOKEN, False):
        setattr(loop, WOKEN, True)
        _write(loop)


def read(loop: Any) -> None:
    """Reads the byte; from here on another one is needed.

    The note comes first: whoever has seen the old one had put its work down before, and this round goes on.
    """
    setattr(loop, WOKEN, False)
    _read(loop)
