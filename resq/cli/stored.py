"""What the store holds: its series and campaigns; rows out as parquet or CSV, and parquet in."""

from __future__ import annotations

import argparse
from pathlib import Path

from resq.cli import options, sweep
from resq.measure.store import rows_by_key, table


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--checkpoint", help="only rows of this checkpoint")
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write the rows to a .parquet or .csv file"
    )
    parser.add_argument(
        "--import", type=Path, dest="bring", metavar="FILE", help="add the rows of a .parquet file"
    )


def run(arguments: argparse.Namespace) -> None:
    """Imports rows from a file, exports them, or lists what is stored."""
    filters = {"checkpoint": arguments.checkpoint} if arguments.checkpoint else {}
    if arguments.bring:
        brought = table.read(arguments.bring)
        new = rows_by_key.add(brought.to_dict("records"))  # type: ignore[arg-type]
        _say(arguments, {"file": str(arguments.bring), "rows": len(brought), "new": new})
    elif arguments.export:
        sweep.check_out(arguments.export)
        rows = rows_by_key.rows(**filters)
        sweep.write(rows, arguments.export)
        _say(arguments, {"file": str(arguments.export), "rows": len(rows)})
    else:
        _list(arguments)


def _say(arguments: argparse.Namespace, what: dict[str, object]) -> None:
    text = ", ".join(f"{name} {value}" for name, value in what.items())
    print(options.dump(what) if arguments.json else text)


def _list(arguments: argparse.Namespace) -> None:
    series = rows_by_key.series()
    if arguments.checkpoint:
        series = series[series["checkpoint"] == arguments.checkpoint]
    runs, again = rows_by_key.runs(), len(rows_by_key.again())
    if arguments.json:
        print(options.dump({"series": series.to_dict("records"), "campaigns": runs, "again": again}))
        return
    print(f"{series['rows'].sum()} rows in {len(series)} series; {again} rows of cells measured again")
    shown = ["checkpoint", "encoding", "fault", "axis", "mode", "attack", "seed", "n", "rows"]
    options.print_table(series[shown].astype(str).to_dict("records"))  # type: ignore[arg-type]
    if runs:
        print("\ncampaigns begun")
        options.print_table([{k: str(run[k]) for k in ("began", "hash", "cells")} for run in runs])
