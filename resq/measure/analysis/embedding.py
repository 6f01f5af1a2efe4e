"""Rows of an embedding -> what they say: answers, accuracies with intervals, ways, regions. No torch."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from resq.core import files
from resq.core.errors import ResqError
from resq.core.paths import work
from resq.measure.analysis import intervals, stats
from resq.measure.store import table

ENDING = "-embed.json.gz"
Row = Mapping[str, Any]


def numbers(values: Any) -> np.ndarray:
    """Lists of a row as float64; NaN where there is no number."""
    return np.array(values, dtype=np.float64)


def places(row: Row) -> np.ndarray:
    """Where the pictures of a step lie, float64 (N, 2)."""
    return np.stack([numbers(row["x"]), numbers(row["y"])], axis=1)


def answers(row: Row) -> np.ndarray:
    """The class given to each picture, int64 (N,); the number of classes where a logit is no number."""
    logits = numbers(row["logits"])
    return _classes(logits)


def _classes(logits: np.ndarray) -> np.ndarray:
    known = np.isfinite(logits).all(1)
    top = np.where(known[:, None], logits, 0).argmax(1)
    return np.where(known, top, logits.shape[1]).astype(np.int64)


def right(row: Row) -> np.ndarray:
    """Which pictures are right, bool (N,)."""
    return np.asarray(answers(row) == np.array(row["labels"]))


def on_plane(row: Row) -> np.ndarray:
    """The class that the head gives to each picture's point of the plane itself, int64 (N,), as ``answers``."""
    middle, along, up = numbers(row["plane"])
    x, y = places(row).T[:, :, None]
    return _classes(middle + x * along + y * up)


def agreeing(row: Row) -> float:
    """The share of pictures whose region on the plane is their answer: how far the plane tells of it."""
    return float(np.mean(on_plane(row) == answers(row)))


def ways(clean: Row, row: Row) -> np.ndarray:
    """How far each picture lies on the plane from where it lay clean, float64 (N,); NaN where nowhere."""
    with np.errstate(all="ignore"):
        return np.asarray(np.linalg.norm(places(row) - places(clean), axis=1))


def accuracy(rows: Sequence[Row]) -> dict[str, float]:
    """The accuracy of one step over its maps, with its 95 % interval.

    Under flips over fault maps and images together (``intervals.both``); without, and for a single map, the
    Wilson interval over images alone.

    Returns:
        ``mean``, ``low``, ``high`` (0..1), ``n`` images, ``maps``.
    """
    each = np.array([right(row).mean() for row in rows])
    n, mean = len(rows[0]["labels"]), float(each.mean())
    low, high = images = stats.wilson(mean, n)
    if len(rows) > 1:
        low, high = intervals.both(mean, stats.t_interval(each, limits=(-math.inf, math.inf)), images)
    return {"mean": mean, "low": low, "high": high, "n": n, "maps": len(rows)}


def per_class(rows: Sequence[Row]) -> np.ndarray:
    """Right answers of each class over a step's maps, float64 (classes,) in 0..1; NaN for one without images."""
    labels, classes = np.array(rows[0]["labels"]), len(rows[0]["classes"])
    counts = np.bincount(labels, minlength=classes)
    good = sum(np.bincount(labels[right(row)], minlength=classes) for row in rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(good / (counts * len(rows)))


def steps(rows: Sequence[Row], axis: str) -> dict[float, list[Row]]:
    """The rows of an axis by value, the clean one first at 0; of each value its maps in order.

    Args:
        axis: "ber" or "eps".
    """
    by_value: dict[float, list[Row]] = {0.0: [row for row in rows if row["axis"] == "clean"]}
    for row in sorted((r for r in rows if r["axis"] == axis), key=lambda r: (r["value"], r["map"])):
        by_value.setdefault(float(row["value"]), []).append(row)
    return by_value


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a file.

    Raises:
        ResqError: it holds none.
    """
    try:
        raw = file.read_bytes()
        text = gzip.decompress(raw) if file.suffix == ".gz" else raw
        rows = list(json.loads(text)["rows"])
        if not rows or rows[0]["axis"] != "clean":
            raise ValueError("its first row is not the clean step")
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ResqError(f"{file.name} is not a readable embedding: {error}") from None
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


def same(row: Row, spec: Spec) -> bool:
    """Whether a row is one of this spec's."""
    both = ((row[name], getattr(spec, name)) for name in FIELDS)
    return all(tuple(a) == tuple(b) if isinstance(a, list | tuple) else a == b for a, b in both)


def kept_file(spec: Spec, weights: str) -> Path:
    """Where the rows of a spec are kept for later.

    Args:
        weights: 16 hex digits of the network's: one that is trained anew is another.
    """
    return work() / "embeddings" / f"{spec.hash}-{weights}{ENDING}"


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
