"""Atomic writes: a reader sees the old file or the new one, and a full disk leaves the old one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path


def part(file: Path) -> Path:
    """The file beside ``file`` that is written first.

    >>> part(Path("a/rows.parquet")).name
    'rows.parquet.part'
    """
    return file.with_name(file.name + ".part")


def write_with(file: Path, write: Callable[[Path], object]) -> None:
    """Has ``write`` make the file under another name, then gives it its own; makes its folder where needed.

    The other name belongs to this thread alone: of two that write one file at once the later one's stays.

    Raises:
        OSError: the file cannot be written; nothing of it is left, and an older ``file`` is untouched.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    mine = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        write(mine)
        mine.replace(file)
    except BaseException:
        mine.unlink(missing_ok=True)
        raise


def write_bytes(file: Path, content: bytes) -> None:
    """``content`` as the whole of ``file``.

    Raises:
        OSError: as ``write_with`` says.
    """
    write_with(file, lambda path: path.write_bytes(content))


def write_text(file: Path, content: str) -> None:
    """``content`` in UTF-8 as the whole of ``file``.

    Raises:
        OSError: as ``write_with`` says.
    """
    write_with(file, lambda path: path.write_text(content, encoding="utf-8"))


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Writes several files that belong together: all beside the old ones first, then each into its place.

    Raises:
        OSError: one cannot be written; the old ones are untouched.
    """
    try:
        for file, content in contents.items():
            part(file).write_bytes(content)
    except OSError:
        for file in contents:
            part(file).unlink(missing_ok=True)
        raise
    for file in contents:
        part(file).replace(file)
