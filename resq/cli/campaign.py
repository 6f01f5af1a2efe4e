"""Runs a campaign from a TOML file: cells that are stored already are not measured again."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from resq import jobs
from resq.cli import options, sweep
from resq.core.errors import ResqError
from resq.measure.run import executors, stopping_rule
from resq.measure.specs import campaign, cells
from resq.measure.specs.cells import Cell
from resq.measure.store import rows_by_key, table


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("file", type=Path, help="a .toml file, such as those in assets/specs/campaigns")
    parser.add_argument("--workers", type=int, default=1, help="processes on this machine (default 1)")
    parser.add_argument(
        "--cluster",
        default=os.environ.get("RESQ_CLUSTER", ""),
        metavar="ADDRESS",
        help="a Dask scheduler, such as tcp://host:8786 (default: $RESQ_CLUSTER)",
    )
    parser.add_argument("--out", type=Path, help="also write all rows to this .parquet or .csv file")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines as they are measured")


def run(arguments: argparse.Namespace) -> None:
    """Measures what is missing, cell by cell, and prints the whole."""
    sweep.check_out(arguments.out)
    spec = campaign.read(arguments.file)
    if arguments.stream:
        jobs.watch_parent()
    keys = _keys(spec)
    rows_by_key.note(spec.hash, spec.toml(), len(keys), datetime.now(UTC).isoformat(timespec="seconds"))
    parts = [
        completed(wave, arguments.workers, arguments.cluster, arguments.stream, len(keys))
        for wave in _waves(spec, keys)
    ]
    frame = pd.concat([rows for rows, _ in parts], ignore_index=True)
    _end(arguments, spec, frame, sum(fresh for _, fresh in parts))


def _keys(spec: campaign.CampaignSpec) -> dict[str, Cell]:
    """The cells by their keys, in the precision that may be used; where all are stored it was settled."""
    wanted = spec.cells()
    keys = dict(zip(cells.keys(wanted), wanted, strict=True))
    if spec.precision == "fp32" or len(rows_by_key.keys(keys)) == len(keys):
        return keys
    wanted = list(dict.fromkeys(c for s in spec.sweeps() for c in sweep.settled(s).cells()))
    return dict(zip(cells.keys(wanted), wanted, strict=True))


def _waves(spec: campaign.CampaignSpec, keys: dict[str, Cell]) -> Iterator[dict[str, Cell]]:
    """The cells to measure: all at once, or as ``stopping_rule.batches`` asks for them."""
    if not spec.half:
        yield keys
        return
    of = {cell: key for key, cell in keys.items()}

    def accuracy(series: Sequence[Cell]) -> list[float]:
        rows = rows_by_key.by_key([of[cell] for cell in series])
        return (rows["correct"] / rows["n"]).tolist()

    for wave in stopping_rule.batches(list(of), spec.half, accuracy):
        yield {of[cell]: cell for cell in wave}


def completed(
    keys: Mapping[str, Cell], workers: int = 1, cluster: str = "", stream: bool = False, total: int = 0
) -> tuple[pd.DataFrame, int]:
    """The rows of these cells, by their keys, and how many were measured now: the stored ones are not.

    Args:
        total: how many cells there may be in all, where these are a part of them.
    Raises:
        ValueError: as ``executors.run`` and the store say, or a worker has other weights or images.
    """
    known = rows_by_key.keys(keys)
    missing = [cell for key, cell in keys.items() if key not in known]
    said = _streamer(list(keys), known, total or len(keys)) if stream else None
    rows = executors.run(missing, workers, cluster) if missing else iter(())
    for row in _watched(rows, len(keys), len(missing)):
        if row["key"] not in keys:
            raise ResqError(_other(row))
        rows_by_key.add([row])
        if said:
            said(row)
    return rows_by_key.by_key(list(keys)), len(missing)


def _other(row: dict[str, Any]) -> str:
    return (
        f"a worker measured {row['checkpoint']} with weights {row['weights']} on images {row['images']}, "
        "others than here; give all machines the same files and the same version of this project"
    )


def _watched(rows: Iterator[dict[str, Any]], total: int, missing: int) -> Iterator[dict[str, Any]]:
    """The rows, with progress and the time left on standard error."""
    yield from tqdm(rows, total=total, initial=total - missing, unit="cell", leave=False, delay=1)


def _streamer(keys: list[str], known: set[str], total: int) -> Callable[[dict[str, Any]], None]:
    """Says how much there is and what is stored, and returns what says a row."""

    def say(row: dict[str, Any]) -> None:
        print(json.dumps({"row": table.plain(row)}), flush=True)

    print(json.dumps({"total": total}), flush=True)
    for row in rows_by_key.by_key([key for key in keys if key in known]).to_dict("records"):
        say(row)  # type: ignore[arg-type]
    return say


def _end(arguments: argparse.Namespace, spec: campaign.CampaignSpec, frame: pd.DataFrame, fresh: int) -> None:
    if arguments.out:
        sweep.write(frame, arguments.out)
    if arguments.json:
        rows = [table.plain(row) for row in frame.to_dict("records")]  # type: ignore[arg-type]
        print(options.dump({"campaign": spec.hash, "cells": len(frame), "measured": fresh, "rows": rows}))
    elif not arguments.stream:
        for keys, part in frame.groupby(
            ["checkpoint", "encoding", "fault", "attack", "mode", "seed"], sort=False
        ):
            print(f"\n{' · '.join(map(str, keys))}")
            sweep.print_curves(part)
        print(f"\n{len(frame)} cells, {fresh} measured now; campaign {spec.hash}", file=sys.stderr)
