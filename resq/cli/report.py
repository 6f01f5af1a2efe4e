"""Writes measured rows as one HTML file that needs no network, or as PDF: figures, numbers, hashes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from resq.cli import options
from resq.core.errors import ResqError
from resq.core.paths import ROOT
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
    target = arguments.target
    if deployed.is_file(target) and Path(target).is_file():  # its rows carry its name with its hash
        target = deployed.named(target, deployed.file_hash(target))
        if rows_by_key.rows(checkpoint=target).empty:
            raise ResqError(
                f"no rows of {target}; a report shows what is measured: python -m resq campaign FILE.toml "
                f'with checkpoints = ["{arguments.target}"] measures it and keeps its rows'
            )
    if target.endswith((".parquet", ".toml")):
        target = str(Path(target).resolve())
    out = arguments.out.resolve()
    command = [sys.executable, "-m", "dashboard.report", target, "--out", str(out)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ResqError((ended.stderr.strip().splitlines() or ["the report was not written"])[-1])
    report = {"file": str(out), "bytes": out.stat().st_size}
    print(options.dump(report) if arguments.json else f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
