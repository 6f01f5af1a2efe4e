"""``train --all``: the whole table of networks in its order, as far as the time goes; again, it goes on."""

from __future__ import annotations

import argparse
import math
import re
import time
from typing import Any

from resq import checkpoints, data
from resq.cli import options
from resq.core import paths
from resq.core.errors import ResqError
from resq.training import shipped_recipes

ALL = "train the whole table of networks in its order, as far as the time goes; run again, it goes on"
OF_ONE = ("recipe", "epochs", "seed", "variant", "n", "start", "candidate", "overwrite")
OF_ALL = {"only": "", "budget": math.inf, "list": False}


def add(parser: argparse.ArgumentParser) -> None:
    """The options that ask for all networks."""
    parser.add_argument("--all", action="store_true", help=ALL)
    about = "with --all: rows whose name begins so, such as cifar10/resnet18"
    parser.add_argument("--only", default=OF_ALL["only"], help=about)
    about = "with --all: time to spend, such as 90s, 150m, 3h"
    parser.add_argument("--budget", type=_duration, default=OF_ALL["budget"], help=about)
    about = "with --all: only say what is trained and what is not"
    parser.add_argument("--list", action="store_true", help=about)


def check(arguments: argparse.Namespace) -> None:
    """Refuses options that mean one network with ``--all``, and those of ``--all`` without it.

    Raises:
        ResqError: options of both kinds, or neither a recipe nor ``--all``.
    """
    if arguments.all:
        values = {name: getattr(arguments, name) for name in OF_ONE}
        named = [k for k, v in values.items() if v is not None and v is not False]  # a seed of 0 is given
        if named:
            raise ResqError(f"--all trains each network by its own recipe, got {_named(named)}; leave it out")
        return
    named = [name for name, default in OF_ALL.items() if getattr(arguments, name) != default]
    if named:
        raise ResqError(f"{_named(named)} is for --all, which is missing: train --all {_named(named)} ...")
    if arguments.recipe is None:
        raise ResqError("train takes a recipe, such as signs/resnet20/base, or --all, got neither")


def _named(options: list[str]) -> str:
    return ", ".join(name if name == "recipe" else f"--{name}" for name in options)


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 150m or 3h, got {text!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def run(arguments: argparse.Namespace) -> None:
    """Trains what is missing, then lists the table."""
    table = shipped_recipes.table(arguments.only)
    folder = arguments.out or paths.work() / "weights"
    until = time.monotonic() + arguments.budget
    if not arguments.list:
        from resq.training import finish  # torch

        for recipe in table:
            if recipe.name not in checkpoints.names() and data.present(recipe.data):
                for step in (*shipped_recipes.before(recipe), recipe):
                    finish.finish(step, data.load(step.data, "train"), folder, until, arguments.device)
    rows = [shipped_recipes.status(recipe) for recipe in table]
    if arguments.json:
        print(options.dump({"rows": rows}))
    else:
        options.print_table([{k: _text(k, v) for k, v in row.items()} for row in rows])


def _text(column: str, value: Any) -> str:
    if value is None:
        return "-"
    return options.percent(value) if column == "accuracy" else str(value)
