"""Freed memory stays with the process for what is computed next, where the C library is glibc.

By itself glibc returns large blocks to the system as soon as they are freed. Batch after batch asks for the
same activations again, and the system hands them out page by page: 16,000 page faults for 250 images through
ResNet18, 6 to 10 % of the pass's processor time where this was measured. No number changes.
"""

from __future__ import annotations

import ctypes
import sys

# Names and numbers of glibc's malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
LARGE = 2**20  # bytes
MOST = 2**31 - 1


def retain_freed() -> bool:
    """Whether freed memory is kept from now on; False where this C library has no such switch.

    For processes that measure or train and then end: what they once needed they hold until then.
    """
    # Large blocks come from the heap as small ones do, and the heap does not shrink.
    return _set(MMAP_MAX, 0) and _set(TRIM_THRESHOLD, MOST)


def return_large() -> bool:
    """Whether large blocks go back to the system when they are freed; False where there is no such switch.

    By itself glibc does so for the first of them, and keeps what is not larger from then on. For processes
    that load one file after the other: each is as large as the blocks that it leaves behind.
    """
    return _set(MMAP_THRESHOLD, LARGE)


def _set(parameter: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(parameter, value))


def give_back() -> None:
    """Returns to the system what has been freed until now, where the C library is glibc.

    For once, when what was only needed to make something has gone: a network is made of its file, its words
    and its floats, of which half is not needed any more.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
