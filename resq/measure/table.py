"""Rows of measurements: one line per measured cell, counts and never percentages, with what made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "results"

# Column -> (type, meaning).
COLUMNS: dict[str, tuple[str, str]] = {
    "checkpoint": ("str", "data/network/variant"),
    "network": ("str", "architecture"),
    "data": ("str", "data set measured on"),
    "encoding": ("str", "how weights are stored"),
    "fault": ("str", "fault model"),
    "region": ("str", "layers and bit planes that may flip"),
    "axis": ("str", "ber: a cell under faults; eps: a cell under attack"),
    "ber": ("float64", "bit error rate, probability per stored bit"),
    "map": ("int64", "number of the fault map; the same map at all rates is nested"),
    "flips": ("int64", "bits that flipped"),
    "attack": ("str", "attack"),
    "eps": ("float64", "attack budget in 1/255 of the pixel range"),
    "steps": ("int64", "attack steps"),
    "restarts": ("int64", "attack restarts, worst case per image"),
    "seed": ("int64", "decides maps and random starts"),
    "n": ("int64", "test images, the first n"),
    "correct": ("int64", "images classified correctly"),
    "due": ("int64", "images whose logits held NaN or infinity"),
    "weights": ("str", "first 16 hex digits of the checkpoint file's SHA-256"),
    "images": ("str", "first 16 hex digits of the images' and labels' SHA-256"),
    "code": ("str", "first 16 hex digits of the SHA-256 of the code that decides the numbers"),
}


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table with exactly the columns of COLUMNS.

    Raises:
        ValueError: a row lacks a column.
    """
    rows = list(rows)
    for row in rows[:1]:
        lacking = [name for name in COLUMNS if name not in row]
        if lacking:
            raise ValueError(f"a row lacks {', '.join(lacking)}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({name: kind for name, (kind, _) in COLUMNS.items()})


def write(table: pd.DataFrame, file: Path) -> None:
    """The table as parquet, in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    table.to_parquet(part, index=False, compression="zstd")
    part.replace(file)


def read(file: Path) -> pd.DataFrame:
    """A table written by ``write``.

    Raises:
        ValueError: not a parquet file, or without the columns of COLUMNS.
    """
    try:
        table = pd.read_parquet(file)
    except Exception as error:  # pyarrow raises a family of its own for broken files
        raise ValueError(f"{file.name} is not a readable parquet file: {error}") from None
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise ValueError(f"{file.name} lacks the columns {', '.join(lacking)}")
    return frame(table[list(COLUMNS)].to_dict("records"))  # type: ignore[arg-type]


def shipped() -> pd.DataFrame:
    """All rows in assets/results; empty where there are none."""
    files = tuple((p, p.stat().st_mtime_ns) for p in sorted(SHIPPED.glob("*.parquet")))
    return _shipped(files).copy()


@cache
def _shipped(files: tuple[tuple[Path, int], ...]) -> pd.DataFrame:
    tables = [read(file) for file, _ in files]
    return pd.concat(tables, ignore_index=True) if tables else frame([])
