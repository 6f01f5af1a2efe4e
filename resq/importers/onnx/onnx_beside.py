"""Weights that an ONNX file keeps in files beside it: bounded, read, and put where the graph expects them.

Source: the ONNX specification of external data; torch's newer exporter writes NAME.onnx.data by default.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from resq.importers.formats.pickles import RefusedError

EXTERNAL = 1  # TensorProto.DataLocation
ADVICE = "save the model as one file (torch.onnx.export(..., external_data=False))"


def elsewhere(tensor: Any) -> bool:
    """Whether a tensor's numbers lie in another file."""
    return bool(tensor.data_location == EXTERNAL or tensor.external_data)


def numbers_file(tensor: Any, file: Path) -> Path:
    """Where the numbers of a tensor lie: a file in the folder of ``file`` itself.

    Raises:
        RefusedError: a name that leads elsewhere, or nothing there.
    """
    name = _entries(tensor).get("location", "")
    if not name or name in (".", "..") or any(c in name for c in "/\\:\0"):
        raise RefusedError(
            f"keeps {tensor.name[:80]!r} in {name[:80]!r}; expected the plain name of a file beside it"
        )
    there = file.parent / name
    folders = {file.parent.resolve(), file.resolve().parent}
    if not there.is_file():
        raise RefusedError(
            f"keeps {tensor.name[:80]!r} in another file, {name[:80]!r}, which is not beside it; {ADVICE}, "
            "or import it where both lie (python -m resq import)"
        )
    if there.resolve().parent not in folders:
        raise RefusedError(
            f"keeps {tensor.name[:80]!r} in {name[:80]!r}, a link that leads out of its folder"
        )
    return there


def filled(tensors: list[Any], file: Path, bits: dict[int, int], most: int) -> None:
    """Puts the numbers from beside ``file`` into these tensors, which then are as those of one file.

    Args:
        bits: of an element, by TensorProto's types.
        most: bytes that all of them may have.

    Raises:
        RefusedError: more bytes than that or than the other file has, or another number than the shape says.
    """
    wanted = [(t, *_span(t, numbers_file(t, file), bits)) for t in tensors if elsewhere(t)]
    if (size := sum(length for _, _, _, length in wanted)) > most:
        raise RefusedError(f"keeps {size} bytes of weights beside it; {most} may be read")
    for tensor, there, offset, length in wanted:
        with there.open("rb") as held:
            held.seek(offset)
            tensor.raw_data = held.read(length)
        del tensor.external_data[:]
        tensor.data_location = 0


def _span(tensor: Any, there: Path, bits: dict[int, int]) -> tuple[Path, int, int]:
    """The file, first byte and number of bytes of a tensor, all checked."""
    location, name = _entries(tensor), tensor.name[:80]
    if tensor.data_type not in bits or any(n < 0 for n in tensor.dims) or len(tensor.dims) > 8:
        raise RefusedError(f"keeps {name!r} in another file, of a kind or shape that no weight has")
    needed = -(-math.prod(tensor.dims) * bits[tensor.data_type] // 8)
    offset, length = _whole(location.get("offset", "0")), _whole(location.get("length", str(needed)))
    size = there.stat().st_size
    if length != needed or offset < 0 or offset + length > size:
        raise RefusedError(
            f"keeps {name!r}, {needed} bytes, as {length} bytes from {offset} of {there.name[:80]!r}, which "
            f"has {size}: these two files do not belong together"
        )
    return there, offset, length


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


def _entries(tensor: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}
