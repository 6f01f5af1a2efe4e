"""Lessons as files: each a sequence of steps with a view of the lab, a question, and a reveal. No streamlit.

A teacher adds one as one file, text/lessons/NUMBER-NAME.toml; ``read`` checks it whole. A reveal is text with
{places}; what fills them is computed from the stored rows, never written into the file:

    {acc ber=1e-2 encoding=int8}      mean accuracy there, in percent
    {drop ber=1e-2 encoding=int8}     points lost against the same network without faults
    {acc eps=8}                       under attack
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard import state, theme

FOLDER = Path(__file__).resolve().parent / "text" / "lessons"
FIELDS = {"title", "minutes", "about", "step"}
STEP = {"do", "page", "query", "hide", "ask", "choices", "reveal"}
DEFAULTS = {"checkpoint": "signs/resnet20/base", "encoding": "int8", "fault": "random"}


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
        ValueError: not TOML, an unknown or missing field, page, parameter, group or place; it is named.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} is not a readable lesson: {error}") from None
    _check(file.name, given, FIELDS, FIELDS)
    steps = tuple(_step(f"{file.name}, step {i + 1}", step) for i, step in enumerate(given["step"]))
    return Lesson(file.stem.partition("-")[2], given["title"], int(given["minutes"]), given["about"], steps)


def _step(where: str, given: dict[str, Any]) -> Step:
    _check(where, given, STEP, {"do", "page", "reveal"})
    page = given["page"]
    if page not in state.PARAMS:
        raise ValueError(f"{where} has page {page!r}; there are {', '.join(state.PARAMS)}")
    unknown = sorted(set(given.get("hide", ())) - set(state.GROUPS[page]))
    if unknown:
        raise ValueError(f"{where} hides {unknown[0]!r}; page {page} has {', '.join(state.GROUPS[page])}")
    state.query(page, given.get("query", {}))
    fill(given["reveal"], lambda _kind, _at: "")
    return Step(
        given["do"], page, given.get("query", {}), tuple(given.get("hide", ())), given.get("ask", ""),
        tuple(given.get("choices", ())), given["reveal"],
    )  # fmt: skip


def _check(where: str, given: dict[str, Any], known: set[str], needed: set[str]) -> None:
    unknown, lacking = sorted(set(given) - known), sorted(needed - set(given))
    if unknown or lacking:
        said = f"has {unknown[0]}" if unknown else f"lacks {lacking[0]}"
        raise ValueError(f"{where} {said}; it takes {', '.join(sorted(known))}")


def every() -> list[Lesson]:
    """All lessons, in the order of their numbers."""
    return [read(file) for file in sorted(FOLDER.glob("*.toml"))]


def fill(text: str, value: Callable[[str, dict[str, str]], str]) -> str:
    """The text with every {kind key=value ...} replaced by what ``value`` says of it.

    Raises:
        ValueError: a place of an unknown kind.
    """

    def one(match: re.Match[str]) -> str:
        kind, *pairs = match[1].split()
        if kind not in ("acc", "drop") or not all("=" in pair for pair in pairs):
            raise ValueError(
                f"{{{match[1]}}} is no place: write {{acc ber=1e-2 encoding=int8}} or {{drop ...}}"
            )
        return value(kind, dict(pair.split("=", 1) for pair in pairs))

    return re.sub(r"\{([^{}]+)\}", one, text)


def reveal(text: str, rows: pd.DataFrame) -> str:
    """The text with its places filled from measured rows; what was not measured says so."""
    return fill(text, lambda kind, at: _value(kind, {**DEFAULTS, **at}, rows))


def _value(kind: str, at: dict[str, str], rows: pd.DataFrame) -> str:
    now = accuracy(rows, at)
    if kind == "acc":
        return "(not measured here)" if math.isnan(now) else theme.percent(now)
    lost = accuracy(rows, {k: v for k, v in at.items() if k not in ("ber", "eps")} | _clean(at)) - now
    return "(not measured here)" if math.isnan(lost) else f"{100 * lost:.1f} points"


def _clean(at: dict[str, str]) -> dict[str, str]:
    return {"eps": "0"} if "eps" in at else {"ber": "0"}


def accuracy(rows: pd.DataFrame, at: dict[str, str]) -> float:
    """Mean accuracy of the rows at a place; NaN where there are none."""
    axis = "eps" if "eps" in at else "ber"
    found = rows[(rows["axis"] == axis) & (rows["region"] == "all") & (rows["seed"] == 0)]
    for key, value in at.items():
        if axis == "eps" and key == "fault":
            continue
        found = (
            found[(found[key] - float(value)).abs() < 1e-12]
            if key in ("ber", "eps", "n")
            else found[found[key] == value]
        )
    if found.empty:
        return float("nan")
    found = found[found["n"] == found["n"].max()]
    return float((found["correct"] / found["n"]).mean())


def names(lessons: Sequence[Lesson]) -> list[str]:
    """Names for the address."""
    return [lesson.name for lesson in lessons]


def file_of(name: str) -> str:
    """The file of a lesson."""
    return next(file.name for file in FOLDER.glob("*.toml") if file.stem.partition("-")[2] == name)
