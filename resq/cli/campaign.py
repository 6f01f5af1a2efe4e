"""Runs a campaign from a TOML file: cells that are stored already are not measured again."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from resq import jobs
from resq.cli import options, sweep
from resq.measure.specs import campaign
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
