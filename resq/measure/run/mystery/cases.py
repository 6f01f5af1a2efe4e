"""A case: a letter and a number that decide what is hidden in a network or in its pictures. No torch.

"F17": a fault of the memory. "H17": hacked or broken, an attack on the pictures or a fault. Numbers below
``CHOSEN`` are drawn; from there on they hide what somebody has chosen, out of sight and no further: whoever
reads this file can open them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from resq.core import BitFlips, QuantizedModel, seeds
from resq.core.errors import ResqError
from resq.memory import faults

CHOSEN = 10_000
KINDS = {"flipped": "count", "stuck at 0": "stuck-at-0", "stuck at 1": "stuck-at-1"}  # name -> fault model
SHARES = (0.03, 0.1, 0.3, 1.0)  # of the layer's words
FAR = 0.1  # share of the words times the bit's value in top bits; weaker faults are not drawn
ATTACKS = ("fgsm", "pgd")
BUDGETS = (1, 2, 4, 8)  # 1/255
LETTERS = {"F": "a fault", "H": "hacked or broken"}


@dataclass(frozen=True)
class Fault:
    """One bit of a share of one layer's words is flipped, or its cells are stuck."""

    layer: str
    bit: int
    kind: str
    share: float


@dataclass(frozen=True)
class Hack:
    """Every picture is moved by at most eps / 255 a pixel; the network is as stored."""

    attack: str
    eps: int


Cause = Fault | Hack


@dataclass(frozen=True)
class Case:
    """A code, read.

    Attributes:
        letter: of ``LETTERS``.
        number: from ``CHOSEN`` on it hides what somebody chose.
    """

    letter: str
    number: int

    @property
    def code(self) -> str:
        """As people pass it on."""
        return f"{self.letter}{self.number}"


def read(code: str) -> Case:
    """The case of a code, in capitals or not.

    Raises:
        ResqError: it is none.

    >>> read(" f17 ")
    Case(letter='F', number=17)
    """
    text = code.strip().upper()
    letter, digits = text[:1], text[1:]
    if letter not in LETTERS or not (digits.isascii() and digits.isdecimal() and len(digits) <= 5):
        raise ResqError(
            f"{code[:20]!r} is no case: a case is F (a fault) or H (hacked or broken) and a number of up to "
            "five digits, such as F17"
        )
    return Case(letter, int(digits))


def every(model: QuantizedModel) -> list[Cause]:
    """All that can be hidden in a network: the faults layer by layer, then the attacks on its pictures."""
    broken = [
        Fault(layer, bit, kind, share)
        for layer, q in model.weights.items()
        for bit in range(q.encoding.word_bits)
        for kind in KINDS
        for share in SHARES
    ]
    return [*broken, *(Hack(attack, eps) for attack in ATTACKS for eps in BUDGETS)]


def hidden(cause: Cause, causes: Sequence[Cause], letter: str) -> Case:
    """The case in which somebody hides this cause.

    Raises:
        ResqError: the letter asks for a fault, and this is none.
    """
    if letter == "F" and not isinstance(cause, Fault):
        raise ResqError("case F is a fault, and an attack is none: hide it in a case H, hacked or broken")
    return Case(letter, CHOSEN + int(_shuffled(len(causes))[causes.index(cause)]))


def opened(case: Case, causes: Sequence[Cause]) -> Iterator[Cause]:
    """What the case may hide: of a chosen number the one cause, else draws without end, the first first.

    Raises:
        ResqError: a chosen number that hides nothing.
    """
    if case.number < CHOSEN:
        yield from _draws(case, causes)
    at = case.number - CHOSEN
    places = np.flatnonzero(_shuffled(len(causes)) == at)
    if not len(places) or (case.letter == "F" and isinstance(causes[places[0]], Hack)):
        raise ResqError(
            f"case {case.code} hides nothing: numbers below {CHOSEN} are drawn, and those above come from "
            "the box “Hide a cause for a class”"
        )
    yield causes[places[0]]


def _shuffled(n: int) -> np.ndarray:
    return seeds.rng(0, "mystery", "hidden").permutation(n)


def _draws(case: Case, causes: Sequence[Cause]) -> Iterator[Cause]:
    """Faults that move weights far enough to matter; in a case H, an attack as often as a fault."""
    rng = seeds.rng(case.number, "mystery", case.letter)
    top = max(cause.bit for cause in causes if isinstance(cause, Fault))
    broken = [c for c in causes if isinstance(c, Fault) and c.share * 2.0 ** (c.bit - top) >= FAR]
    hacks = [cause for cause in causes if isinstance(cause, Hack)]
    pool: Sequence[Cause] = hacks if case.letter == "H" and rng.random() < 0.5 else broken
    while True:
        yield pool[int(rng.integers(len(pool)))]


def flips(model: QuantizedModel, cause: Cause, case: Case) -> BitFlips:
    """The stored bits that the cause changes; the case decides in which words."""
    if isinstance(cause, Hack):
        return BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
    where = faults.region(model, [cause.layer], [cause.bit])
    rng = seeds.rng(case.number, "mystery", "words", cause.layer, cause.bit)
    return faults.FAULTS[KINDS[cause.kind]](where, cause.share, rng=rng)
