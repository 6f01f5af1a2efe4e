"""The table of how the networks of CIFAR-10 came about: every run of their cards, what it took and gave."""

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from resq import checkpoints
from resq.core import paths

Card = dict[str, Any]
GIVEN = ("efficientnet_b0/base", "resnet18/base", "swin_t/base", "vgg16/base")


def runs(card: Card) -> Iterator[Card]:
    """The runs that a network came out of, the first ones first, each once in its place."""
    for before in (card.get("start"), *card.get("soup", ())):
        if isinstance(before, dict):
            yield from runs(before)
    yield card


def lineage() -> list[Card]:
    """Every run behind the CIFAR-10 networks that are not hardened; then what ``plus`` began from."""
    found = {run["name"]: run for name in GIVEN for run in runs(checkpoints.card(f"cifar10/{name}"))}
    return [*found.values(), checkpoints.card("cifar10/resnet18/plus")["base"]]


def trained() -> list[str]:
    """One line per run: what it began from, epochs, minutes, machine, accuracy on the whole test split."""
    heads = "| run | began from | epochs | minutes | computed on | stored as | test accuracy, 95 % |"
    return [heads, "|---" * 7 + "|", *map(_line, lineage())]


def _line(run: Card) -> str:
    test, parts = run["test"], [part["name"].split("/")[-1] for part in run.get("soup", ())]
    began = run["start"]["name"].split("/")[-1] if run.get("start") else "a random start"
    took, machine = f"{run.get('minutes', 0):.1f}", _computed_on(str(run.get("machine", "")))
    epochs = str(run.get("epochs", "not noted"))
    if parts:  # its epochs and minutes are those of its parts
        began, epochs, took, machine = f"the mean of {' and '.join(parts)}", "0", "none of its own", ""
    if "minutes" not in run:  # known from the card of what went on from it, and from the list that makes it
        began, epochs, took, machine = "first", str(_listed()), "not noted", "not noted"
    right = f"{100 * test['accuracy']:.2f} % ({100 * test['low']:.2f} to {100 * test['high']:.2f})"
    name, words = run["name"].removeprefix("cifar10/"), test["encoding"]
    return f"| `{name}` | {began} | {epochs} | {took} | {machine} | `{words}` | {right} |"


def _computed_on(machine: str) -> str:
    """A card's machine, in people's words.

    >>> _computed_on("x86_64, 1 CPU threads"), _computed_on("x86_64, NVIDIA H100 80GB HBM3")
    ('1 thread of a CPU', 'NVIDIA H100 80GB HBM3')
    """
    threads = re.fullmatch(r"x86_64, (\d+) CPU threads", machine)
    many = "s" if threads and threads[1] != "1" else ""
    return f"{threads[1]} thread{many} of a CPU" if threads else machine.removeprefix("x86_64, ")


def _listed() -> int:
    """Epochs of ``attack``, as the list of hardened ResNet18s has them."""
    told = tomllib.loads((paths.ASSETS / "specs/hardened/cifar10-resnet18.toml").read_text("utf-8"))
    return int(told["options"]["adversarial"]["epochs"])


TABLES: dict[str, Callable[[], list[str]]] = {"trained": trained}
