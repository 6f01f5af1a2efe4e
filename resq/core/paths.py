"""Where the project and its shipped files lie, and where the user's own files are written."""

from __future__ import annotations

import os
from pathlib import Path

_ABOVE = Path(__file__).resolve().parents[2]
# A clone has its pyproject.toml beside the packages; what is installed has the shipped files in this one.
INSTALLED = not (_ABOVE / "pyproject.toml").is_file()


def _home() -> Path:
    """A folder of the user's own: an installed package lies where nobody writes."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "resq"


ROOT = _home() if INSTALLED else _ABOVE
ASSETS = _ABOVE / "resq" / "assets" if INSTALLED else _ABOVE / "assets"


def work() -> Path:
    """Where the user's own files are written: $RESQ_WORK, or work/ in the clone or the user's folder."""
    return Path(os.environ.get("RESQ_WORK") or ROOT / "work").expanduser()


def beside() -> Path:
    """The folder in which a process of ours begins: the clone, or the user's folder."""
    if INSTALLED:
        ROOT.mkdir(parents=True, exist_ok=True)
    return ROOT
