"""Which tensors lie where in a file: names, shapes and places are known before any of them is read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from resq.checkpoints import LARGEST
from resq.core.errors import ResqError
from resq.importers.formats import floats, kinds, torch_files
from resq.importers.formats.pickles import RefusedError
from resq.importers.formats.tensors import HEADER, SIZES, Found, Listing, contiguous, describe

SAFETENSORS = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bf16", "I64": "i8", "I32": "i4", "I16": "i2",
               "I8": "i1", "U8": "u1", "BOOL": "b1", **floats.UNSIGNED,
               **{name: name for name in floats.SMALL}}  # fmt: skip
PACKED = (
    "several numbers to a byte with their scales elsewhere; expected floats of 8 bits or more: save the "
    "dequantized weights"
)
UNREAD = {"F4": PACKED, "F6_E2M3": PACKED, "F6_E3M2": PACKED,
          "C64": "complex numbers; expected real ones"}  # fmt: skip


def listing(file: Path, state: str = "") -> Listing:
    """The tensors of a .safetensors file or a torch file of either format.

    Args:
        state: which state dict of a torch file that holds several; empty: the only one.

    Raises:
        ValueError: there is no such file, or it is something else, damaged or too large.
    """
    if not file.is_file():
        raise ResqError(f"no file at {file}" if not file.exists() else f"{file.name} is not a file")
    size = file.stat().st_size
    if size > LARGEST:
        raise ResqError(f"{file.name} has {size} bytes; a checkpoint has at most {LARGEST}")
    try:
        return _listing(file, size, state)
    except RefusedError as error:
        raise ResqError(f"{file.name} {error}") from None
    except OSError as error:
        raise ResqError(f"{file.name} cannot be read: {error.strerror}") from None


def _listing(file: Path, size: int, state: str) -> Listing:
    with file.open("rb") as f:
        head = f.read(512)
    if file.suffix == ".safetensors":
        return _safetensors(file, size)
    other = kinds.named(file.name, head)
    if other:
        raise RefusedError(other)
    if head.startswith(b"PK"):
        return torch_files.zipped(file, size, state)
    if head[257:262] == b"ustar":
        raise RefusedError("is a tar, torch's format before 0.1.12; load and save it with a newer torch")
    if head[:1] == b"\x80":
        return torch_files.legacy(file, size, state)
    raise RefusedError("is neither a .safetensors file nor one that torch.save wrote")


def _safetensors(file: Path, size: int) -> Listing:
    with file.open("rb") as f:
        raw = f.read(8)
        length = int.from_bytes(raw, "little")
        if len(raw) < 8 or length > min(HEADER, size - 8):
            raise RefusedError(
                f"claims a header of {length} bytes; it may have {max(0, min(HEADER, size - 8))}"
            )
        text = f.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError("has a header that is not JSON") from None
    if not isinstance(header, dict):
        raise RefusedError("has a header that is no JSON object")
    about = header.pop("__metadata__", {})
    about = {k: v for k, v in about.items() if isinstance(v, str)} if isinstance(about, dict) else {}
    tensors = {k: _entry(k, v, 8 + length, size) for k, v in header.items()}
    return Listing(tensors, "safetensors", False, about=about)


def _entry(name: str, entry: Any, base: int, size: int) -> Found:
    """A tensor as the header has it, its place checked."""
    try:
        if entry["dtype"] in UNREAD:
            raise RefusedError(f"holds {name[:80]!r} as {entry['dtype']}, {UNREAD[entry['dtype']]}")
        kind, shape, (begin, end) = SAFETENSORS[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        sound = all(type(n) is int and 0 <= n < 2**48 for n in (*shape, begin, end)) and len(shape) <= 8
    except RefusedError:
        raise
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise RefusedError(f"describes {name[:80]!r} by something else than a dtype, a shape and two offsets")
    if end - begin != math.prod(shape) * SIZES[kind] or base + end > size:
        raise RefusedError(
            f"gives {name[:80]!r} of shape {describe(shape)} the bytes {begin} to {end}; "
            f"it takes {math.prod(shape) * SIZES[kind]}, and the file has {size - base}"
        )
    return Found(base + begin, kind, shape, contiguous(shape))
