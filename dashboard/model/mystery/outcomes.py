"""What a probe gives, as a sentence: it stands over the figure, and a screen reader says it of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dashboard.format import numbers, sentences
from dashboard.model.mystery.diagnosis import layer_name, share_name
from resq.measure.run.mystery.cases import Cause, Fault

if TYPE_CHECKING:
    from resq.measure.run.mystery.suspect import Layer

NOISE = 1e-6  # relative; what sums in another order may differ by


def clean(untouched: float, seen: float) -> str:
    """Accuracy on pictures straight from the camera, beside the pictures that reach the network."""
    return (
        f"Straight from the camera {numbers.percent(untouched)} of the pictures are right, of those that "
        f"reached it {numbers.percent(seen)}."
    )


def pixels(moves: np.ndarray) -> str:
    """How far pixels are moved: float (values,) in 1/255.

    >>> pixels(np.zeros(4))
    'No value of any picture is moved.'
    >>> pixels(np.array([0.0, 2.0, -2.0, 1.0])).replace(numbers.THIN, " ")
    '75.0 % of the values are moved, by at most 2.0/255; 66.7 % of them by exactly that much.'
    """
    size = np.abs(moves)
    moved = size[size > 0.01]
    if not len(moved):
        return "No value of any picture is moved."
    most = float(moved.max())
    whole = float((moved > most - 0.01).mean())
    return (
        f"{numbers.percent(len(moved) / len(moves))} of the values are moved, by at most {most:.1f}/255; "
        f"{numbers.percent(whole)} of them by exactly that much."
    )


def trace(changes: Mapping[str, float]) -> str:
    """Where the outputs begin to differ.

    >>> trace({"conv1.weight": 0.0, "linear.weight": 0.5}).replace(numbers.THIN, " ")
    'The first layer whose output is off is linear, by 50.0 %; everything before it is as it should be.'
    """
    off = [(name, change) for name, change in changes.items() if change > NOISE]
    if not off:
        return "No layer's output is off."
    name, change = off[0]
    first = name == next(iter(changes))
    rest = "it is the first of all" if first else "everything before it is as it should be"
    how = sentences.change_of(change)
    return f"The first layer whose output is off is {layer_name(name)}, by {how}; {rest}."


def checksum(name: str, layer: Layer) -> str:
    """Whether a word of a layer has changed."""
    if int(layer.risen.sum() + layer.fallen.sum()):
        return f"The checksum of {layer_name(name)} is wrong: at least one of its words has changed."
    return f"The checksum of {layer_name(name)} is right: none of its words has changed."


def histogram(layer: Layer) -> str:
    """The ends of the weights, as stored and now."""
    ends = [f"{numbers.number(float(v.min()))} to {numbers.number(float(v.max()))}" for v in layer.values]
    return f"Stored weights went from {ends[0]}; now they go from {ends[1]}."


def ones(layer: Layer) -> str:
    """The bits that are 1 in more or fewer words than was stored."""
    parts = [
        f"bit {bit} is 1 in {now:,} of {layer.values.shape[1]:,} words, stored were {then:,}"
        for bit, (then, now) in enumerate(layer.ones.T.tolist())
        if then != now
    ]
    if not parts:
        return "Each bit is 1 in as many words as was stored."
    return f"{_sentence(parts)}. Every other bit is 1 in as many as was stored."


def words(layer: Layer) -> str:
    """The bits that have changed, and which way."""
    parts = [
        f"bit {bit}: {up:,} words from 0 to 1, {down:,} from 1 to 0"
        for bit, (up, down) in enumerate(zip(layer.risen.tolist(), layer.fallen.tolist(), strict=True))
        if up + down
    ]
    if not parts:
        return "No word of this layer has changed."
    return f"{_sentence(parts)}; of {layer.values.shape[1]:,} words. No other bit has changed."


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def cause(true: Cause, flips: int) -> str:
    """What was hidden."""
    if not isinstance(true, Fault):
        return (
            f"Hacked: {true.attack.upper()} moved every picture that was still right, by at most "
            f"{true.eps}/255 a pixel. Not one stored bit had changed."
        )
    how = f"bit {true.bit} of {layer_name(true.layer)} is {true.kind} in {share_name(true.share)}"
    held = "" if true.kind == "flipped" else "; a cell that already held what it is stuck at shows nothing"
    return f"Broken: {how}. That changed {flips:,} words{held}."


def lesson(true: Cause) -> str:
    """How such a cause shows itself."""
    if not isinstance(true, Fault):
        return (
            "An attack leaves every checksum right, and the network is as good as ever on untouched "
            "pictures; its error is small in the first layer and grows with every layer. FGSM takes one "
            "step, so nearly every pixel ends at the edge of the budget; PGD takes many, and its pixels lie "
            "between."
        )
    if true.kind == "flipped":
        return (
            "A flip turns ones into zeros and zeros into ones: in a bit that is 1 in half of the words the "
            "count of ones hardly moves, and only a comparison word by word shows it. The error begins in "
            "the faulty layer and nowhere before."
        )
    return (
        "Stuck cells change in one direction only, so the count of ones gives them away; about half of them "
        "already held that value, so twice as many are stuck as have changed."
    )
