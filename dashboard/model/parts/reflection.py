"""A question after the reveal, with four answers of which one is right. No streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resq.core import validation
from resq.core.errors import ResqError

ANSWERS = 4
MOST = 60  # reflections that an address may hold


@dataclass(frozen=True)
class Reflection:
    """What the step has shown, asked once more in other words.

    Attributes:
        why: what is said of the right answer, whichever was given.
    """

    ask: str
    answers: tuple[str, ...]
    right: str
    why: str


def read(entries: Any, where: str) -> Reflection:
    """The reflection of a TOML table.

    Raises:
        ResqError: a field is missing or unknown, or there are not four answers with the right one among them.
    """
    made = validation.build(Reflection, entries, where, "a reflection")
    if len(set(made.answers)) != ANSWERS or made.right not in made.answers:
        raise ResqError(
            f"{where} has {len(set(made.answers))} answers and right {made.right!r}; a reflection has "
            f"{ANSWERS} different ones, of which one is right"
        )
    return made


def given_of(text: str) -> dict[str, int]:
    """The answers of an address: the key of each reflection -> the number of its answer, from 0.

    What is none is left out: anybody may write an address.

    >>> given_of("bit_0.3,msb_2.1,nonsense,bit_1.9")
    {'bit_0': 2, 'msb_2': 0}
    """
    pairs = (part.rpartition(".") for part in text.split(",")[:MOST])
    return {
        key: int(number) - 1
        for key, _, number in pairs
        if key and number in {str(i + 1) for i in range(ANSWERS)}
    }


def written(given: Mapping[str, int]) -> str:
    """Answers as an address holds them; ``given_of`` reads them.

    >>> written({"bit_0": 2, "msb_2": 0})
    'bit_0.3,msb_2.1'
    """
    return ",".join(f"{key}.{answer + 1}" for key, answer in given.items())
