"""Measures a network by the fixed protocol and writes a card; or checks and loads another's card."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from resq.claims import card, leaderboard
from resq.cli import campaign, options
from resq.core.files import write_text
from resq.measure.specs import cells
from resq.measure.specs.sweep_spec import SweepSpec


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
    """Measures what is not stored yet, cell by cell, then the guards: killed, it goes on where it was."""
    usual = card.QUICK if arguments.quick else card.FULL
    n, maps = (
        u if given is None else given for given, u in zip((arguments.n, arguments.maps), usual, strict=True)
    )
    about = (arguments.target, arguments.encoding, n)
    specs = card.protocol(*about, maps, None if arguments.quick else _test(arguments))
    wanted = [cell for spec in specs for cell in spec.cells()]
    frame, _ = campaign.completed(dict(zip(cells.keys(wanted), wanted, strict=True)))
    return card.write(frame.to_dict("records"), _guards(card.guarded(*about)))  # type: ignore[arg-type]


def _guards(spec: SweepSpec) -> dict[str, Any]:
    """The guards, measured once for these weights and this code."""
    from resq.cli.guards import measured
    from resq.measure.run.sweep import code_hash  # torch

    made_of = json.dumps([spec.hash, cells.weights_of(spec.checkpoint), code_hash(), card.attacks()])
    file = card.folder("guards") / f"{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.json"
    if file.is_file():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    print(f"guards: ten signs on {spec.n} images", file=sys.stderr)
    found = measured(spec)
    write_text(file, options.dump(found))
    return found


def _test(arguments: argparse.Namespace) -> int:
    from resq.measure.run.sweep import images_there  # torch

    return images_there(SweepSpec(arguments.target, encoding=arguments.encoding))


def _spelled(value: object) -> str:
    if isinstance(value, float):
        return "not measured" if pd.isna(value) else options.percent(value)
    return str(value)
