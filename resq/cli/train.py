"""Trains a network from a recipe, or all networks with --all, resumable; writes checkpoints with cards."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from resq import data
from resq.cli import options
from resq.core import paths
from resq.core.errors import ResqError
from resq.data import order
from resq.training import recipe as recipes
from resq.training import shipped_recipes

CANDIDATE = (
    "one of several versions to choose from: trained without the held-out part of the training images and "
    "judged on it; test images are not looked at. Train the chosen one without this"
)


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    from resq.cli import zoo  # which imports this module

    about = "a TOML recipe, or data/network/variant for the shipped one"
    parser.add_argument("recipe", nargs="?", help=about)
    zoo.add(parser)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--seed", type=int, help="instead of the recipe's")
    parser.add_argument("--variant", help="name of the result, instead of the recipe's")
    parser.add_argument("--n", type=int, help="train on the first N images only")
    parser.add_argument("--start", help="a checkpoint to go on from, or imagenet: torchvision's weights")
    parser.add_argument("--out", type=Path, help="folder of checkpoints (default: work/weights)")
    add_device(parser)
    parser.add_argument("--candidate", action="store_true", help=CANDIDATE)
    parser.add_argument("--overwrite", action="store_true", help="replace a checkpoint of the same name")


def add_device(parser: argparse.ArgumentParser) -> None:
    """The option that says where to compute."""
    parser.add_argument(
        "--device", default="auto", help="auto (default: a GPU where there is one), cpu, cuda"
    )


def run(arguments: argparse.Namespace) -> None:
    """Trains, tests and saves one network, or with ``--all`` those of the table."""
    from resq.cli import zoo  # which imports this module

    zoo.check(arguments)
    if arguments.all:
        zoo.run(arguments)
        return
    recipe = _recipe(arguments)
    folder = arguments.out or paths.work() / "weights"
    file = folder / f"{recipe.name}.safetensors"
    if file.exists() and not arguments.overwrite:
        raise ResqError(f"{file} exists already; --variant NAME keeps both, --overwrite replaces it")
    from resq.training import finish  # torch

    images = data.load(recipe.data, "train")
    images = images if arguments.n is None else order.few(images, arguments.n)
    card = finish.finish(recipe, images, folder, device=arguments.device, candidate=arguments.candidate)
    assert card is not None, "without a time limit a run ends finished"
    print(options.dump(card) if arguments.json else _sentence(recipe, card, file))


def _recipe(arguments: argparse.Namespace) -> recipes.Recipe:
    file = Path(arguments.recipe)
    recipe = recipes.read(file) if file.suffix == ".toml" else shipped_recipes.shipped(arguments.recipe)
    changes = {
        k: v for k in ("epochs", "seed", "variant", "start") if (v := getattr(arguments, k)) is not None
    }
    return dataclasses.replace(recipe, **changes)


def _sentence(recipe: recipes.Recipe, card: dict[str, Any], file: Path) -> str:
    test, of = (card["test"], "test") if "test" in card else (card["valid"], "held-out training")
    return (
        f"{recipe.name}: {options.percent(test['accuracy'])} of {test['n']} {of} images correct "
        f"(95 % over images: {options.span(test['low'], test['high'])}), {card['epochs']} epochs in "
        f"{card['minutes']:g} min; written to {file}"
    )
