"""Trains a network from a recipe, or all networks with --all, resumable; writes checkpoints with cards."""

from __future__ import annotations

import argparse
import dataclasses
import math
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resq import checkpoints, data
from resq.checkpoints import packed
from resq.cli import options
from resq.core import Dataset, Encoding, paths
from resq.core.errors import ResqError
from resq.training import recipe as recipes

if TYPE_CHECKING:
    from resq.training.train import Run

CANDIDATE = (
    "one of several versions to choose from: trained without the held-out part of the training images and "
    "judged on it; test images are not looked at. Train the chosen one without this"
)
SPECS = paths.ASSETS / "specs" / "recipes"


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
    images = data.load(recipe.data, "train")
    images = images if arguments.n is None else images.first(arguments.n)
    card = finish(recipe, images, folder, device=arguments.device, candidate=arguments.candidate)
    assert card is not None, "without a time limit a run ends finished"
    print(options.dump(card) if arguments.json else _sentence(recipe, card, file))


def finish(
    recipe: recipes.Recipe,
    images: Dataset,
    folder: Path,
    until: float = math.inf,
    device: str = "auto",
    candidate: bool = False,
) -> dict[str, Any] | None:
    """Trains to the end, from where an earlier run stopped, saves and tests.

    Args:
        candidate: one of several to choose from: a part of the images is held out, and judges it instead of
            the test images.
    Returns:
        The card, or None where time ran out first; what was learned is kept and the next call goes on.
    """
    from resq.networks import weight_names
    from resq.training import train  # torch

    valid = None
    if candidate:
        from resq.training.tuning.stage import held_out

        images, valid = held_out(images)
    keep = paths.work() / "train" / f"{recipe.name.replace('/', '-')}.pt"
    begun = train.start(recipe, device=device)
    finished = train.train(recipe, images, run=begun, keep=keep, until=until)
    if finished.epoch < recipe.epochs:
        return None
    cores = _cores(finished)
    body = finished.network.body.cpu()
    state = {k: v.contiguous().numpy() for k, v in body.state_dict().items()}
    form = {
        "machine": f"{platform.machine()}, {cores}",
        "bf16": bool(finished.bf16),
        "channels_last": finished.channels_last,
    }
    about = {**_history(recipe, images, finished), **form, **({"candidate": True} if candidate else {})}
    weights = weight_names(body)
    bits = packed.bits_per_weight(state, weights)
    # The card's accuracy is that of the rounded weights in the file, so a draft is written and tested first.
    keep.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=keep.parent) as drafts:  # of its own: several may end at once
        draft = checkpoints.save(recipe.name, state, weights, about, Path(drafts), bits)
        about["valid" if candidate else "test"] = tested(draft, valid)
    file = checkpoints.save(recipe.name, state, weights, about, folder, bits)
    keep.unlink(missing_ok=True)  # a soup has no epochs, so none
    return checkpoints.card(str(file))


def tested(file: Path, images: Dataset | None = None) -> dict[str, Any]:
    """Accuracy of a saved checkpoint on these images, by default the test split, weights as in the file."""
    import torch

    from resq.measure.analysis import stats
    from resq.measure.engine.faulty_network import FaultyNetwork
    from resq.measure.run import sweep

    checkpoint = checkpoints.load(str(file))
    images = data.load(checkpoint.data, "test") if images is None else images
    bench = FaultyNetwork(checkpoint, Encoding.parse("fp32"))
    correct, _ = sweep.score(bench.network, sweep.pixels(images), torch.from_numpy(images.y))
    low, high = stats.wilson(correct / len(images), len(images))
    return {"n": len(images), "correct": correct, "accuracy": correct / len(images), "low": low, "high": high,
            "encoding": "fp32", "images": images.hash}  # fmt: skip


