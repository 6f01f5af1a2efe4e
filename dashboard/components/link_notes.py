"""What a link asks for and a page cannot give: one sentence each, over the page's question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.components import query
from dashboard.format.sentences import FAULT_NAMES
from dashboard.model import url_schema

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

# Said elsewhere, in sentences of their own: networks, files, places, and measurements to follow.
ELSEWHERE = {"net", "nets", "file", "place", "job", "again", "map", "flow", "heat", "clean"}
ASKED, NOTES = query.ASKED, "link_notes"


def arrived(page: str) -> None:
    """On a page that was just opened: notes what its address asks for, before a widget takes it."""
    known = url_schema.PARAMS.get(page, {})
    asked = {name: st.query_params.get_all(name) for name in known if name not in ELSEWHERE}
    for name in query.FAULTS & asked.keys():  # as commands spell them, or as the list does
        asked[name] = [FAULT_NAMES.get(text, text) for text in asked[name]]
    asked["flip"] = [bit for text in asked.get("flip", ()) for bit in text.split(",")]
    st.session_state[ASKED] = {name: texts for name, texts in asked.items() if any(texts)}
    st.session_state[NOTES] = {}


def place() -> DeltaGenerator:
    """Where the sentences will stand, kept free before the page is drawn."""
    return st.container(key="shell_link")


def shown(page: str, here: DeltaGenerator) -> None:
    """Says what the page shows in the place of what its link asked for, until something else is chosen."""
    now = st.session_state
    for name, texts in now.pop(ASKED, {}).items():
        if (instead := held(name)) is not None and lost(texts, instead):
            now[NOTES][name] = texts, instead
    now[NOTES] = {name: note for name, note in now.get(NOTES, {}).items() if held(name) == note[1]}
    with here:
        for name, (texts, instead) in now[NOTES].items():
            meaning = url_schema.PARAMS[page][name][1]
            st.text(sentence(name, meaning, lost(texts, instead), instead))


def sentence(name: str, meaning: str, asked: Sequence[str], instead: Sequence[str]) -> str:
    """What came and what is shown.

    >>> sentence("n", "test images", ["7"], ["1000"])
    'The link asks for n=7 (test images), which this page does not have: it shows n=1000.'
    """
    wanted, there = (", ".join(f"{name}={text[:60]}" for text in texts) for texts in (asked, instead))
    return (
        f"The link asks for {wanted} ({meaning}), which this page does not have: it shows {there or 'none'}."
    )


def lost(asked: Sequence[str], held_texts: Sequence[str]) -> list[str]:
    """Those of the asked values that are not held; an empty value asks for nothing.

    >>> lost(["37"], ["1000"]), lost(["1e-2", ""], ["0.01"]), lost(["PGD"], ["pgd"])
    (['37'], [], [])
    """
    there = {_plain(text) for text in held_texts}
    return [text for text in asked if text and _plain(text) not in there]


def _plain(text: str) -> str:
    """One spelling for all that mean the same."""
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text.strip().casefold()


def held(name: str) -> list[str] | None:
    """How an address spells what the page shows for a parameter; None where nothing on the page shows it."""
    if (bound := _bound(name)) is not None:
        return bound
    value = st.session_state.get(UNBOUND[name]) if name in UNBOUND else None
    if value is None:
        return None
    return [str(part) for part in value] if isinstance(value, tuple) else [str(value)]


# Parameters that pages read by hand -> where the session holds what they became.
UNBOUND = {"claim": "claim", "lesson": "lesson", "flip": "flips"}


def _bound(name: str) -> list[str] | None:
    """The same of a widget that is bound to the address, whose own spelling Streamlit keeps to itself.

    It drops what a widget does not have from the address without a word, and what is as usual too, so
    that the address alone does not tell the two apart.
    """
    control = query.bound(name)
    return None if control is None else _texts(control[1].serializer(st.session_state[name]))


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    values = value if isinstance(value, list | tuple) else [value]
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in values]
