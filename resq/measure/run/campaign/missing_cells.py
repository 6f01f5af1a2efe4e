"""The cells of a campaign that are not stored yet: which they are, in which order, measured and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from resq.core.errors import ResqError
from resq.measure.run.campaign import executors, until_narrow
from resq.measure.specs import cells
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import known_rows, rows_by_key

Row = dict[str, Any]
Watch = Callable[[Iterator[Row], int, int], Iterator[Row]]  # rows, how many in all, how many are missing


def by_key(spec: CampaignSpec, settled: Callable[[SweepSpec], SweepSpec]) -> dict[str, Cell]:
    """The cells by their keys, in the precision that may be used.

    Args:
        settled: a sweep -> the sweep in the precision that may be used; not asked where all cells are
            stored, since then it was settled before.
    """
    wanted = spec.cells()
    keys = dict(zip(cells.keys(wanted), wanted, strict=True))
    if spec.precision == "fp32" or len(rows_by_key.keys(keys)) == len(keys):
        return keys
    wanted = list(dict.fromkeys(c for s in spec.sweeps() for c in settled(s).cells()))
    return dict(zip(cells.keys(wanted), wanted, strict=True))


def waves(spec: CampaignSpec, keys: dict[str, Cell]) -> Iterator[dict[str, Cell]]:
    """The cells to measure: all at once, or as ``until_narrow.batches`` asks for them."""
    if not spec.half:
        yield keys
        return
    of = {cell: key for key, cell in keys.items()}

    def accuracy(series: Sequence[Cell]) -> list[float]:
        rows = rows_by_key.by_key([of[cell] for cell in series])
        return (rows["correct"] / rows["n"]).tolist()

    for wave in until_narrow.batches(list(of), spec.half, accuracy):
        yield {of[cell]: cell for cell in wave}


def known(wanted: Sequence[Cell], width: float = 0.0) -> tuple[list[Row], list[Cell]]:
    """The rows of those of these cells that are shipped or stored here, and the cells that are left.

    Raises:
        ResqError: with ``width``, the half-width of a stopping rule, which decides by itself what is left.
    """
    if width:
        raise ResqError(
            "--missing and --half-width cannot be combined; a campaign with a half_width does both"
        )
    keys = cells.keys(wanted)
    matched = known_rows.by_key(keys)
    there = set(matched["key"])
    left = [cell for key, cell in zip(keys, wanted, strict=True) if key not in there]
    return [{str(name): value for name, value in row.items()} for row in matched.to_dict("records")], left


def stored_rows(keys: Mapping[str, Cell]) -> pd.DataFrame:
    """The rows of those of these cells that are stored, in the order of ``keys``."""
    there = rows_by_key.keys(keys)
    return rows_by_key.by_key([key for key in keys if key in there])


def completed(
    keys: Mapping[str, Cell],
    workers: int = 1,
    cluster: str = "",
    watch: Watch = lambda rows, total, missing: rows,
    each: Callable[[Row], None] | None = None,
) -> tuple[pd.DataFrame, int]:
    """The rows of these cells, by their keys, and how many were measured now: the stored ones are not.

    Args:
        workers: processes on this machine.
        cluster: address of a Dask scheduler instead of them.
        watch: sees the rows pass, to tell progress.
        each: called with every row that was measured now, once it is stored.

    Raises:
        ResqError: as ``executors.run`` and the store say, or a worker has other weights or images.
    """
    there = rows_by_key.keys(keys)
    missing = [cell for key, cell in keys.items() if key not in there]
    rows = executors.run(missing, workers, cluster) if missing else iter(())
    for row in watch(rows, len(keys), len(missing)):
        if row["key"] not in keys:
            raise ResqError(_other(row))
        rows_by_key.add([row])
        if each:
            each(row)
    return rows_by_key.by_key(list(keys)), len(missing)


def _other(row: Row) -> str:
    return (
        f"a worker measured {row['checkpoint']} with weights {row['weights']} on images {row['images']}, "
        "others than here, or by another plugin; give all machines the same files, the same plugins and the "
        "same version of this project"
    )