def shipped(name: str) -> recipes.Recipe:
    """The recipe of a checkpoint's name, from assets/specs/recipes.

    Raises:
        ValueError: there is none; the sentence lists what there is.
    """
    file = SPECS / f"{name.replace('/', '-')}.toml"
    if not file.is_file():
        known = ", ".join(recipes.read(p).name for p in sorted(SPECS.glob("*.toml")))
        raise ResqError(f"no recipe {name!r}; expected a .toml file or one of: {known}")
    return recipes.read(file)


def before(recipe: recipes.Recipe) -> list[recipes.Recipe]:
    """The recipes whose checkpoints this one starts or learns from and that are not trained yet, in order."""
    wanted = {recipe.start, *recipe.soup, *recipe.teachers} - {"", recipes.IMAGENET, *checkpoints.names()}
    firsts = [shipped(name) for name in sorted(wanted)]
    return list(dict.fromkeys(step for first in firsts for step in (*before(first), first)))


def _recipe(arguments: argparse.Namespace) -> recipes.Recipe:
    given = Path(arguments.recipe)
    recipe = recipes.read(given) if given.suffix == ".toml" else shipped(arguments.recipe)
    changes = {
        k: v for k in ("epochs", "seed", "variant", "start") if (v := getattr(arguments, k)) is not None
    }
    return dataclasses.replace(recipe, **changes)


def _history(recipe: recipes.Recipe, images: Dataset, run: Run) -> dict[str, Any]:
    from resq.measure.run.sweep import code_hash
    from resq.training import distillation  # torch

    parts = [checkpoints.card(name) for name in recipe.soup]  # whose training is the soup's
    own = sum(row["seconds"] for row in run.history) / 60
    return {
        "recipe": dataclasses.asdict(recipe),
        "recipe_hash": recipe.hash,
        "seed": recipe.seed,
        "epochs": len(run.history) + sum(part["epochs"] for part in parts),
        "train": {"n": len(images), "images": images.hash},
        **_start(recipe, run),
        **distillation.about(recipe),
        "minutes": round(own + sum(part["minutes"] for part in parts), 1),
        "code": code_hash(),
        "selected": f"{_kept(recipe)}; within the run nothing was chosen on test images",
        "history": run.history,
    }


def _start(recipe: recipes.Recipe, run: Run) -> dict[str, Any]:
    """Where the weights came from: the start's own card, or those of the soup."""
    if recipe.soup:
        return {"soup": [_about(name) for name in recipe.soup]}
    if not recipe.start:
        return {}
    if recipe.start == recipes.IMAGENET:
        from resq.networks import imagenet  # torch

        return {"start": imagenet.about(recipe.network, run.network.body)}
    return {"start": _about(recipe.start)}


def _about(name: str) -> dict[str, Any]:
    """The card of a checkpoint that another was made from, without what its file is made of."""
    return {k: v for k, v in checkpoints.card(name).items() if k not in ("weights", "history")}


def _kept(recipe: recipes.Recipe) -> str:
    """Which weights of the run the checkpoint holds."""
    if recipe.soup:
        return f"equal parts of the weights of {' and '.join(recipe.soup)}"
    last = "the last epoch"
    if recipe.average_epochs:
        last = f"the mean of the weights over the last {recipe.average_epochs} epochs"
    share = recipe.start_share
    return f"{share:g} of {recipe.start}'s weights and {1 - share:g} of {last}" if share else last


def _cores(run: Run) -> str:
    """What the run computed on."""
    import torch

    from resq.training import machine

    where = machine.of(run.network)
    return (
        torch.cuda.get_device_name(where)
        if where.type == "cuda"
        else f"{torch.get_num_threads()} CPU threads"
    )


def _sentence(recipe: recipes.Recipe, card: dict[str, Any], file: Path) -> str:
    test, of = (card["test"], "test") if "test" in card else (card["valid"], "held-out training")
    return (
        f"{recipe.name}: {options.percent(test['accuracy'])} of {test['n']} {of} images correct "
        f"(95 %: {options.span(test['low'], test['high'])}), {card['epochs']} epochs in "
        f"{card['minutes']:g} min; written to {file}"
    )
