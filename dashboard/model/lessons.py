"""Lessons as files: each a sequence of steps with a view of the lab, a question, and a reveal. No streamlit.

A teacher adds one as one file, text/lessons/NUMBER-NAME.toml; ``read`` checks it whole. A reveal is text with
{places}; what fills them is computed from the stored rows, never written into the file, and each names its
figure in full, see ``dashboard.model.places``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.model import places, url_schema
from resq.core.errors import ResqError

FOLDER = Path(__file__).resolve().parents[1] / "text" / "lessons"
FIELDS = {"title", "minutes", "about", "step"}
STEP = {"do", "page", "query", "hide", "ask", "choices", "reveal"}


@dataclass(frozen=True)
class Step:
    """One view of the lab with a task, and a question whose answer comes after a prediction.

    Attributes:
        do: the task, which the link carries.
        page, query, hide: the view.
        ask, choices: what to predict; without choices there is nothing to predict.
        reveal: text with {places} that stored rows fill.
    """

    do: str
    page: str
    query: dict[str, Any]
    hide: tuple[str, ...]
    ask: str
    choices: tuple[str, ...]
    reveal: str


@dataclass(frozen=True)
class Lesson:
    """A sequence of steps."""

    name: str
    title: str
    minutes: int
    about: str
    steps: tuple[Step, ...]


def read(file: Path) -> Lesson:
    """The lesson in a TOML file.

    Raises:
        ResqError: not TOML, an unknown or missing field, page, parameter, group or place; it is named.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ResqError(f"{file.name} is not a readable lesson: {error}") from None
    _check(file.name, given, FIELDS, FIELDS)
    steps = tuple(_step(f"{file.name}, step {i + 1}", step) for i, step in enumerate(given["step"]))
    return Lesson(file.stem.partition("-")[2], given["title"], int(given["minutes"]), given["about"], steps)


def _step(where: str, given: dict[str, Any]) -> Step:
    _check(where, given, STEP, {"do", "page", "reveal"})
    page = given["page"]
    if page not in url_schema.PARAMS:
        raise ResqError(f"{where} has page {page!r}; there are {', '.join(url_schema.PARAMS)}")
    unknown = sorted(set(given.get("hide", ())) - set(url_schema.GROUPS[page]))
    if unknown:
        raise ResqError(f"{where} hides {unknown[0]!r}; page {page} has {', '.join(url_schema.GROUPS[page])}")
    url_schema.query(page, given.get("query", {}))
    try:
        places.places(given["reveal"])
    except ResqError as error:
        raise ResqError(f"{where}: {error}") from None
    return Step(
        given["do"], page, given.get("query", {}), tuple(given.get("hide", ())), given.get("ask", ""),
        tuple(given.get("choices", ())), given["reveal"],
    )  # fmt: skip


def _check(where: str, given: dict[str, Any], known: set[str], needed: set[str]) -> None:
    unknown, lacking = sorted(set(given) - known), sorted(needed - set(given))
    if unknown or lacking:
        said = f"has {unknown[0]}" if unknown else f"lacks {lacking[0]}"
        raise ResqError(f"{where} {said}; it takes {', '.join(sorted(known))}")


def every() -> list[Lesson]:
    """All lessons, in the order of their numbers."""
    return [read(file) for file in sorted(FOLDER.glob("*.toml"))]


def names(lessons: Sequence[Lesson]) -> list[str]:
    """Names for the address."""
    return [lesson.name for lesson in lessons]


def file_of(name: str) -> str:
    """The file of a lesson."""
    return next(file.name for file in FOLDER.glob("*.toml") if file.stem.partition("-")[2] == name)
