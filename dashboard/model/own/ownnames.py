"""Names of the networks that visitors bring: one's own word and the file's digits; no streamlit."""

from __future__ import annotations

import re
from pathlib import Path

from resq.core import paths
from resq.core.errors import ResqError
from resq.measure.store import database, rows_by_key

LONGEST = 24  # letters of one's own word
ENDINGS = (".json", ".safetensors")


def of_file(file: str) -> str:
    """The word for a file: its name without folders and ending.

    >>> of_file("C:/runs/My ResNet_18 (best).pth.tar")
    'My ResNet_18 (best)'
    """
    return re.split(r"[/\\]", file)[-1].partition(".")[0]


def word(called: str) -> str:
    """A word of small letters, digits and hyphens; empty where nothing of it is left.

    >>> word("My ResNet_18 (best)"), word("../..")
    ('my-resnet-18-best', '')
    """
    return re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-")[:LONGEST].rstrip("-")


def digits(name: str) -> str:
    """The first eight hex digits of the file that a brought network came from.

    Raises:
        ResqError: it was not brought.
    """
    match = re.fullmatch(r"own-(?:[a-z0-9-]+-)?([0-9a-f]{8})", name.rpartition("/")[2])
    if match is None:
        raise ResqError(f"{name!r} was not brought here, so it keeps its name")
    return match[1]


def rename(name: str, called: str) -> str:
    """Moves a brought network, and the rows measured of it, to another name; the name that it has then.

    Raises:
        ResqError: it was not brought; or of the new name nothing is left.
    """
    mark, own = digits(name), word(called)
    if not own:
        raise ResqError(f"a name has letters or digits, got {called[:40]!r}")
    new = f"{name.rpartition('/')[0]}/own-{own}-{mark}"
    if new == name:
        return name
    for there, then in zip(_files(name), _files(new), strict=True):
        if there.exists():
            there.replace(then)
    if database.there():
        rows_by_key.rename(name, new)
    return new


def delete(name: str) -> None:
    """Removes a brought network; the card first, so that nobody finds half of it.

    Raises:
        ResqError: it was not brought.
    """
    digits(name)
    for there in _files(name):
        there.unlink(missing_ok=True)


def _files(name: str) -> tuple[Path, ...]:
    return tuple(paths.work() / "weights" / f"{name}{ending}" for ending in ENDINGS)
