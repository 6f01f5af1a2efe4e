"""Whether a folder of parquet files holds one split twice, so that every image would count double."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from resq.core.errors import ResqError

IMAGES = ("img", "image")
SHARE = 0.5  # of a file's images that another one holds too: real sets repeat a few by chance
SHARDS = re.compile(r"(.*)-(\d+)-of-(\d+)")


def refuse(files: Sequence[Path], tables: Sequence[pa.Table]) -> None:
    """Nothing, where every file adds images of its own.

    Raises:
        ValueError: two sets of shards are both whole, or two files hold the same images; the sentence names
            them.
    """
    whole = _whole_sets(files)
    if len(whole) > 1:
        _sorry(whole[0], whole[1], "two whole sets of shards")
    if len(files) < 2:
        return
    held = [_digests(table) for table in tables]
    for i, one in enumerate(held):
        for j in range(i):
            shared = len(one & held[j])
            if shared > SHARE * min(len(one), len(held[j])):
                _sorry(files[j], files[i], f"{shared} equal images")


def _sorry(one: Path, other: Path, what: str) -> None:
    raise ResqError(
        f"{one.parent.name}/{one.name} and {other.parent.name}/{other.name} are one split stored twice "
        f"({what}); keep one of them"
    )


def _whole_sets(files: Iterable[Path]) -> list[Path]:
    """The first shard of every set NAME-i-of-N that has all its N shards."""
    sets: dict[tuple[Path, str, int], set[int]] = {}
    first: dict[tuple[Path, str, int], Path] = {}
    for file in files:
        if match := SHARDS.fullmatch(file.stem):
            key = (file.parent, match[1], int(match[3]))
            sets.setdefault(key, set()).add(int(match[2]))
            first.setdefault(key, file)
    return [first[key] for key, there in sets.items() if len(there) == key[2]]


def _digests(table: pa.Table) -> set[bytes]:
    """A digest of every encoded image."""
    name = next((n for n in IMAGES if n in table.column_names), None)
    if name is None:
        return set()
    return {hashlib.blake2b(_bytes(cell), digest_size=12).digest() for cell in table[name].to_pylist()}


def _bytes(cell: Any) -> bytes:
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    return encoded if isinstance(encoded, bytes) else repr(encoded).encode()
