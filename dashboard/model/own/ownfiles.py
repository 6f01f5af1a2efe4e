"""Deployed files that visitors bring: kept by their hash, never read here. No streamlit."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

from dashboard.model.own import uploads
from resq.core.errors import ResqError
from resq.core.files import write_bytes
from resq.core.paths import work
from resq.deployed.network import named

ENDINGS = ("tflite", "onnx", "pt2")
RECENT = 3600.0  # s; a file that a page showed within it is in use

_shown: dict[str, float] = {}


def folder() -> Path:
    """Where they lie: NAME@HASH8.ext, as ``resq.deployed.network.find`` looks for them."""
    return work() / "deployed"


def names() -> list[str]:
    """Those that are kept, the latest first."""
    files = [f for ending in ENDINGS for f in folder().glob(f"*@????????.{ending}")]
    return [f.name for f in sorted(files, key=_when, reverse=True)]


def keep(raw: bytes, file: str) -> tuple[str, str]:
    """Keeps a file; its name, the same for the same file, and a sentence on what made room for it, or "".

    Nothing in it is read: that is done in a process of its own.

    Raises:
        ResqError: another ending, too large, or as many kept as may and all of them in use.
    """
    stem, _, ending = file.replace("\\", "/").rpartition("/")[2].rpartition(".")
    if ending.lower() not in ENDINGS:
        raise ResqError(f"{file[-60:]!r} is none of .{', .'.join(ENDINGS)}")
    if not raw:
        raise ResqError(f"{file[-60:]!r} is empty")
    if len(raw) > uploads.MOST_WEIGHTS:
        raise ResqError(
            f"the file has {len(raw) / 2**20:.1f} MB; up to {uploads.MOST_WEIGHTS >> 20} MB are kept here"
        )
    digest = hashlib.sha256(raw).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", stem.removesuffix(f"@{digest[:8]}"))[:48].strip("_") or "network"
    name = named(f"{plain}.{ending.lower()}", digest)
    there = folder() / name
    note = "" if there.is_file() else _room()
    if there.is_file() and hashlib.sha256(there.read_bytes()).hexdigest() != digest:
        raise ResqError(f"another file is kept as {name}; give yours another name")
    write_bytes(there, raw)
    touch(name)
    return name, note


def delete(name: str) -> None:
    """Removes a kept file; rows that were measured of it stay in the store.

    Raises:
        ResqError: no such file is kept.
    """
    if name not in names():
        raise ResqError(f"no file {name[:80]!r} is kept here")
    (folder() / name).unlink(missing_ok=True)
    _shown.pop(name, None)


def touch(name: str) -> None:
    """Notes that a page has just shown a file."""
    _shown[name] = time.time()


def _room() -> str:
    """Removes the oldest file that is not in use where as many are kept as may; says which."""
    files = names()
    if len(files) < uploads.MOST_KEPT:
        return ""
    oldest = files[-1]
    if _when(folder() / oldest) > time.time() - RECENT:
        raise ResqError(
            f"{len(files)} files are kept here already, as many as may, and all were shown within the last "
            "hour; try again later, or run the command below on your own machine"
        )
    (folder() / oldest).unlink(missing_ok=True)
    return f"{oldest} was removed to make room: {uploads.MOST_KEPT} files are kept"


def _when(file: Path) -> float:
    """When a file was last brought or shown, in seconds since 1970."""
    try:
        return max(file.stat().st_mtime, _shown.get(file.name, 0.0))
    except OSError:  # gone in between
        return 0.0
