"""``train --all``: the whole table of networks in its order, as far as the time goes; again, it goes on."""

from __future__ import annotations

import argparse
import math
import re
import time
from typing import Any

from resq import checkpoints, data
from resq.cli import options, train
from resq.core import paths
from resq.core.errors import ResqError
from resq.training import recipe as recipes

# The order in which rows are worth having: the most compared network first, the dearest last.
ORDER = (
    "signs/resnet20/base",
    "cifar10/resnet18/base",
    "gtsrb/resnet18/base",
    "cifar10/vgg16/base",
    "cifar10/efficientnet_b0/base",
    "gtsrb/efficientnet_b0/base",
    "cifar10/swin_t/base",
    "gtsrb/vgg16/base",
    "gtsrb/swin_t/base",
)


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
        given = [k for k, v in values.items() if v is not None and v is not False]  # a seed of 0 is given
        if given:
            raise ResqError(f"--all trains each network by its own recipe, got {_named(given)}; leave it out")
        return
    given = [name for name, default in OF_ALL.items() if getattr(arguments, name) != default]
    if given:
        raise ResqError(f"{_named(given)} is for --all, which is missing: train --all {_named(given)} ...")
    if arguments.recipe is None:
        raise ResqError("train takes a recipe, such as signs/resnet20/base, or --all, got neither")


def _named(options: list[str]) -> str:
    return ", ".join(name if name == "recipe" else f"--{name}" for name in options)


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 150m or 3h, got {text!r}")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def rows(only: str = "") -> list[recipes.Recipe]:
    """The recipes of the table, in its order.

    Raises:
        ValueError: no row begins with ``only``.
    """
    found = [train.shipped(name) for name in ORDER if name.startswith(only)]
    if not found:
        raise ResqError(f"no row begins with {only!r}; known: {', '.join(ORDER)}")
    return found


def run(arguments: argparse.Namespace) -> None:
    """Trains what is missing, then lists the table."""
    table = rows(arguments.only)
    folder = arguments.out or paths.work() / "weights"
    until = time.monotonic() + arguments.budget
    if not arguments.list:
        for recipe in table:
            if recipe.name not in checkpoints.names() and data.present(recipe.data):
                for step in (*train.before(recipe), recipe):
                    train.finish(step, data.load(step.data, "train"), folder, until, arguments.device)
    found = [status(recipe) for recipe in table]
    if arguments.json:
        print(options.dump({"rows": found}))
    else:
        options.print_table([{k: _text(k, v) for k, v in row.items()} for row in found])


def status(recipe: recipes.Recipe) -> dict[str, Any]:
    """What is known of one row: its accuracy where it is trained, the command that trains it where not."""
    absent = checkpoints.unshipped()
    if recipe.name in absent:
        return _trained(recipe.name, "trained, weights not shipped", absent[recipe.name])
    if recipe.name in checkpoints.names():
        return _trained(recipe.name, "trained", checkpoints.card(recipe.name))
    state = (
        "not trained yet" if data.present(recipe.data) else f"not trained yet; no {recipe.data} images here"
    )
    return {"row": recipe.name, "state": state, "accuracy": None, "n": None, "epochs": recipe.epochs,
            "minutes": None}  # fmt: skip


def _trained(name: str, state: str, card: dict[str, Any]) -> dict[str, Any]:
    test = card.get("test", {})
    return {"row": name, "state": state, "accuracy": test.get("accuracy"), "n": test.get("n"),
            "epochs": card.get("epochs"), "minutes": card.get("minutes")}  # fmt: skip


def _text(column: str, value: Any) -> str:
    if value is None:
        return "-"
    return options.percent(value) if column == "accuracy" else str(value)
