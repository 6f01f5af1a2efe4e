"""Rows of an embedding at rest: in a file, shipped, or kept in the work folder for who looks later."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from resq.core import files
from resq.core.errors import ResqError
from resq.core.paths import work
from resq.measure.analysis.embedding.rows import Row
from resq.measure.specs import plugged
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

ENDING = "-embed.json.gz"


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a file.

    Raises:
        ResqError: it holds none.
    """
    try:
        raw = file.read_bytes()
        text = gzip.decompress(raw) if file.suffix == ".gz" else raw
        rows = list(json.loads(text)["rows"])
        clean = bool(rows) and rows[0]["axis"] == "clean"
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ResqError(f"{file.name} is not a readable embedding: {error}") from None
    if not clean:
        raise ResqError(f"{file.name} is not a readable embedding: its first row is not the clean step")
    return rows


def write(file: Path, rows: Sequence[Row]) -> None:
    """Writes rows as JSON, packed where the name ends in .gz; the same rows give the same bytes."""
    files.write_bytes(file, packed(rows) if file.suffix == ".gz" else _json(rows))


def packed(rows: Sequence[Row]) -> bytes:
    """The rows as packed JSON."""
    return gzip.compress(_json(rows), 9, mtime=0)


def _json(rows: Sequence[Row]) -> bytes:
    text = json.dumps({"rows": list(rows)}, separators=(",", ":"), allow_nan=False)
    return f"{text}\n".encode()


FIELDS = ("checkpoint", "encoding", "fault", "bers", "eps", "steps", "maps", "n", "seed")
KEPT = 60  # files of half a megabyte


class Spec(Protocol):
    """What decides the rows: see ``run.embedding.spec``."""

    @property
    def hash(self) -> str:
        """16 hex digits of it."""

    def sweep(self) -> SweepSpec:
        """The sweep whose cells the steps are."""


def same(row: Row, spec: Spec) -> bool:
    """Whether a row is one of this spec's."""
    both = ((row[name], getattr(spec, name)) for name in FIELDS)
    return all(tuple(a) == tuple(b) if isinstance(a, list | tuple) else a == b for a, b in both)


def kept_file(spec: Spec, weights: str) -> Path:
    """Where the rows of a spec are kept for later.

    Args:
        weights: 16 hex digits of the network's: one that is trained anew is another, as is a plugin's that
            was edited.
    """
    foreign = plugged.digest(spec.sweep().cells())
    return work() / "embeddings" / f"{'-'.join([spec.hash, weights, *[foreign] * bool(foreign)])}{ENDING}"


def keep(spec: Spec, rows: Sequence[Row]) -> None:
    """Keeps all rows of a spec in the work folder; of the files there the latest stay."""
    file = kept_file(spec, rows[0]["weights"])
    files.write_bytes(file, packed(rows))
    there = sorted(file.parent.glob(f"*{ENDING}"), key=lambda one: one.stat().st_mtime)
    for old in there[:-KEPT]:
        old.unlink(missing_ok=True)


def shipped() -> list[list[dict[str, Any]]]:
    """The rows of each file that is shipped.

    Raises:
        ResqError: a file that is none.
    """
    return [read(file) for file in sorted(table.SHIPPED.glob(f"*{ENDING}"))]
