"""Lessons as files: each a sequence of steps with a view of the lab, a question, and a reveal. No streamlit.

A teacher adds one as one file, text/lessons/NUMBER-NAME.toml; ``read`` checks it whole. In other languages: a
file of the same name in a folder there named by the language. A reveal is text with
{places}; what fills them is computed from the stored rows, never written into the file, and each names its
figure in full, see ``dashboard.model.storage.places``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dashboard.model import url_schema
from dashboard.model.parts import challenge, reflection, scale
from dashboard.model.parts.fixed_words import say
from dashboard.model.storage import places
from resq.core import validation
from resq.core.errors import ResqError

FOLDER = Path(__file__).resolve().parents[1] / "text" / "lessons"
LONGEST = 12  # minutes of a step
LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español"}


@dataclass(frozen=True)
class Step:
    """One view of the lab with a task, and a question whose answer comes after a prediction.

    Attributes:
        do: the task, which the link carries.
        page, query, hide: the view.
        ask, choices: what to predict; without choices there is nothing to predict.
        right: the choice that is right; empty where the answer is no single choice.
        scale, unit, truth: instead of choices a number is predicted: first, last and step of its scale, and
            the place {acc ...} of the measured one, in percent.
        reveal: text with {places} that stored rows fill.
        minutes: how long it takes.
        math: Markdown, folded away.
        notes: for the teacher: typical wrong answers, what to ask then.
        reflect, challenge: what comes after the reveal.
    """

    do: str
    page: str
    reveal: str
    minutes: int
    query: dict[str, Any] = field(default_factory=dict)
    hide: tuple[str, ...] = ()
    ask: str = ""
    choices: tuple[str, ...] = ()
    right: str = ""
    scale: tuple[float, ...] = ()
    unit: str = ""
    truth: str = ""
    math: str = ""
    notes: str = ""
    reflect: reflection.Reflection | None = None
    challenge: challenge.Challenge | None = None

    def predicted_right(self, choice: str) -> bool | None:
        """Whether a prediction is right; None where the answer is no single choice."""
        return choice == self.right if self.right else None


@dataclass(frozen=True)
class Lesson:
    """A sequence of steps.

    Attributes:
        language: of its text, and so of the fixed words around it.
    """

    name: str
    title: str
    about: str
    steps: tuple[Step, ...]
    language: str = "en"

    @property
    def minutes(self) -> int:
        """How long all steps take."""
        return sum(step.minutes for step in self.steps)


@dataclass(frozen=True)
class _File:
    """A lesson as it is written."""

    title: str
    about: str
    step: tuple[dict[str, Any], ...]


def read(file: Path) -> Lesson:
    """The lesson in a TOML file.

    Raises:
        ResqError: not TOML, an unknown or missing field, page, parameter, group or place; it is named.
    """
    written = validation.build(_File, validation.read_toml(file, "lesson"), file.name, "a lesson")
    steps = tuple(_step(f"{file.name}, step {i + 1}", step) for i, step in enumerate(written.step))
    language = "en" if file.parent == FOLDER else file.parent.name
    return Lesson(file.stem.partition("-")[2], written.title, written.about, steps, language)


def _step(where: str, entries: Any) -> Step:
    parts: dict[str, Any] = {}
    if isinstance(entries, dict):
        kinds: dict[str, Callable[[Any, str], Any]] = {
            "reflect": reflection.read, "challenge": challenge.read,
        }  # fmt: skip
        parts = {name: kinds[name](entries[name], f"{where}, {name}") for name in kinds if name in entries}
        entries = {name: value for name, value in entries.items() if name not in parts}
    step = replace(validation.build(Step, entries, where, "a step"), **parts)
    _check_view(where, step)
    if step.scale:
        step = replace(step, choices=scale.choices(step.scale, step.unit, where))
    _check_texts(where, step)
    return step


def _check_view(where: str, step: Step) -> None:
    if step.page not in url_schema.PARAMS:
        raise ResqError(f"{where} has page {step.page!r}; there are {', '.join(url_schema.PARAMS)}")
    groups = url_schema.GROUPS[step.page]
    if unknown := sorted(set(step.hide) - set(groups)):
        raise ResqError(f"{where} hides {unknown[0]!r}; page {step.page} has {', '.join(groups)}")
    url_schema.query(step.page, step.query)


def _check_texts(where: str, step: Step) -> None:
    if not 0 < step.minutes <= LONGEST:
        raise ResqError(f"{where} takes {step.minutes} minutes; a step takes 1 to {LONGEST}")
    if bool(step.scale) != bool(step.truth):
        raise ResqError(f"{where} has scale or truth alone: a number is predicted, a measured one shown")
    if step.right and step.right not in step.choices:
        raise ResqError(
            f"{where} has right {step.right!r}; its choices are {', '.join(step.choices) or 'none'}"
        )
    try:
        places.places(step.reveal)
        places.places(step.truth)
    except ResqError as error:
        raise ResqError(f"{where}: {error}") from None


def every(language: str = "en") -> list[Lesson]:
    """All lessons, in the order of their numbers; those that are not translated in English."""
    files = sorted(FOLDER.glob("*.toml"), key=lambda file: int(file.stem.partition("-")[0]))
    return [read(own if (own := FOLDER / language / file.name).is_file() else file) for file in files]


def listed(lesson: Lesson, language: str) -> str:
    """The title of a lesson in a list that is read in a language; it says where that has only English.

    >>> english = every()[1]
    >>> listed(english, "de"), listed(english, "en")
    ('Why the most significant bit? (nur auf Englisch)', 'Why the most significant bit?')
    """
    only = lesson.language != language
    return f"{lesson.title} ({say(language, 'only_english')})" if only else lesson.title


def languages() -> dict[str, str]:
    """The languages that lessons are written in: what an address says -> its name."""
    return {key: name for key, name in LANGUAGES.items() if key == "en" or (FOLDER / key).is_dir()}


def position(lesson: Lesson, address: str) -> int:
    """The number of a step from 0, of an address that counts from 1; the first where it says none."""
    return (
        min(int(address[:4]), len(lesson.steps)) - 1
        if address.isascii() and address[:4].isdecimal() and int(address[:4])
        else 0
    )


def predictions_of(lesson: Lesson, text: str) -> dict[int, str]:
    """The predictions of an address: for each step the number of the choice from 1; 0: none yet.

    >>> lesson = every()[0]
    >>> predictions_of(lesson, "2,0")
    {0: 'by 7'}
    >>> predictions_of(lesson, "nonsense,9,1")
    {}
    """
    predictions = {}
    for number, (step, word) in enumerate(zip(lesson.steps, text.split(","), strict=False)):
        if word.isascii() and word.isdecimal() and 0 < int(word[:4]) <= len(step.choices):
            predictions[number] = step.choices[int(word[:4]) - 1]
    return predictions


def written(lesson: Lesson, predictions: Mapping[int, str]) -> str:
    """The predictions as an address holds them; ``said`` reads them.

    >>> written(every()[0], {0: "by 128"})
    '4,0'
    """
    return ",".join(
        str(step.choices.index(predictions[number]) + 1 if number in predictions else 0)
        for number, step in enumerate(lesson.steps)
    )


def names(lessons: Sequence[Lesson]) -> list[str]:
    """Names for the address."""
    return [lesson.name for lesson in lessons]


def file_of(name: str) -> str:
    """The file of a lesson."""
    return next(file.name for file in FOLDER.glob("*.toml") if file.stem.partition("-")[2] == name)
