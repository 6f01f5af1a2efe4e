"""Flips that change an answer, found beforehand: where the Bit lab opens. No streamlit."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "text" / "decisive.toml"


@dataclass(frozen=True)
class Flip:
    """One stored bit whose flip changes the answer to one test picture.

    Attributes:
        weights, picture: first 16 hex digits of the hashes of the checkpoint's file and of the picture.
        img: number of the picture in its test set.
        before, after: the two answers; an empty one is no answer at all.
    """

    net: str
    weights: str
    enc: str
    img: int
    picture: str
    layer: str
    w: int
    bit: int
    before: str
    after: str

    @property
    def says(self) -> str:
        """What the flip does, in words.

        >>> every()[0].says
        'road narrows → pedestrians'
        """
        return f"{self.before} → {self.after or 'no answer'}"


@cache
def every() -> tuple[Flip, ...]:
    """All that are stored, the one that opens the page first."""
    return tuple(Flip(**line) for line in tomllib.loads(FILE.read_text(encoding="utf-8"))["flip"])


def of(net: str, enc: str, weights: str) -> Flip | None:
    """The one of a network as stored, if these are the weights that it was found in."""
    return next((f for f in every() if (f.net, f.enc) == (net, enc) and weights.startswith(f.weights)), None)


def pictures(data: str) -> tuple[int, ...]:
    """The pictures of a data set that these flips are about, by number."""
    return tuple(sorted({f.img for f in every() if f.net.startswith(f"{data}/")}))
