"""What each visitor does: actions that its number alone decides, so that they can be done again alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resq.core import Encoding, seeds
from stress.harness.visitor import Page, Visitor

NETWORKS = ("signs/resnet20/base", "cifar10/resnet18/base")
LAYERS = {
    "signs/resnet20/base": ("conv1", "layer2.0.conv1", "linear"),
    "cifar10/resnet18/base": ("conv1", "fc"),
}
ENCODINGS = ("int8", "int8-symmetric", "int4-tmr2", "fp32")
OTHERS = ("layers", "tradeoff", "harden", "lessons", "replay")
SHARES = (0, 0, 1, 10)  # percent


@dataclass(frozen=True)
class Action:
    """One thing a visitor does.

    Attributes:
        kind: "open", "press", "choose" or "measure" (press, and wait for the last cell).
        what: the page or the widget's key.
        value: the link's parameters, or what is chosen.
    """

    kind: str
    what: str
    value: Any = None


def plan(number: int) -> list[Action]:
    """A visit to every page: bits flipped and flipped back, layers, encodings and networks switched."""
    rng, networks = seeds.rng(number, "visitor"), NETWORKS
    net = networks[0] if number % 4 else networks[-1]
    enc, other = (str(e) for e in rng.choice(ENCODINGS, 2, replace=False))
    link = {
        "net": net,
        "enc": enc,
        "layer": str(rng.choice(LAYERS[net])),
        "w": int(rng.integers(400)),
        "img": int(rng.integers(16)),
        "share": int(rng.choice(SHARES)),
        "draw": number,
    }
    stored = Encoding.parse(enc).word_bits
    bits = [int(b) for b in rng.choice(stored, 4, replace=False)]
    steps = [Action("open", "bitlab", link), *(Action("press", f"bit_{b}") for b in bits)]
    steps += [Action("press", "largest"), Action("press", "harmful"), Action("press", "reset")]
    steps += [
        Action("choose", "enc", other),
        Action("press", f"bit_{min(3, Encoding.parse(other).word_bits - 1)}"),
    ]
    steps += [Action("choose", "net", networks[number % 2 % len(networks)]), Action("press", "bit_0")]
    steps += [Action("open", "sweep", {"encs": [enc, other], "nets": [networks[0]]})]
    return [*steps, Action("open", OTHERS[number % len(OTHERS)], {"net": networks[0]}), Action("open", "")]


def sweep(number: int) -> list[Action]:
    """A measurement of this visitor alone, and its link once more: nobody else has its seed."""
    link = {"encs": ["int8"], "n": 100, "maps": 2, "parts": "faults", "seed": 1000 + number}
    opened = Action("open", "sweep", link)
    return [opened, Action("measure", "measure", " cells."), opened]


async def do(visitor: Visitor, action: Action) -> Page:
    """Does one action; the page it leads to."""
    if action.kind == "open":
        return await visitor.open(action.what, action.value)
    if action.kind == "choose":
        return await visitor.choose(action.what, action.value)
    page = await visitor.press(action.what)
    return await visitor.wait(action.value) if action.kind == "measure" else page
