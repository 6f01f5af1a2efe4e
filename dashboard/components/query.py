"""Reads and writes single parameters of the address bar."""

from __future__ import annotations

import streamlit as st

from dashboard.format.sentences import FAULT_NAMES


def fault_name_in_address(key: str) -> None:
    """A fault model named in the address as commands name it becomes what its list has; the page restarts."""
    name = st.query_params.get(key)
    if name in FAULT_NAMES:
        st.query_params[key] = FAULT_NAMES[name]
        st.rerun()


def set_parameter(key: str, value: str) -> None:
    """A parameter of the address; the empty value is none."""
    if not value:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value
