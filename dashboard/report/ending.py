"""How a process that writes one file ends: its path, or 2 and a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from resq import jobs
from resq.core.errors import ResqError


def ended(write: Callable[[], Path]) -> int:
    """The status of the process, as ``resq.jobs`` reads it."""
    try:
        sys.stdout.write(f"{write()}\n")
    except (ResqError, OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{error}\n")
        return jobs.REFUSED
    return 0
