"""Images of one's own in one file: a zip of a folder of pictures, or a parquet file of encoded pictures."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from resq.core.errors import ResqError
from resq.data import arrays, decode, folders, pictures

Size = tuple[int, int]
Found = tuple[np.ndarray, np.ndarray, tuple[str, ...]]
LARGEST = 64 * 2**20  # bytes of one encoded picture


def read_zip(file: Path, size: Size) -> Found:
    """Pictures CLASS/*.png of an archive, below any one folder: pixels, labels, names of the classes.

    Nothing is unpacked on the disk.

    Args:
        size: (height, width) that they are brought to; (0, 0): their own.

    Raises:
        ValueError: not such a file; the sentence says why.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            groups = _groups(file, archive)
            labels = pictures.ordered(groups)
            listed = [one for label in labels for one in groups[label]]
            cells = ((one.filename, _unpacked(archive, one)) for one in listed)
            pixels = decoded(cells, len(listed), size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ResqError(f"{file.name} cannot be read as a .zip file: {error}") from None
    return pixels, np.repeat(np.arange(len(labels)), [len(groups[label]) for label in labels]), labels


def _groups(file: Path, archive: zipfile.ZipFile) -> dict[str, list[zipfile.ZipInfo]]:
    """Class -> its pictures in the order of their names; those of test/ where there is one."""
    roots: dict[PurePosixPath, dict[str, list[zipfile.ZipInfo]]] = {}
    for one in sorted(archive.infolist(), key=lambda i: i.filename):
        path = PurePosixPath(one.filename)
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if path.suffix.lower() in pictures.SUFFIXES and not hidden and len(path.parts) > 1:
            roots.setdefault(path.parent.parent, {}).setdefault(path.parent.name, []).append(one)
    chosen = [root for root in roots if root.name == "test"] or list(roots)
    if len(chosen) != 1:
        content = (
            f"pictures below {len(chosen)} folders" if chosen else "no folders with .png or .jpg pictures"
        )
        raise ResqError(f"{file.name} holds {content}; expected one folder of pictures per class, all in one")
    return roots[chosen[0]]


def _unpacked(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> bytes:
    if one.file_size > LARGEST:
        raise ResqError(f"{one.filename[-60:]} has {one.file_size} bytes; a picture may have {LARGEST}")
    return archive.read(one)


def read_parquet(file: Path, size: Size) -> Found:
    """Encoded pictures and labels of a parquet file, as the Hugging Face hub has them; as ``read_zip``.

    Labels are whole numbers, or names, which are then ordered as text.
    """
    try:
        head = pq.read_schema(file)
        image, label = (
            folders._column(head.empty_table(), names, file) for names in (folders.IMAGES, folders.LABELS)
        )
        table = pq.read_table(file, columns=[image, label])
    except (pa.ArrowException, OSError) as error:
        raise ResqError(f"{file.name} cannot be read as a .parquet file: {str(error)[:200]}") from None
    y, labels = _labels(file, table[label].to_pylist(), _names(head, label))
    cells = ((f"the image in row {i}", _cell(i, cell.as_py())) for i, cell in enumerate(table[image]))
    return decoded(cells, len(table), size, decode.CELLS), y, labels


def _names(head: pa.Schema, label: str) -> tuple[str, ...]:
    """Names of the classes, where the file carries the hub's own description of its columns."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        about = json.loads((head.metadata or {})[b"huggingface"])
        return tuple(map(str, about["info"]["features"][label]["names"]))
    return ()


def _labels(file: Path, values: list[Any], names: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    if values and all(isinstance(v, str) for v in values):
        names = pictures.ordered(set(values))
        values = [names.index(v) for v in values]
    if not values or not all(isinstance(v, int) and 0 <= v < (len(names) or 100_000) for v in values):
        raise ResqError(
            f"{file.name} has {len(values)} labels; expected names, or whole numbers from 0"
            f"{f' to {len(names) - 1}' if names else ''}"
        )
    return np.asarray(values, np.int64), names or tuple(map(str, range(max(values) + 1)))


def _cell(row: int, cell: Any) -> bytes:
    held = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(held, bytes):
        raise ResqError(f"the image in row {row} is a {type(held).__name__}; expected an encoded picture")
    return held


def decoded(
    cells: Iterable[tuple[str, Path | bytes]],
    n: int,
    size: Size,
    formats: tuple[str, ...] = decode.PICTURES,
) -> np.ndarray:
    """Pictures as uint8 (N, 3, H, W), all of one size.

    Args:
        cells: (what it is called, a file or its bytes) of each of the ``n``.
        size: as in ``read_zip``.

    Raises:
        ValueError: one cannot be read, or has another size than the first.
    """
    pixels: np.ndarray = np.empty(0, np.uint8)
    for i, (name, image) in enumerate(_images(cells, formats)):
        wanted = size if any(size) else (image.height, image.width)
        if not i:
            pixels = _room(n, wanted)
        if pixels.shape[2:] != wanted:
            raise ResqError(
                f"{name} has {image.height}x{image.width} pixels, the first picture "
                f"{pixels.shape[2]}x{pixels.shape[3]}; say --size, such as 224x224, to bring all to one"
            )
        resized = (
            image if image.size == wanted[::-1] else image.resize(wanted[::-1], Image.Resampling.BILINEAR)
        )
        pixels[i] = np.asarray(resized).transpose(2, 0, 1)
    return pixels


def _room(n: int, wanted: Size) -> np.ndarray:
    if n * 3 * wanted[0] * wanted[1] > arrays.LARGEST:
        raise ResqError(
            f"{n} pictures of {wanted[0]}x{wanted[1]} pixels take more than {arrays.LARGEST} bytes; give "
            "fewer, or say a smaller --size"
        )
    return np.empty((n, 3, *wanted), np.uint8)


def _images(
    cells: Iterable[tuple[str, Path | bytes]], formats: tuple[str, ...]
) -> Iterator[tuple[str, Image.Image]]:
    for name, source in cells:
        try:
            yield name, decode.rgb(source, formats)[0]
        except ValueError as error:
            raise ResqError(f"{name} cannot be read as a picture: {error}") from None
