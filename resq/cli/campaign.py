"""Runs a campaign from a TOML file: cells that are stored already are not measured again."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from resq import jobs
from resq.cli import options, sweep, sweep_output
from resq.measure.run.campaign import missing_cells
from resq.measure.specs import campaign
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
    keys = missing_cells.by_key(spec, sweep.settled)
    rows_by_key.note(spec.hash, spec.toml(), len(keys), datetime.now(UTC).isoformat(timespec="seconds"))
    parts = [_measured(wave, arguments, len(keys)) for wave in missing_cells.waves(spec, keys)]
    frame = pd.concat([rows for rows, _ in parts], ignore_index=True)
    _end(arguments, spec, frame, sum(fresh for _, fresh in parts))


def _measured(
    keys: Mapping[str, Cell], arguments: argparse.Namespace, total: int
) -> tuple[pd.DataFrame, int]:
    """The rows of these cells and how many were measured now; with ``--stream`` each is printed."""
    if arguments.stream:
        print(json.dumps({"total": total}), flush=True)
        for row in missing_cells.stored_rows(keys).to_dict("records"):
            _print_row(row)  # type: ignore[arg-type]
    each = _print_row if arguments.stream else None
    return missing_cells.completed(keys, arguments.workers, arguments.cluster, watched, each)


def watched(rows: Iterator[dict[str, Any]], total: int, missing: int) -> Iterator[dict[str, Any]]:
    """The rows, with progress and the time left on standard error."""
    yield from tqdm(rows, total=total, initial=total - missing, unit="cell", leave=False, delay=1)


def _print_row(row: dict[str, Any]) -> None:
    print(json.dumps({"row": table.plain(row)}), flush=True)


def _end(arguments: argparse.Namespace, spec: campaign.CampaignSpec, frame: pd.DataFrame, fresh: int) -> None:
    if arguments.out:
        sweep_output.write(frame, arguments.out)
    if arguments.json:
        rows = [table.plain(row) for row in frame.to_dict("records")]  # type: ignore[arg-type]
        print(options.dump({"campaign": spec.hash, "cells": len(frame), "measured": fresh, "rows": rows}))
    elif not arguments.stream:
        for keys, part in frame.groupby(
            ["checkpoint", "encoding", "fault", "attack", "mode", "seed"], sort=False
        ):
            print(f"\n{' · '.join(map(str, keys))}")
            sweep_output.print_curves(part, narrow=bool(spec.half))
        print(f"\n{len(frame)} cells, {fresh} measured now; campaign {spec.hash}", file=sys.stderr)
