"""Places where measurements run, shared by all servers of a work folder: each is a locked file.

The kernel lets go of the lock of a process that ends, however it ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

from dashboard.server import fleet
from resq.core import paths

Release = Callable[[], None]


def shared() -> bool:
    """Whether this is one of several servers."""
    return os.environ.get(fleet.ENV, "1") not in ("", "1")


def take(places: int) -> Release | None:
    """A free place: what gives it back; None where all are taken.

    Args:
        places: how many there are.

    Raises:
        OSError: the work folder takes no file.
    """
    if sys.platform == "win32":
        return lambda: None  # no nginx, so no second server
    import fcntl

    folder = paths.work() / "places"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(places):
        handle = os.open(folder / str(number), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return partial(os.close, handle)
    return None
