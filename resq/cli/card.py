"""Measures a network by the fixed protocol and writes a card; or checks and loads another's card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from resq.claims import card, leaderboard
from resq.cli import campaign, options


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("target", help="a checkpoint to measure, or a card's .json file to check and load")
    options.add_encoding(parser)
    parser.add_argument("--n", type=int, help=f"test images of faults and attacks (default {card.FULL[0]})")
    parser.add_argument("--maps", type=int, help=f"fault maps (default {card.FULL[1]})")
    parser.add_argument("--quick", action="store_true", help="100 images and 2 maps, no full test set")


def run(arguments: argparse.Namespace) -> None:
    """Measures and writes, or loads."""
    theirs = arguments.target.endswith(".json")
    if theirs:
        options.alone(add, arguments.words, ("target",), "a card's file is only read")
    file = card.load(Path(arguments.target)) if theirs else _measured(arguments)
    fields, rows = card.read(file)
    line = leaderboard.board(rows).iloc[0].to_dict()
    if arguments.json:
        print(options.dump({**fields, "file": str(file), "line": line}))
        return
    print(f"{file}: {fields['rows']} rows of weights {fields['weights']}, hashes as the card says")
    options.print_table([{k: _spelled(line[k]) for k in leaderboard.COLUMNS if k != "level"}])
    if not card.listed(fields):
        print("guards: not measured")
    options.print_table([{k: str(g[k]) for k in ("verdict", "name")} for g in card.listed(fields)])


def _measured(arguments: argparse.Namespace) -> Path:
    from resq.claims import measured_card  # torch

    usual = card.QUICK if arguments.quick else card.FULL
    n, maps = (
        u if option is None else option
        for option, u in zip((arguments.n, arguments.maps), usual, strict=True)
    )
    return measured_card.written(
        arguments.target, arguments.encoding, n, maps, not arguments.quick, campaign.watched,
        tell=lambda progress: print(progress, file=sys.stderr),
    )  # fmt: skip


def _spelled(value: object) -> str:
    if isinstance(value, float):
        return "not measured" if pd.isna(value) else options.percent(value)
    return str(value)
