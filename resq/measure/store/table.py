"""Rows of measurements: one line per measured cell, counts and never percentages, with what made them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from resq.checkpoints import VERIFY
from resq.core.errors import ResqError
from resq.core.files import write_with
from resq.core.paths import ASSETS
from resq.measure.store import carry, packing

if TYPE_CHECKING:
    import pyarrow as pa

SHIPPED = ASSETS / "results"

# Column -> (type, meaning).
COLUMNS: dict[str, tuple[str, str]] = {
    "checkpoint": ("str", "data/network/variant"),
    "network": ("str", "architecture"),
    "data": ("str", "data set measured on"),
    "encoding": ("str", "how weights are stored"),
    "fault": ("str", "fault model"),
    "region": ("str", "layers and bit planes that may flip"),
    "axis": ("str", "ber: a cell under faults; eps: a cell under attack; joint: under both"),
    "ber": ("float64", "bit error rate, probability per stored bit"),
    "map": ("int64", "number of the fault map; the same map at all rates is nested"),
    "flips": ("int64", "bits that flipped"),
    "attack": ("str", "attack"),
    "eps": ("float64", "attack budget in 1/255 of the pixel range"),
    "steps": ("int64", "attack steps"),
    "restarts": ("int64", "attack restarts, worst case per image"),
    "seed": ("int64", "decides maps and random starts"),
    "n": ("int64", "test images"),
    "correct": ("int64", "images classified correctly; never one whose logits are not finite"),
    "due": ("int64", "images whose logits held NaN or infinity"),
    "weights": ("str", "first 16 hex digits of the checkpoint file's SHA-256"),
    "images": ("str", "first 16 hex digits of the images' and labels' SHA-256"),
    "code": ("str", "first 16 hex digits of the SHA-256 of the code that decides the numbers"),
    "key": ("str", "content key of the cell; empty in files older than it"),
    "mode": ("str", "joint cells: transfer, adaptive (examples made on the fault-free, the faulty network)"),
    "sample": ("str", "first: the first n test images; random: every map its own n of them"),
    "top": ("float64", "the rate the map was drawn at, of which it is a part; 0: no map, or not noted"),
    "precision": ("str", "of the forward passes: fp32, or bf16"),
    "right": ("bytes", "np.packbits of which images were classified correctly, in their order; or empty"),
    "sdc1": ("float64", "images whose top-1 class differs from the fault-free one, logits finite; or NaN"),
    "sdc10": ("float64", "images whose top confidence moved by more than 10 % of itself; or NaN"),
    "sdc20": ("float64", "the same for 20 %"),
    "numbers": ("str", "which numbers a seed gives; see measure/version.py"),
    "targets": ("str", "what is struck: weights, floats (scales, norms, biases) or all"),
    "bits": ("int64", "stored bits that could flip; 0 where nothing is struck or in rows older than it"),
    "software": ("str", "versions of torch, torchvision and numpy; empty in rows older than it"),
    "processor": ("str", "kind of processor; empty in rows older than it"),
    "inputs": ("str", "of a deployed file: what was said of its input beyond what it says itself"),
    "plugged": (
        "str",
        "16 hex digits over the sources of what is not the project's own, of a plugin; or empty",
    ),
}

# What a row says that was written before these columns were.
DEFAULTS: dict[str, Any] = {
    "key": "",
    "mode": "none",
    "sample": "first",
    "top": 0.0,
    "precision": "fp32",
    "right": b"",
    "sdc1": None,
    "sdc10": None,
    "sdc20": None,
    "numbers": "1",
    "targets": "weights",
    "bits": 0,
    "software": "",
    "processor": "",
    "inputs": "",
    "plugged": "",
}
# Columns that rows had not when series and old keys were first made of the others.
LATER = ("precision", *list(DEFAULTS)[list(DEFAULTS).index("right") + 1 :])
# What a cell's row finds, or tells of its making, and what does not decide which cell it is.
FOUND = ("key", "code", "flips", "correct", "due", "right", "sdc1", "sdc10", "sdc20", "bits",
         "software", "processor")  # fmt: skip
NEEDED = [name for name in COLUMNS if name not in DEFAULTS]
TYPES = {name: "object" if kind == "bytes" else kind for name, (kind, _) in COLUMNS.items()}


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table with exactly the columns of COLUMNS; what older rows do not say is filled in.

    Raises:
        ValueError: a row lacks a column.
    """
    rows = list(rows)
    for row in rows[:1]:
        lacking = [name for name in COLUMNS if name not in row and name not in DEFAULTS]
        if lacking:
            raise ResqError(f"a row lacks {', '.join(lacking)}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return carry.carried(_filled(table).astype(TYPES))


def _filled(table: pd.DataFrame) -> pd.DataFrame:
    """Older columns with their defaults, and ``right`` as bytes where a text file has it in hex."""
    for name, value in DEFAULTS.items():
        if name in LATER and table[name].isna().all():
            table[name] = value
        elif table[name].isna().any():
            table[name] = [value if _lacks(v) else v for v in table[name]]
    # Under an attack alone no bit flips, whatever fault model an early row names.
    table["fault"] = table["fault"].mask(table["axis"] == "eps", "none")
    table["right"] = [bytes.fromhex(v) if isinstance(v, str) else v for v in table["right"]]
    return table


def _lacks(value: Any) -> bool:
    return value is None or value != value  # NaN is not itself


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for text files and JSON: ``right`` in hex; ``frame`` reads it back."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def csv(table: pd.DataFrame) -> str:
    """The table as CSV; ``frame`` reads its records back."""
    if "right" in table:
        table = table.assign(right=[value.hex() for value in table["right"]])
    return table.to_csv(index=False)


def write(table: pd.DataFrame, file: Path) -> None:
    """The table as parquet, in one step."""
    write_with(file, lambda part: packing.to_parquet(table, part))


def save(table: pd.DataFrame, file: Path) -> Path:
    """Writes the table to a new file, parquet or CSV as its name says.

    Raises:
        ValueError: a file of another kind, or one that is there: nothing is overwritten.
    """
    check_new(file)
    if file.suffix == ".csv":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(csv(table), encoding="utf-8")
    else:
        write(table, file)
    return file


def check_new(file: Path) -> None:
    """Refuses a file of another kind, or one that is there."""
    if file.suffix not in (".parquet", ".csv"):
        raise ResqError(f"rows are written to a .parquet or .csv file, got {file}")
    if file.exists():
        raise ResqError(f"{file} exists already; nothing was overwritten")


def parquet(file: Path, names: Iterable[str]) -> pd.DataFrame:
    """The table in a parquet file, which has at least these columns.

    Raises:
        ValueError: not a parquet file, or a column is not in it.
    """
    return _arrow(file, names).to_pandas()


def _arrow(file: Path, names: Iterable[str]) -> pa.Table:
    """As ``parquet``, before pandas has it."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:  # a third of the time that a data set of one file takes
            content = opened.read()
    except Exception as error:  # pyarrow raises a family of its own for broken files, and tells whole paths
        kind = type(error).__name__
        raise ResqError(
            f"{file.name} is not a readable parquet file ({kind}), maybe cut off: fetch it again; {VERIFY}"
        ) from None
    if lacking := [name for name in names if name not in content.column_names]:
        raise ResqError(f"{file.name} lacks the columns {', '.join(lacking)}")
    return content


def read(file: Path) -> pd.DataFrame:
    """A table written by ``write``.

    Raises:
        ValueError: not a parquet file, or without the columns of COLUMNS.
    """
    return _rows([_arrow(file, NEEDED)])


def _rows(tables: list[pa.Table]) -> pd.DataFrame:
    """All rows as they count today, made at once: file by file it takes three times as long."""
    import pyarrow as pa

    table = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    return carry.carried(_filled(table.reindex(columns=list(COLUMNS))).astype(TYPES))


def shipped() -> pd.DataFrame:
    """All rows in assets/results that count as NUMBERS does, heatmaps of layers aside; or none."""
    rows = [p for p in sorted(SHIPPED.glob("*.parquet")) if not p.name.endswith("-layers.parquet")]
    return _shipped(tuple((p, p.stat().st_mtime_ns) for p in rows)).copy()


def shipped_but(known: Container[str]) -> pd.DataFrame:
    """Rows of those files that hold a checkpoint of none of these names; the others are not read whole."""
    from pyarrow import parquet as pq

    def names(file: Path) -> list[str]:
        checkpoints: list[str] = pq.read_table(file, columns=["checkpoint"])[0].unique().to_pylist()
        return checkpoints

    files = [p for p in sorted(SHIPPED.glob("*.parquet")) if not p.name.endswith("-layers.parquet")]
    return _shipped(tuple(
        (p, p.stat().st_mtime_ns) for p in files if any(name not in known for name in names(p))
    ))  # fmt: skip


@cache
def _shipped(files: tuple[tuple[Path, int], ...]) -> pd.DataFrame:
    tables = [_arrow(file, NEEDED) for file, _ in files]
    return drop_repeated(carry.current(_rows(tables))) if tables else frame([])


def drop_repeated(rows: pd.DataFrame) -> pd.DataFrame:
    """Each cell once, whichever campaigns measured it: counted twice it would make intervals too narrow."""
    what = [name for name in COLUMNS if name not in FOUND and name in rows]
    return rows.drop_duplicates(what, ignore_index=True)
