"""A question after the reveal, with four answers of which one is right. No streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resq.core import validation
from resq.core.errors import ResqError

ANSWERS = 4


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
