"""Messages between the lab and the process that runs a file: a JSON head and plain numbers, no pickles.

What comes from that process is data from an untrusted file's runtime: it is never unpickled, and its size is
checked before memory is taken.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from resq.core.errors import ResqError

DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
LARGEST_HEAD, LARGEST = 2**26, 2**33  # bytes
NONE: tuple[np.ndarray, ...] = ()


def send(to: IO[bytes], head: dict[str, Any], arrays: Sequence[np.ndarray] = NONE) -> None:
    """Writes a message.

    The arrays may have any shape and type.
    """
    about = [[a.dtype.name, list(a.shape)] for a in arrays]
    text = json.dumps({**head, "arrays": about}).encode()
    to.write(struct.pack("<I", len(text)) + text)
    for array in arrays:
        if array.size:  # a view of nothing cannot be cast
            to.write(_bytes(np.ascontiguousarray(array)))
    to.flush()


def receive(source: IO[bytes]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Reads a message.

    The arrays come in the shape and type in which they were sent.

    Raises:
        EOFError: the other side has gone.
        ValueError: no message of this form.
    """
    (size,) = struct.unpack("<I", _exactly(source, 4))
    if size > LARGEST_HEAD:
        raise ResqError(f"a message's head has {size} bytes; at most {LARGEST_HEAD}")
    head = json.loads(_exactly(source, size))
    return head, [_array(source, *about) for about in head.pop("arrays")]


def _array(source: IO[bytes], dtype: str, shape: Sequence[int]) -> np.ndarray:
    if dtype not in DTYPES or any(not isinstance(n, int) or n < 0 for n in shape):
        raise ResqError(f"a message holds numbers of {dtype!r:.20} and shape {shape!r:.60}")
    kind, count = np.dtype(dtype), 1
    for n in shape:
        count *= n
    if count * kind.itemsize > LARGEST:
        raise ResqError(f"a message holds {count * kind.itemsize} bytes; at most {LARGEST}")
    array = np.empty(shape, kind)
    if count:
        _fill(source, _bytes(array))
    return array


def _bytes(array: np.ndarray) -> memoryview:
    """The memory of a whole array, byte by byte."""
    return array.reshape(-1).view(np.uint8).data


def _exactly(source: IO[bytes], size: int) -> bytes:
    part = bytearray(size)
    _fill(source, memoryview(part))
    return bytes(part)


def _fill(source: IO[bytes], into: memoryview) -> None:
    done = 0
    while done < len(into):
        got = source.readinto(into[done:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError("the other side has gone")
        done += got
