"""Writes measured rows as one HTML file that needs no network, or as PDF: figures, numbers, hashes."""

from __future__ import annotations

import argparse
from pathlib import Path

from resq import jobs
from resq.cli import options
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.store import rows_by_key


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "target", help="a checkpoint, a results file by name, a .parquet file, a campaign's .toml file or id"
    )
    parser.add_argument("--out", type=Path, required=True, help="report.html, or report.pdf (needs Chromium)")


def run(arguments: argparse.Namespace) -> None:
    """Has the report drawn by the dashboard's side, in a process of its own: this side never draws.

    Raises:
        ValueError: it was not written; the sentence says why.
    """
    target, file = arguments.target, None
    if deployed.is_file(target) and Path(target).is_file():  # its rows carry its name with its hash
        file = Path(target)
        target = deployed.named(file, deployed.file_hash(file))
        if rows_by_key.rows(checkpoint=target).empty:
            raise ResqError(
                f"no rows of {target}; a report shows what is measured: python -m resq campaign FILE.toml "
                f'with checkpoints = ["{arguments.target}"] measures it and keeps its rows'
            )
    if target.endswith((".parquet", ".toml")):
        target = str(Path(target).resolve())
    out = arguments.out.resolve()
    jobs.report(target, out, file)
    report = {"file": str(out), "bytes": out.stat().st_size}
    print(options.dump(report) if arguments.json else f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
