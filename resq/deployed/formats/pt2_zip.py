"""The zip that torch.export.save writes: where each of its parts lies in the file. Nothing is unpacked.

Source: torch/export/pt2_archive of torch 2.13 and the zip format's own document (PKWARE's APPNOTE).
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

from resq.deployed.words import RefusedError

MOST = 100_000  # parts
LARGEST_TEXT = 2**27  # bytes of JSON
LOCAL = 30  # bytes of a part's own header, before its name
AGAIN = "with a newer torch, save it again: torch.export.save(torch.export.load(file), file)"

Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Archive:
    """Parts by their name behind the archive's own, and the bytes that they are in the file."""

    raw: bytes
    parts: dict[str, Span]

    def text(self, name: str) -> Any:
        """A part that is JSON.

        Raises:
            RefusedError: there is none, it is too long, or it is something else.
        """
        begin, end = self.span(name)
        if end - begin > LARGEST_TEXT:
            raise RefusedError(f"has {end - begin} bytes of JSON in {name!r:.60}; at most {LARGEST_TEXT}")
        try:
            return json.loads(self.raw[begin:end])
        except (ValueError, RecursionError):
            raise RefusedError(f"has no JSON in {name!r:.60}: it is damaged") from None

    def span(self, name: str) -> Span:
        """Where a part begins and ends.

        Raises:
            RefusedError: there is none.
        """
        if name not in self.parts:
            raise RefusedError(f"has no part {name!r:.60}: it is damaged, or was not written by torch.export")
        return self.parts[name]


def opened(raw: bytes) -> Archive:
    """The parts of a .pt2 file.

    Raises:
        RefusedError: no zip, damaged, compressed, of an older torch, or with compiled code in it.
    """
    try:
        listed = zipfile.ZipFile(io.BytesIO(raw)).infolist()
        if len(listed) > MOST:
            raise RefusedError(f"has {len(listed)} parts; at most {MOST}")
        parts = {name: _span(raw, info) for info in listed for name in [_inner(info.filename)]}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, OSError, struct.error):
        raise RefusedError("is no .pt2 file of torch.export.save: it is no zip, or is damaged") from None
    _refuse(parts)
    return Archive(raw, parts)


def _inner(name: str) -> str:
    """A part's name without the archive's, which is the file's own name at the time."""
    return name.split("/", 1)[-1]


def _span(raw: bytes, info: zipfile.ZipInfo) -> Span:
    """Where the bytes of a part lie; (-1, -1): they are compressed."""
    if info.compress_type != zipfile.ZIP_STORED:
        return -1, -1
    at = info.header_offset
    mark, name, extra = struct.unpack_from("<4s22xHH", raw, at) if at >= 0 else (b"", 0, 0)
    begin = at + LOCAL + name + extra
    if mark != b"PK\x03\x04" or info.file_size != info.compress_size or begin + info.file_size > len(raw):
        raise zipfile.BadZipFile
    return begin, begin + info.file_size


def _refuse(parts: dict[str, Span]) -> None:
    if "serialized_exported_program.json" in parts:
        raise RefusedError(f"was written by torch before 2.8, which pickles its weights; {AGAIN}")
    if any(name.startswith("data/aotinductor/") for name in parts):
        raise RefusedError(
            "holds compiled code (AOTInductor), which is not run; save the program itself: "
            "torch.export.save(program, file)"
        )
    if "archive_format" not in parts or not any(name.startswith("models/") for name in parts):
        raise RefusedError("is a zip, but none of torch.export.save: it has no models/NAME.json")
    if any(span[0] < 0 for span in parts.values()):
        raise RefusedError("is compressed; torch.export.save writes its parts as they are: save it again")
