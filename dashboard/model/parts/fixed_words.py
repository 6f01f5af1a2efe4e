"""The fixed words of a lesson, its headings and buttons, in the language of its text. No streamlit."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "text" / "lesson_words.toml"


@cache
def every() -> dict[str, dict[str, str]]:
    """All of them: language -> key -> the words, with places in {braces}."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def say(language: str, key: str, **filled: object) -> str:
    """Fixed words with their places filled.

    Args:
        language: of the lesson, not of the address: a lesson that is not translated stays English in whole.

    >>> say("en", "step", n=2, of=5), say("de", "step", n=2, of=5), say("es", "next")
    ('Step 2 of 5.', 'Schritt 2 von 5.', 'Siguiente')
    """
    return every()[language][key].format(**filled)
