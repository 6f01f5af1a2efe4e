"""The plan of a class: parts with minutes, each of a lesson or of talk. No streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.model.lessons import Lesson
from resq.core import validation
from resq.core.errors import ResqError

FILE = Path(__file__).resolve().parents[1] / "text" / "plan.toml"


@dataclass(frozen=True)
class Part:
    """One part of a class.

    Attributes:
        do: what happens in it.
        lesson, steps: the lesson it is taken from, and how many of its steps; "" and 0 where it is talk.
    """

    minutes: int
    do: str
    lesson: str = ""
    steps: int = 0


@dataclass(frozen=True)
class _File:
    part: tuple[dict[str, object], ...]


def read(every: Sequence[Lesson], file: Path = FILE) -> list[Part]:
    """The parts, in order.

    Raises:
        ResqError: not TOML, an unknown field, a lesson that there is not, or more steps than it has.
    """
    written = validation.build(_File, validation.read_toml(file, "plan"), file.name, "a plan")
    parts = [
        validation.build(Part, part, f"{file.name}, part {number}", "a part")
        for number, part in enumerate(written.part, 1)
    ]
    known = {lesson.name: len(lesson.steps) for lesson in every}
    for part in parts:
        if part.lesson and not 0 < part.steps <= known.get(part.lesson, 0):
            raise ResqError(
                f"{file.name} asks for {part.steps} steps of lesson {part.lesson!r}; there are "
                f"{', '.join(f'{name} ({n})' for name, n in known.items())}"
            )
    return parts
