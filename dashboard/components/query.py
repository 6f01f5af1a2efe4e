"""Reads and writes single parameters of the address bar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.format.sentences import FAULT_NAMES

FAULTS = {"fault", "kindof"}  # parameters that hold a fault model
ASKED = "link_asked"  # what the link of this visit asks for, by its parameters, in the visit's state


def fault_name_in_address(key: str) -> None:
    """A fault model named in the address as commands name it becomes what its list has."""
    value_in_address(key, FAULT_NAMES)


def value_in_address(key: str, labels: Mapping[str, str]) -> None:
    """Before a list is drawn that has labels: a value that the address names becomes its label.

    A list that is bound to the address is spelled there by its labels, so that a link of a value would let
    the list begin with its first.
    """
    name = st.query_params.get(key, "")
    if not name or labels.get(name, name) == name:
        return
    if key in (asked := st.session_state.get(ASKED, {})):
        asked[key] = [labels[name]]
    if (context := get_script_run_ctx()) is not None:
        with context.session_state.query_params() as parameters:
            parameters.set_corrected_value(key, labels[name], "string_value")
            parameters.set_initial_query_params_from_current()


Number = TypeVar("Number", int, float)


def with_asked(key: str, options: Sequence[Number], least: Number | None = None) -> tuple[Number, ...]:
    """The options of a slider, and the number that the link of this visit names.

    It stays an option for the visit, so that the slider can come back to it.

    Args:
        least: the smallest number that a link may name; default the smallest option. The largest is that of
            the options, since a server measures it.
    """
    low = min(options) if least is None else least
    asked_key = f"{key}_asked"
    for text in st.query_params.get_all(key):
        value = number(text, type(options[0]))
        if value is not None and low <= value <= max(options):
            st.session_state[asked_key] = value
    known: set[Number] = set(options)
    if (more := st.session_state.get(asked_key)) is not None:
        known.add(more)
    return tuple(sorted(known))


def number(text: str, kind: type[Number]) -> Number | None:
    """The number of this kind that a text spells as an address does; None where it spells none.

    >>> number("37", int), number("3.5", int), number("8.75", float), number("nan", float)
    (37, None, 8.75, None)
    """
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if value == value else None


def before_widget(key: str, value: str | Sequence[str]) -> None:
    """Writes what a widget that is not drawn yet will hold, which Streamlit writes for later choices alone.

    Without it the address, and with it a reload and a shared link, would name another network than the page.
    """
    if (context := get_script_run_ctx()) is None:
        return
    with context.session_state.query_params() as parameters:  # one of the page before may hold the name yet
        many = not isinstance(value, str)
        parameters.set_corrected_value(key, value, "string_array_value" if many else "string_value")


def bound(name: str) -> tuple[str, Any] | None:
    """Value type and metadata of the control that a parameter is bound to; None where none is."""
    if (context := get_script_run_ctx()) is None:
        return None
    with context.session_state.query_params() as parameters:
        binding = parameters.get_binding_for_param(name)
    state: Any = context.session_state._state
    metadata = state.get_widget_metadata(binding.widget_id) if binding else None
    return None if binding is None or metadata is None else (binding.value_type, metadata)


def keep_whole(names: Iterable[str]) -> None:
    """After controls are drawn: writes what they hold that is not as usual and that the address lacks.

    What is usual for one control may depend on another's choice, as the Bit lab's weight and picture on the
    encoding. Streamlit leaves out what was usual when it was chosen, so that without this a shared link
    would open what is usual by now.
    """
    if (context := get_script_run_ctx()) is None:
        return
    for name in names:
        if (control := bound(name)) is None or name not in st.session_state:
            continue
        value_type, metadata = control
        value = st.session_state[name]
        with context.session_state.query_params() as parameters:
            if value != metadata.deserializer(None) and not parameters.has_param(name):
                parameters.set_corrected_value(name, metadata.serializer(value), value_type)


def forget(names: Iterable[str]) -> None:
    """Before controls are drawn: lets go of what was chosen in them, in the address too.

    A control that is bound to the address would begin with what still stands there.
    """
    for name in names:
        st.session_state.pop(name, None)
        if (context := get_script_run_ctx()) is not None:
            with context.session_state.query_params() as parameters:
                parameters.remove_param(name)
                parameters.set_initial_query_params_from_current()


def back_again() -> None:
    """On a page that Back or Forward has opened: takes its whole address, as its entry of history holds it.

    Streamlit leaves out what has the name of a control of the page before.
    """
    context = get_script_run_ctx()
    if context is None or not context.is_history_navigation:
        return
    with context.session_state.query_params() as parameters:
        parameters.populate_from_query_string(context.query_string)
        parameters.set_initial_query_params_from_current()
        for key in list(parameters)[:1]:  # tells the browser all of it
            parameters.set_corrected_value(key, parameters.get_all(key), "string_array_value")


def set_parameter(key: str, value: str) -> None:
    """A parameter of the address; the empty value is none."""
    if not value:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value
