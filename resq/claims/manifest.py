"""The hashes of all shipped files that numbers come from: one altered byte is noticed and named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from resq.core.errors import ResqError
from resq.core.paths import ASSETS

ASSETS = ASSETS
NAME = "MANIFEST.json"
ROOMS = ("weights", "cards", "results", "claims", "specs")  # pictures and texts decide no number


def hashes(assets: Path | None = None) -> dict[str, str]:
    """SHA-256 of every file below the rooms, by its path from ``assets``."""
    assets = assets or ASSETS
    files = [p for room in ROOMS for p in sorted((assets / room).rglob("*")) if p.is_file()]
    return {p.relative_to(assets).as_posix(): _digest(p) for p in files if not p.name.startswith(".")}


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read(assets: Path | None = None) -> dict[str, str]:
    """The committed hashes.

    Raises:
        ValueError: no manifest, or one that is not readable; the sentence says how to make it.
    """
    file = (assets or ASSETS) / NAME
    try:
        files = json.loads(file.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResqError(
            f"{file.name} is not readable ({error}); python -m resq verify --write makes it"
        ) from None
    if not isinstance(files, dict):
        raise ResqError(f"{file.name} must hold a table of files, got {type(files).__name__}")
    return {str(name): str(digest) for name, digest in files.items()}


def write(assets: Path | None = None) -> Path:
    """Makes the manifest of what lies there now; the file."""
    file = (assets or ASSETS) / NAME
    comment = "made by python -m resq verify --write; SHA-256 of every shipped file that numbers come from"
    file.write_text(
        json.dumps({"about": comment, "files": hashes(assets)}, indent=1) + "\n", encoding="utf-8"
    )
    return file


def differences(expected: Mapping[str, str], hashes: Mapping[str, str]) -> list[str]:
    """One sentence per file that is not the one of the manifest, sorted; none means all are.

    >>> differences({"weights/a": "00", "weights/b": "11"}, {"weights/a": "22", "weights/c": "33"})
    ['weights/a was altered: SHA-256 22…, expected 00…', 'weights/b is missing', 'weights/c is new']
    """
    sentences = []
    for name in sorted({*expected, *hashes}):
        if name not in hashes:
            sentences.append(f"{name} is missing")
        elif name not in expected:
            sentences.append(f"{name} is new")
        elif hashes[name] != expected[name]:
            sentences.append(
                f"{name} was altered: SHA-256 {hashes[name][:16]}…, expected {expected[name][:16]}…"
            )
    return sentences
