"""Images that visitors bring for a deployed file: kept by their hash, looked at by a process of its own.

No streamlit.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dashboard.model.own import uploads
from resq.core.errors import ResqError
from resq.core.files import write_bytes, write_text
from resq.core.paths import work

ENDINGS = ("npz", "parquet", "zip")
MOST = uploads.MOST_WEIGHTS  # bytes of a file
UNPACKED = 512 * 2**20  # bytes of its pixels, which this server holds while somebody looks at them
RECENT = 3600.0  # s; images that somebody brought within it are in use
ABOUT = "about.json"

Look = Callable[[list[str]], Mapping[str, Any]]


def folder() -> Path:
    """Where they lie, each file in a folder named by its hash, with what was found in it beside it."""
    return work() / "deployed" / "images"


def names() -> dict[str, int]:
    """The names that rows carry -> how many images, the latest first."""
    counts = {}
    for note in sorted(folder().glob(f"*/{ABOUT}"), key=lambda n: n.stat().st_mtime, reverse=True):
        with suppress(OSError, ValueError, KeyError):
            about = json.loads(note.read_text(encoding="utf-8"))
            counts[str(about["name"])] = int(about["images"])
    return counts


def keep(raw: bytes, file: str, look: Look, size: str = "", classes: str = "") -> str:
    """Keeps a file of images; the name that rows carry, the same for the same file, size and classes.

    Args:
        size: that pictures of many sizes are brought to, such as 224x224; "": their own.
        classes: the class of each output, with commas between them; "": in the order of the data.
        look: words after ``python -m resq`` -> what that command says, in a process of its own.

    Raises:
        ResqError: they cannot be used, or as many are kept as may and all are in use; nothing is kept then.
    """
    stem, _, ending = file.replace("\\", "/").rpartition("/")[2].rpartition(".")
    if ending.lower() not in ENDINGS:
        raise ResqError(f"{file[-60:]!r} is none of .{', .'.join(ENDINGS)}")
    if not raw:
        raise ResqError(f"{file[-60:]!r} is empty")
    if len(raw) > MOST:
        raise ResqError(f"the file has {len(raw) / 2**20:.1f} MB; up to {MOST >> 20} MB are kept here")
    given = {"size": "".join(size.split()), "classes": classes.strip()}
    flags = [f"--{name}={value}" for name, value in given.items() if value]
    there = folder() / hashlib.sha256(raw + "".join(flags).encode()).hexdigest()[:16]
    known = there.is_dir()
    if not known:
        _room()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:48].strip("_") or "images"
    if not (known and (there / ABOUT).is_file()):
        write_bytes(there / f"{plain}.{ending.lower()}", raw)
    try:
        return _looked(next(p for p in there.iterdir() if p.name != ABOUT), look, flags)
    except ResqError as error:
        shutil.rmtree(there, ignore_errors=True)
        raise ResqError(str(error).replace(f"{there}/", "")) from None


def _looked(held: Path, look: Look, flags: list[str]) -> str:
    about = look(["data", str(held), *flags])
    if about["bytes"] > UNPACKED:
        raise ResqError(
            f"its {about['images']} images have {about['bytes'] / 2**20:.0f} MB of pixels; up to "
            f"{UNPACKED >> 20} MB are kept here"
        )
    write_text(held.parent / ABOUT, json.dumps({"name": about["name"], "images": about["images"]}))
    return str(about["name"])


def _room() -> None:
    """Removes the oldest images where as many are kept as may."""
    folders = sorted((p for p in folder().glob("*") if p.is_dir()), key=lambda p: p.stat().st_mtime)
    if len(folders) < uploads.MOST_KEPT:
        return
    if folders[0].stat().st_mtime > time.time() - RECENT:
        raise ResqError(
            f"{len(folders)} files of images are kept here already, as many as may, all brought within the "
            "last hour; try again later"
        )
    shutil.rmtree(folders[0], ignore_errors=True)
