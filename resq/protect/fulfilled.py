"""What was asked of a search and whether its answer keeps it: on held-out images, and on test images.

Both shares are of the accuracy of the network as it is stored, without faults, on the same images.
"""

from __future__ import annotations

from typing import Any

from resq import checkpoints
from resq.checkpoints import ancestry
from resq.core.errors import ResqError

STATES = REACHED, MISSED, OPEN = "reached", "missed", "open"
LEARNED = {
    ancestry.ALL: "of images that the network had learned from",
    ancestry.PART: "of images that the network had partly learned from",
    ancestry.NONE: "of images that the network had not learned from",
    ancestry.UNKNOWN: "of images of which it is not known whether the network had learned from them",
}


def at_rate(answer: dict[str, Any]) -> dict[str, Any]:
    """What confirms the answer at the rate that was asked about."""
    wanted = answer["wanted"]["ber"]
    at: dict[str, Any] = next(entry for entry in answer["confirmed"] if entry["ber"] == wanted)
    return at


def question(answer: dict[str, Any]) -> str:
    """What was asked, in a few words.

    >>> question({"wanted": {"keep": 0.9, "ber": 0.05, "fault": "random", "bits": None}})
    'keep 90 % at BER 0.05, random, in any number of bits'
    """
    wanted = answer["wanted"]
    most = "any number of bits" if wanted.get("bits") is None else f"at most {wanted['bits']:g} bits a weight"
    if wanted.get("time") is not None:
        most += f" and at most {wanted['time']:g} times a pass of {wanted['batch']}"
    return f"keep {100 * wanted['keep']:g} % at BER {wanted['ber']:g}, {wanted['fault']}, in {most}"


def in_time(answer: dict[str, Any]) -> bool:
    """Whether it is no slower than asked."""
    asked = answer["wanted"].get("time")
    return asked is None or bool(answer["time"] <= asked)


def held_out(answer: dict[str, Any]) -> str:
    """Whether it is kept on the held-out images, by their share, which has no interval."""
    return REACHED if answer["enough"] else MISSED


def share(answer: dict[str, Any]) -> float:
    """What is kept on test images."""
    whole = answer["unprotected"]["accuracy"]
    return float(at_rate(answer)["chosen"]["accuracy"] / whole) if whole else 0.0


def on_test(answer: dict[str, Any]) -> str:
    """Whether it is kept on test images: decided where the accuracy's interval lies on one side of it.

    The accuracy without faults is of the same images and is taken as it is.
    """
    point = at_rate(answer)["chosen"]
    line = answer["wanted"]["keep"] * answer["unprotected"]["accuracy"]
    return REACHED if point["low"] >= line else MISSED if point["high"] < line else OPEN


def verdict(answer: dict[str, Any]) -> str:
    """What became on test images of what was asked for, in words."""
    keep, whole = f"{100 * answer['wanted']['keep']:g} %", answer["unprotected"]
    state, mean = on_test(answer), REACHED if share(answer) >= answer["wanted"]["keep"] else MISSED
    how = {
        REACHED: f"the {keep} are reached, by the whole interval",
        MISSED: f"the {keep} are missed, by the whole interval",
        OPEN: f"the {keep} are {mean} by the mean, which the interval does not decide",
    }
    clean = f"the {100 * whole['accuracy']:.1f} % that {whole['encoding']} has there without faults"
    return f"{100 * share(answer):.1f} % of {clean}; {how[state]}"


def learned(answer: dict[str, Any]) -> str:
    """Whether the network had learned from the held-out images, in words."""
    return LEARNED[_learned(str(answer["network"]), str(answer.get("weights", "")))]


def _learned(name: str, weights: str) -> str:
    try:
        card = checkpoints.unshipped().get(name) or checkpoints.card(name)
    except ResqError:
        return ancestry.UNKNOWN  # a deployed file, or weights that are not here
    if not str(card["sha256"]).startswith(weights):
        return ancestry.UNKNOWN
    return ancestry.seen(card, 0).share
