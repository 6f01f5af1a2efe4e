"""What a process may not do while hostile input is read: run anything, or touch files beyond its folder.

Python tells an audit hook of every open, remove, rename, process and connection. A hook stays for the life
of a process, so it asks a flag first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUNS = frozenset(
    "os.system os.exec os.spawn os.posix_spawn os.fork subprocess.Popen pty.spawn ctypes.dlopen "
    "socket.connect socket.bind socket.getaddrinfo urllib.Request webbrowser.open pickle.find_class".split()
)
CHANGES = frozenset(
    "os.remove os.rename os.mkdir os.rmdir os.chmod os.link os.symlink os.truncate os.utime shutil.copyfile "
    "shutil.move shutil.rmtree".split()
)
# What a Python process reads by itself: its modules, time zones, chance, and what the kernel says of it.
SYSTEM = "/usr/lib /usr/share /lib /dev/urandom /dev/null /proc /sys /etc/mime.types /etc/localtime".split()
READABLE = tuple(os.path.realpath(p) for p in (str(ROOT), sys.prefix, sys.base_prefix, *SYSTEM))
_watch: dict[str, Any] = {"on": False, "inside": (), "seen": [], "hooked": False}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watch["on"]:
        return
    if event in RUNS:
        _note(f"{event} {str(arguments)[:120]}")
    elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened(os.fsdecode(arguments[0]), arguments[1], arguments[2])
    elif event in CHANGES:
        paths = [os.fsdecode(a) for a in arguments if isinstance(a, str | bytes | os.PathLike)]
        for path in paths:
            if not _within(path, _watch["inside"]):
                _note(f"{event} {path[:120]}")


def _opened(path: str, mode: Any, flags: Any) -> None:
    writes = bool(isinstance(mode, str) and set(mode) & set("wax+")) or bool(
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
    allowed = _watch["inside"] if writes else (*_watch["inside"], *READABLE)
    if not _within(path, allowed):
        _note(f"{'write' if writes else 'read'} {path[:120]}")


def _within(path: str, folders: tuple[str, ...]) -> bool:
    return os.path.realpath(path).startswith(folders)


def _note(what: str) -> None:
    _watch["seen"].append(what)


@contextmanager
def watched(*inside: Path) -> Iterator[list[str]]:
    """A list in which all is noted that should not be done; writing is allowed ``inside`` alone."""
    if not _watch["hooked"]:
        sys.addaudithook(_hook)
        _watch["hooked"] = True
    seen: list[str] = []
    _watch.update(inside=tuple(str(p.resolve()) for p in inside), seen=seen, on=True)
    try:
        yield seen
    finally:
        _watch["on"] = False
