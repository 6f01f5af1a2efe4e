"""The network that a visitor has chosen goes along from page to page, unless a link says otherwise."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from dashboard.components import link_notes, query
from dashboard.model import url_schema

KEPT = "network_kept"
BROUGHT = (
    "network_brought"  # what was just brought, what the lists showed before, and until when that is stale
)
STALE = 5.0  # s; a browser that was busy tells its lists as they were before the choice


def carry(names: Sequence[str], key: str = "net") -> None:
    """Before the list with this key is drawn: what was chosen elsewhere is chosen here too.

    A link that sets anything of the page is taken at its word: its sender saw this page's own first network.
    """
    _again(names, key)
    name, page = st.session_state.get(KEPT, ""), st.session_state.get("page", "")
    linked = set(st.query_params) & set(url_schema.PARAMS.get(page, {}))
    arrived = link_notes.ASKED in st.session_state
    if linked or name not in names:
        return
    if key not in st.session_state or (arrived and _holds(key, name)):  # or held over from an earlier page
        # Said again also where it is held: a list is drawn with its usual choice unless it is told another.
        st.session_state[key] = [name] if key in url_schema.MANY else name
        query.before_widget(key, name)


def _holds(key: str, name: str) -> bool:
    return bool(name) and st.session_state.get(key) in (name, [name])


def keep(name: str) -> None:
    """After it: what is chosen here will be chosen elsewhere."""
    st.session_state[KEPT] = name


def choose(name: str) -> None:
    """From outside the lists: a network that was just brought."""
    now = st.session_state
    now[KEPT] = name
    before = {key: now[key] for key in ("net", "nets") if key in now and now[key] not in (name, [name])}
    earlier, shown, _ = now.get(BROUGHT, ("", {}, 0.0))
    now[BROUGHT] = name, {**(shown if earlier == name else {}), **before}, time.monotonic() + STALE
    for key, value in (("net", name), ("nets", [name])):
        if key in now:
            now[key] = value


def _again(names: Sequence[str], key: str) -> None:
    """Chooses once more what was just brought, where the browser has told the list as it was before."""
    now = st.session_state
    name, before, end = now.get(BROUGHT, ("", {}, 0.0))
    if name in names and time.monotonic() < end and key in before and now.get(key) == before[key]:
        now[key] = [name] if key in url_schema.MANY else name
