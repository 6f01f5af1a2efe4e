"""Shards of a data set: parquet files of encoded pictures and labels -> pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from tqdm import tqdm

from resq.core.errors import ResqError
from resq.data import decode, tracks, twice

IMAGES, LABELS = ("img", "image"), ("label", "labels", "fine_label")
PATH = "path of the image"  # of a picture that is stored as Hugging Face's bytes and path
NAMES = ("filename", "Path", "path", PATH)  # columns that may name a picture's file


def read(files: list[Path]) -> dict[str, np.ndarray]:
    """Decodes shards: pixels uint8 (N, 3, 32, 32), y int64 (N,), groups int64 (N,) where there are tracks.

    Raises:
        ValueError: no columns of images and labels, a split that is there twice, or damage.
    """
    tables = [pq.read_table(p) for p in files]
    twice.refuse(files, tables)
    table = pa.concat_tables(tables)
    image, label = column(table, IMAGES, files[0]), column(table, LABELS, files[0])
    cells = enumerate(
        tqdm(table[image].to_pylist(), desc=f"decoding {files[0].parent.name}", unit="img", leave=False)
    )
    pixels = np.stack([_pixels(cell["bytes"] if isinstance(cell, dict) else cell, i) for i, cell in cells])
    y = table[label].to_numpy().astype(np.int64)
    arrays = {"pixels": pixels.transpose(0, 3, 1, 2).copy(), "y": y}
    if "track" in table.column_names and files[0].name.startswith("train"):
        arrays["groups"] = tracks.numbered(y, table["track"].to_numpy())
    return arrays


def groups(files: list[Path]) -> dict[str, np.ndarray]:
    """Which images of shards are of one sign, by their tracks or their files' names; empty: none say it.

    Returns:
        ``groups``, int64 (N,), where every image says it.

    Raises:
        ValueError: no column of labels.
    """
    table = pa.concat_tables([_told(p) for p in files], promote_options="default")
    y = table[column(table, LABELS, files[0])].to_numpy().astype(np.int64)
    if "track" in table.column_names:
        return {"groups": tracks.numbered(y, table["track"].to_numpy())}
    for name in NAMES:
        if name in table.column_names:
            signs = tracks.of_names([str(value) for value in table[name].to_pylist()], y)
            if signs is not None:
                return {"groups": signs}
    return {}


def _told(file: Path) -> pa.Table:
    """A shard's columns but for the pictures' bytes."""
    table = pq.read_table(file)
    paths = {}
    for name in IMAGES:
        if name in table.column_names and pa.types.is_struct(table.schema.field(name).type):
            paths[PATH] = [cell.get("path") if cell else None for cell in table[name].to_pylist()]
    rest = table.drop_columns([name for name in IMAGES if name in table.column_names])
    return rest.append_column(PATH, pa.array(paths[PATH], pa.string())) if paths else rest


def column(table: pa.Table, names: tuple[str, ...], file: Path) -> str:
    """The first of these columns that the table has.

    Raises:
        ValueError: it has none of them.
    """
    for name in names:
        if name in table.column_names:
            return name
    raise ResqError(f"{file.name} has columns {', '.join(table.column_names)}; expected {' or '.join(names)}")


def _pixels(encoded: bytes, row: int) -> np.ndarray:
    if not isinstance(encoded, bytes):
        raise ResqError(f"the image in row {row} is a {type(encoded).__name__}; expected an encoded picture")
    try:
        image, _ = decode.rgb(encoded, decode.CELLS)
    except ValueError as error:
        raise ResqError(f"the image in row {row} cannot be decoded: {error}") from None
    return np.asarray(image if image.size == (32, 32) else image.resize((32, 32), Image.Resampling.BILINEAR))
