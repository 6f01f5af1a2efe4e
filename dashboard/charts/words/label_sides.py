"""On which side of its dot a label hides least."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

PLACES = (
    "middle right", "middle left", "top center", "bottom center",
    "top right", "top left", "bottom right", "bottom left",
)  # fmt: skip
LETTER = 0.02  # width of a letter, as a share of a picture of half a page
Box = tuple[float, float, float, float]  # left, bottom, right, top
Line = tuple[float, ...]  # its ends: x, y, x, y
Pair = tuple[pd.Series, pd.Series]  # two models that an arrow joins


def sides(areas: pd.DataFrame, dots: pd.DataFrame, x: str, y: str, arrows: Sequence[Pair] = ()) -> list[str]:
    """Where each label goes: to the side of its dot where it is whole and hides least of all that is drawn.

    Nowhere ("") where the same word stands at a dot close by, of the model in another encoding. Lengths are
    shares of the picture: of half a page's, a letter is ``LETTER`` wide and about 0.045 high.
    """
    ends = {name: around(areas[name])["range"] for name in (x, y)}
    where = {name: ((dots[name] - low) / (high - low)).tolist() for name, (low, high) in ends.items()}
    points = list(zip(where[x], where[y], strict=True))
    words = dots["label"].tolist()
    once = ["" if _repeated(points, words, i) else word for i, word in enumerate(words)]
    return places(points, once, [_line(pair, ends) for pair in arrows])


def places(
    points: Sequence[tuple[float, float]],
    labels: Sequence[str],
    lines: Sequence[Line],
    letter: float = LETTER,
) -> list[str]:
    """Where the label of each point goes, as ``sides``; nowhere if it is empty.

    Args:
        points: right and up, as shares of the picture.
        lines: the ends of what else is drawn, as such shares.
        letter: width of a letter, as a share of the picture.
    """
    taken = [(h - letter, v - 0.03, h + letter, v + 0.03) for h, v in points]
    chosen: list[str] = []
    for i, label in enumerate(labels):
        if not label:
            chosen.append("")
            continue
        boxes = _boxes(*points[i], letter * len(label), 1.25 * letter)
        chosen.append(min(boxes, key=partial(_cost, boxes, taken, lines)))
        taken.append(boxes[chosen[-1]])
    return chosen


def _line(pair: Pair, ends: Mapping[str, Sequence[float]]) -> Line:
    """The ends of an arrow, as shares of the picture."""
    return tuple(
        float((end[name] - low) / (high - low)) for end in pair for name, (low, high) in ends.items()
    )


def _repeated(points: Sequence[tuple[float, float]], words: Sequence[str], i: int) -> bool:
    """Whether a dot's word stands already at one less than a twentieth of the picture away."""
    return any(
        words[j] == words[i]
        and all(abs(one - other) < 0.05 for one, other in zip(points[i], points[j], strict=True))
        for j in range(i)
    )


def _boxes(h: float, v: float, wide: float, gap: float = 0.025) -> dict[str, Box]:
    """The places of a label ``gap`` beside its dot, by Plotly's names."""
    across = {"right": (h + gap, h + gap + wide), "left": (h - gap - wide, h - gap),
              "center": (h - wide / 2, h + wide / 2)}  # fmt: skip
    along = {"middle": (v - 0.022, v + 0.022), "top": (v + 0.035, v + 0.08), "bottom": (v - 0.08, v - 0.035)}
    return {
        name: (across[side][0], along[up][0], across[side][1], along[up][1])
        for name in PLACES
        for up, side in [name.split()]
    }


def _cost(boxes: Mapping[str, Box], taken: Sequence[Box], lines: Sequence[Line], side: str) -> float:
    """What a label at this side of its dot would hide."""
    return _hidden(boxes[side], taken) + _crossed(boxes[side], lines)


def _hidden(label: Box, taken: Sequence[Box]) -> float:
    """How much of a label lies on others; what lies outside the picture is cut off, which is worse."""
    outside = _overlap(label, label) - _overlap(label, (0.0, 0.0, 1.0, 1.0))
    return sum(_overlap(label, other) for other in taken) + 5 * outside


def _crossed(label: Box, lines: Sequence[Line]) -> float:
    """How much of a label lies on arrows: their length in it, as wide as an arrow is drawn."""
    return 0.03 * sum(_inside(label, line) for line in lines)


def _inside(box: Box, line: Line) -> float:
    """The length of a line's part in a box (Liang and Barsky's clipping).

    >>> _inside((0, 0, 1, 1), (-1.0, 0.5, 3.0, 0.5)), _inside((0, 0, 1, 1), (2.0, 0.0, 2.0, 1.0))
    (1.0, 0.0)
    """
    (x, y), (dx, dy) = line[:2], (line[2] - line[0], line[3] - line[1])
    first, last = 0.0, 1.0
    for step, room in ((-dx, x - box[0]), (dx, box[2] - x), (-dy, y - box[1]), (dy, box[3] - y)):
        if step == 0 and room < 0:
            return 0.0
        if step < 0:
            first = max(first, room / step)
        elif step > 0:
            last = min(last, room / step)
    return max(0.0, last - first) * math.hypot(dx, dy)


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def around(shares: pd.Series) -> dict[str, Any]:
    """An axis a little wider than the values: one dot alone would get an axis to 150 %."""
    room = max(0.02, 0.12 * float(shares.max() - shares.min()))
    low, high = float(shares.min()) - room, float(shares.max()) + room
    return {"range": [low, high], "tickformat": ".1%" if high - low < 0.06 else ".0%", "nticks": 6}
