"""Streamlit's options read without its lock, which every message of every session takes.

Each message asks how large it may be, each run how the theme is set: some hundred times a page, always for
the same answer. With a hundred visitors their threads queue for that one lock. Options are a dict that is put
in place whole when it has been read, so reading one needs no lock.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit import config


def install() -> None:
    """From now on, in this process; doing it again changes nothing."""
    config.get_option = st.get_option = option
    config.get_options_for_section = options_of


_option, _section = config.get_option, config.get_options_for_section


def option(key: str) -> Any:
    """The value of an option, as Streamlit gives it.

    Args:
        key: ``section.name``.

    Raises:
        RuntimeError: there is no such option.

    >>> option("server.maxUploadSize") == st.get_option("server.maxUploadSize")
    True
    """
    known = config._config_options
    return known[key].value if known and key in known else _option(key)


def options_of(section: str) -> dict[str, Any]:
    """All options of a section by their names, as Streamlit gives them.

    >>> options_of("theme.light") == config.get_options_for_section("theme.light")
    True
    """
    known = config._config_options
    if not known:
        return _section(section)
    return {o.name: o.value for o in _sections(known, len(known)).get(section, ())}


_grouped: tuple[Any, int, dict[str, list[Any]]] = ({}, 0, {})


def _sections(known: dict[str, Any], size: int) -> dict[str, list[Any]]:
    """Options by section, put together once: a run asks for a dozen sections of a few options each."""
    global _grouped
    if _grouped[0] is not known or _grouped[1] != size:
        groups: dict[str, list[Any]] = {}
        for one in list(known.values()):
            groups.setdefault(one.section, []).append(one)
        _grouped = known, size, groups
    return _grouped[2]
