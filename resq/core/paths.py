"""Where the project and its shipped files lie, and where the user's own files are written."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


ASSETS = ROOT / "assets"


def work() -> Path:
    """Where the user's own files are written: $RESQ_WORK, or work/ in the project."""
    return Path(os.environ.get("RESQ_WORK") or ROOT / "work").expanduser()
