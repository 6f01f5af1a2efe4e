"""Whether the processor has VNNI, x64's sums of products of 8-bit integers in 32 bits."""

from __future__ import annotations

import platform
import re
from functools import cache
from pathlib import Path

X64 = ("x86_64", "AMD64")


@cache
def lacking() -> bool:
    """Whether it is of the x64 kind without VNNI, or does not say whether it has it."""
    return platform.machine() in X64 and not mentioned(_flags())


def mentioned(flags: str) -> bool:
    """Whether a processor's flags name one of the two kinds of VNNI.

    >>> mentioned("flags : fma avx2"), mentioned("flags : avx512_vnni"), mentioned("flags : avx2 avx_vnni")
    (False, True, True)
    """
    return re.search(r"\bavx(512)?_vnni\b", flags) is not None


def _flags() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
