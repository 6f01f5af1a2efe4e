"""Measures a network by the fixed protocol and writes a card; or checks and loads another's card."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from resq.claims import board, card
from resq.cli import options, sweep
from resq.measure.spec import SweepSpec


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("target", help="a checkpoint to measure, or a card's .json file to check and load")
    parser.add_argument("--encoding", default="int8", help="how its weights are stored (default int8)")
    parser.add_argument("--quick", action="store_true", help="100 images and 2 maps, no full test set")


def run(arguments: argparse.Namespace) -> None:
    """Measures and writes, or loads."""
    theirs = arguments.target.endswith(".json")
    file = card.load(Path(arguments.target)) if theirs else _measured(arguments)
    fields, rows = card.read(file)
    line = board.board(rows).iloc[0].to_dict()
    if arguments.json:
        print(options.dump({**fields, "file": str(file), "line": line}))
        return
    print(f"{file}: {fields['rows']} rows of weights {fields['weights']}, hashes as the card says")
    options.print_table([{k: _said(line[k]) for k in board.COLUMNS if k != "level"}])


def _measured(arguments: argparse.Namespace) -> Path:
    size, test = ("quick", None) if arguments.quick else ("full", _test(arguments))
    specs = card.protocol(arguments.target, arguments.encoding, size, test)
    return card.write([row for spec in specs for row in sweep.measured(spec)], size)


def _test(arguments: argparse.Namespace) -> int:
    from resq.measure.sweep import images_there  # torch

    return images_there(SweepSpec(arguments.target, encoding=arguments.encoding))


def _said(value: object) -> str:
    if isinstance(value, float):
        return "not measured" if pd.isna(value) else options.percent(value)
    return str(value)
