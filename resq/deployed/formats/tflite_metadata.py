"""TFLite metadata: what a file says of its own images and classes, where a tool has written that into it.

A flatbuffer within the file (the metadata entry ``TFLITE_METADATA``), and the names of classes in a zip
archive behind it.

Source: metadata_schema.fbs of TensorFlow Lite Support, version M001 (fields by their numbers).
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from resq.deployed.formats.flatbuffer import Table
from resq.deployed.words import RefusedError

NAME, KIND = "TFLITE_METADATA", b"M001"
NORMALIZATION = 1  # of the union ProcessUnitOptions
AXIS_LABELS = 2  # of the enum AssociatedFileType
LARGEST = 2**20  # bytes of names


@dataclass(frozen=True)
class Metadata:
    """What the metadata say; empty where they do not.

    Attributes:
        mean, std: of pixels from 0 to 255, one number or one per channel: (pixel - mean) / std.
        labels: the name of each output.
        wrong: a sentence, why what they say of pixels is not used.
        notes: sentences on what else is not used.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    wrong: str = ""
    notes: tuple[str, ...] = ()


def read(raw: bytes, model: Table, classes: int) -> Metadata:
    """What a file's metadata say of its input and output.

    Damaged metadata harm no file: they are not used, and a sentence says so.

    Args:
        classes: as many as the output has numbers; less than 1: not known.
    """
    try:
        graph = _graph(raw, model)
        if graph is None:
            return Metadata()
        mean, std = _normalization(graph)
    except RefusedError as error:
        return Metadata(wrong=f"has metadata that are not used: it {error}")
    try:
        return Metadata(mean, std, _labels(raw, graph, classes))
    except RefusedError as error:
        return Metadata(mean, std, notes=(f"the names of classes in its metadata are not used: it {error}",))


def _graph(raw: bytes, model: Table) -> Table | None:
    """The metadata of the one graph; None where there are none."""
    entry = next((one for one in model.tables(6) if one.text(0) == NAME), None)
    if entry is None:
        return None
    buffers, index = model.tables(4), entry.integer(1, "<I")
    if index >= len(buffers):
        raise RefusedError(f"names buffer {index}; it has {len(buffers)}")
    at, size = buffers[index].vector(0, 1)
    held = raw[at : at + size]
    if held[4:8] != KIND:
        raise RefusedError(f"has metadata of the kind {held[4:8]!r}; expected {KIND!r}")
    graphs = Table.root(held).tables(3)
    return graphs[0] if graphs else None


def _first(graph: Table, index: int) -> Table | None:
    ends = graph.tables(index)
    return ends[0] if ends else None


def _normalization(graph: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    taken = _first(graph, 2)
    units = taken.tables(4) if taken else []
    tables = [unit.table(1) for unit in units if unit.integer(0, "<B") == NORMALIZATION]
    if not tables or tables[0] is None:
        return (), ()
    if len(tables) > 1:
        raise RefusedError(f"normalises pixels {len(tables)} times; expected once")
    mean, std = (tuple(tables[0].array(i, "<f4").tolist()) for i in (0, 1))
    for name, values in (("mean", mean), ("deviation", std)):
        _check(name, values)
    return mean, std


def _check(name: str, values: Sequence[float]) -> None:
    if len(values) not in (1, 3):
        raise RefusedError(f"gives {len(values)} numbers as the {name}; expected one, or one per channel")
    least = 0 if name == "deviation" else -math.inf
    if not all(math.isfinite(value) and value > least for value in values):
        raise RefusedError(f"gives the {name} {', '.join(f'{v:g}' for v in values)}, which is none of pixels")


def _labels(raw: bytes, graph: Table, classes: int) -> tuple[str, ...]:
    output = _first(graph, 3)
    files = output.tables(6) if output else []
    name = next((file.text(0) for file in files if file.integer(2, "<b") == AXIS_LABELS), "")
    if not name:
        return ()
    labels = tuple(line.strip() for line in _beside(raw, name).splitlines() if line.strip())
    if classes > 0 and len(labels) != classes:
        raise RefusedError(f"names {len(labels)} classes and has {classes} outputs")
    return labels


def _beside(raw: bytes, name: str) -> str:
    """A text of the archive behind the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            about = archive.getinfo(name)
            if about.file_size > LARGEST:
                raise RefusedError(f"holds {about.file_size} bytes of names; up to {LARGEST} are read")
            with archive.open(about) as file:
                return file.read(LARGEST).decode("utf-8", "replace")
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
            ValueError) as error:  # fmt: skip
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(f"holds no {name[:60]!r} that can be read") from None
