"""Whether a network had learned from held-out images before it was hardened, by its card and those behind it.

Hardening holds a part of the training images out of its stages and judges every stage on it. Most bases were
trained on all of them, so what is right there, the clean images above all, is right partly from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resq import checkpoints
from resq.core.errors import ResqError
from resq.data import source

# Of the held-out images; cards of hardened networks have one of these as valid's "seen".
ALL, PART, NONE, UNKNOWN = "all", "part", "none", "unknown"
IMAGENET = "imagenet"  # a start that none of our images is of
SHARE = 10  # held out is at most every tenth image, so a split has so many times as many, or more


@dataclass(frozen=True)
class Seen:
    """What a network had learned from.

    Attributes:
        share: how much of the held-out images: ALL, PART, NONE or UNKNOWN.
        root: the network whose training decides, ``n`` its training images; "" and 0 where it is not known.
    """

    share: str
    root: str = ""
    n: int = 0


def before(card: Mapping[str, Any]) -> Seen:
    """What the network that a hardened one goes on from had learned from.

    Args:
        card: of a hardened network, with its base, its training images and those held out.
    """
    base = card["base"]
    try:
        parent = checkpoints.unshipped().get(base["name"]) or checkpoints.card(base["name"])
    except ResqError:
        parent = {}
    if parent.get("sha256") != base["sha256"]:
        return Seen(_noted(card))
    return seen(parent, len_of_split(card))


def len_of_split(card: Mapping[str, Any]) -> int:
    """How many training images there are at least, from those that a hardening run used and held out."""
    valid = card.get("valid", {}).get("n", 0)
    return max(card.get("train", {}).get("n", 0) + valid, SHARE * valid - SHARE)


def seen(card: Mapping[str, Any], whole: int) -> Seen:
    """What a network had learned from, by its own card.

    Args:
        whole: the training images of its data set, at least.
    """
    if "stages" in card and "base" in card:
        return before(card)
    recipe = card.get("recipe")
    if not recipe:
        return Seen(UNKNOWN, str(card.get("name", "")))  # brought from elsewhere
    behind = [seen(part, whole) for part in _starts(card) if part.get("data") == card.get("data")]
    own = Seen(_share(card, whole), str(card.get("name", "")), card.get("train", {}).get("n", 0))
    return min([own, *behind], key=lambda each: (ALL, PART, UNKNOWN, NONE).index(each.share))


def _starts(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The cards of what a recipe began from; of one that is lacking, its data set alone."""
    start = card["recipe"].get("start")
    begun = [card.get("start") or {"data": card.get("data"), "name": start}] if start else []
    return [*begun, *card.get("soup", ())] if start != IMAGENET else list(card.get("soup", ()))


def _share(card: Mapping[str, Any], whole: int) -> str:
    if card.get("candidate"):
        return NONE  # it was trained to be judged on them
    return ALL if card.get("train", {}).get("n", 0) >= whole else PART


def _noted(card: Mapping[str, Any]) -> str:
    """What a card itself notes, where the base's is not here.

    Earlier cards had one sentence for all; a base in a file of its own may have been trained without them.
    """
    valid = card.get("valid", {})
    alone = str(card["base"]["name"]).endswith(".safetensors")
    sentence = "the base was trained on it too" in str(valid.get("from", "")) and not alone
    return str(valid.get("seen", ALL if sentence else UNKNOWN))


def optimism(card: Mapping[str, Any]) -> str:
    """What a hardened network's accuracies on held-out images lack, as one sentence; "" without a base.

    >>> optimism({"base": {"name": "a/b/c", "sha256": ""}, "valid": {"seen": "unknown"}}).split(";")[0]
    'Whether a/b/c, which it goes on from, had learned from them is not known here'
    """
    if "base" not in card:
        return ""
    parent, name = before(card), card["base"]["name"]
    high = (
        "so the figures before these stages, the clean one above all, are optimistic, and those after may be"
    )
    it = f"{name}, which it goes on from,"
    if parent.share == UNKNOWN:
        return f"Whether {it} had learned from them is not known here; if it had, {high[3:]}."
    if not parent.root:
        had = "was trained without them too" if parent.share == NONE else "had learned from them too"
        rest = "no network here has learned from them" if parent.share == NONE else high
        return f"By its card {it} {had}: {rest}."
    it += f" goes back to {parent.root}, which" * (parent.root != name)
    if parent.share == NONE:
        return f"{it} was trained without them too, so no network here has learned from them."
    these = "these" if parent.share == ALL else "some of these"
    return f"{it} was trained on {parent.n:,} images of that split, {these} among them: {high}."


def few_classes(card: Mapping[str, Any]) -> tuple[str, str]:
    """Of how many classes the images of a stage's look are, all and those attacked; "" where of all.

    Runs on GTSRB from before its held-out images were mixed looked at those of the first classes.

    >>> few_classes({"data": "gtsrb", "valid": {"classes": [5, 3]}})
    (' of 5 of the 43 classes', ' of 3 of the 43 classes')
    """
    noted, whole = card.get("valid", {}).get("classes", ()), len(source(card["data"]).classes)
    looked = [f" of {n} of the {whole} classes" if n < whole else "" for n in noted]
    return (looked[0], looked[1]) if looked else ("", "")
