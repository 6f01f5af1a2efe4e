"""Which tensors lie where in a file of torch.save, in its zip format or the one before it."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from resq.importers.formats import flattened, kinds, pickles, states
from resq.importers.formats.pickles import RefusedError, Storage, View
from resq.importers.formats.states import NESTS as NESTS
from resq.importers.formats.subclasses import Parts
from resq.importers.formats.tensors import HEADER, SIZES, Found, Listing, Plain, describe, span

ENTRIES = 20_000  # parts of a zip
MAGIC = 0x1950A86A20F9469CFC6C  # begins torch files from before the zip format


def zipped(file: Path, size: int, state: str = "") -> Listing:
    """The tensors of a zip, the format since torch 1.6."""
    _check_directory(file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            return _archive(archive, file, size, state)
    # zipfile is strict, but names its reasons with many classes; RuntimeError is a password.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, struct.error,
            UnicodeDecodeError, OverflowError) as error:  # fmt: skip
        raise RefusedError(f"is a damaged zip ({str(error)[:80]})") from None


def _check_directory(file: Path, size: int) -> None:
    """Bounds the zip's list of contents, which zipfile reads as a whole."""
    with file.open("rb") as f:
        f.seek(max(0, size - 66_000))
        tail = f.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise RefusedError("is a cut-off zip: its list of contents is missing")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if length > HEADER:
        raise RefusedError(f"has a list of contents of {length} bytes; it may have {HEADER}")


def _archive(archive: zipfile.ZipFile, file: Path, size: int, state: str) -> Listing:
    entries = {entry.filename: entry for entry in archive.infolist()}
    other = kinds.zipped(list(entries))
    if other:
        raise RefusedError(other)
    claimed = sum(entry.file_size for entry in archive.infolist())
    if claimed > size or len(archive.infolist()) > ENTRIES:
        raise RefusedError(
            f"claims {claimed} bytes in {len(archive.infolist())} parts, but has {size}; torch.save does not "
            "compress, so this is no checkpoint"
        )
    roots = [name.removesuffix("data.pkl") for name in entries if name.split("/")[1:] == ["data.pkl"]]
    if len(roots) != 1:
        raise RefusedError("is a zip without data.pkl, so torch.save did not write it")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
        raise RefusedError("is a compressed zip; torch.save does not compress")
    if entries[roots[0] + "data.pkl"].file_size > HEADER:
        raise RefusedError(f"describes its tensors in more than {HEADER} bytes")
    damaged = archive.testzip()  # the sums of all parts
    if damaged:
        raise RefusedError(f"is damaged: the checksum of {damaged[:80]} does not fit")
    if roots[0] + "byteorder" in entries and archive.read(roots[0] + "byteorder") != b"little":
        raise RefusedError("was written on a big-endian machine")
    value = pickles.read(io.BytesIO(archive.read(roots[0] + "data.pkl")))
    places = {
        name.removeprefix(roots[0] + "data/"): (_start(file, entry), entry.file_size)
        for name, entry in entries.items()
    }
    return _tensors(value, places, "torch zip", state)


def _start(file: Path, entry: zipfile.ZipInfo) -> int:
    """The byte at which a stored part's content begins, after its name and padding."""
    with file.open("rb") as f:
        f.seek(entry.header_offset + 26)
        name, extra = struct.unpack("<HH", f.read(4))
    return entry.header_offset + 30 + name + extra


def legacy(file: Path, size: int, state: str = "") -> Listing:
    """The tensors of a file in the format before it: pickles, then the storages one after the other."""
    with file.open("rb") as f:
        head = io.BytesIO(f.read(2 * HEADER))
    if pickles.read(head) != MAGIC:
        raise RefusedError("is a pickle, but not one that torch.save wrote")
    _version, system, value, keys = (pickles.read(head) for _ in range(4))
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise RefusedError("was written on a big-endian machine")
    sorts = {v.storage.key: v.storage.kind for v in _views(value)}
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RefusedError("lists its storages by something else than names")
    return _tensors(value, _storages(file, size, head.tell(), keys, sorts), "torch legacy", state)


def _storages(
    file: Path, size: int, at: int, keys: list[str], kinds: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """Start and bytes of each storage: a count of elements, then they, one storage after the other."""
    places = {}
    with file.open("rb") as f:
        for key in keys:
            f.seek(at)
            count = int.from_bytes(f.read(8), "little")
            if key not in kinds or at + 8 + count * SIZES[kinds[key]] > size:
                raise RefusedError(f"is cut off: the storage {key[:40]!r} claims {count} elements")
            places[key] = (at + 8, count * SIZES[kinds[key]])
            at += 8 + places[key][1]
    return places


def _views(value: Any) -> list[View]:
    """All tensors in nested dicts and lists, each container once."""
    views, todo, seen = [], [value], set()
    while todo:
        item = todo.pop()
        if isinstance(item, View):
            views.append(item)
        elif isinstance(item, Parts):
            todo.extend(item.tensors.values())
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(item.values() if isinstance(item, dict) else item)
    return views


def _tensors(value: Any, places: Mapping[str, tuple[int, int]], form: str, state: str) -> Listing:
    """The state dict in what a file describes, wherever it is nested."""
    chosen = states.chosen(value, state)
    tensors: dict[str, Any] = {}
    about: dict[str, str] = {}
    for name, item in flattened.flat(chosen.tensors, about).items():
        tensors[name] = _place(name, item, places) if isinstance(item, View) else Plain(np.asarray(item))
    return Listing(
        tensors, form, chosen.ordered, chosen.nest, about, chosen.beside, chosen.by_key, chosen.names
    )


def _place(name: str, view: View, places: Mapping[str, tuple[int, int]]) -> Found:
    """A tensor's place in the file.

    Raises:
        RefusedError: it claims elements that its storage does not have.
    """
    storage: Storage = view.storage
    start, size = places.get(storage.key, (0, 0))
    there, first = size // SIZES[storage.kind], storage.offset + view.offset
    reach = first + span(view.shape, view.strides)
    if max(reach, math.prod(view.shape)) > there or storage.key not in places:
        raise RefusedError(
            f"claims {math.prod(view.shape)} elements for {name[:80]!r} of shape {describe(view.shape)}, "
            f"but stores {there}"
        )
    return Found(start + first * SIZES[storage.kind], storage.kind, view.shape, view.strides)
