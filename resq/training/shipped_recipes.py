"""The recipes that come with the project: by name, what must be trained first, and the table of networks."""

from __future__ import annotations

from typing import Any

from resq import checkpoints, data
from resq.core import paths
from resq.core.errors import ResqError
from resq.training import recipe as recipes

SPECS = paths.ROOT / "assets" / "specs" / "recipes"
# The order in which networks are worth training: the most compared first, the one that takes longest last.
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


def table(only: str = "") -> list[recipes.Recipe]:
    """The recipes of the table, in its order.

    Raises:
        ValueError: no row begins with ``only``.
    """
    listed = [shipped(name) for name in ORDER if name.startswith(only)]
    if not listed:
        raise ResqError(f"no row begins with {only!r}; known: {', '.join(ORDER)}")
    return listed


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
