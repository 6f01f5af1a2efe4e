"""What is around every page: a teacher's task, hidden controls, presenter mode, the dialog that shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.model import url_schema

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

# A projector shows the content and little else; sizes follow the root's.
PRESENT = """
html { font-size: 23px !important; }
[data-testid="stHeader"] { display: none; }
.stApp [data-testid="stMainBlockContainer"] { padding: .6rem 1.6rem 1rem; max-width: none; }
.st-key-shell_share { display: none; }
.stApp [data-testid="stMetric"] > div { grid-template-columns: 1fr; }
.st-key-words_32 [class*="st-key-field_mantissa"] button { width: 1.3rem; }
"""


def begin(page: str) -> None:
    """Reads what the address says about the page, hides what it hides, shows its task."""
    page = page or "start"
    found = url_schema.shell(page, {name: st.query_params.get(name, "") for name in url_schema.SHELL})
    st.session_state.page, st.session_state.shell = page, found
    rules = [
        f".st-key-group_{name}, [class*='st-key-group_{name}__'] {{ display: none; }}" for name in found.hide
    ]
    if found.present:
        rules.append(PRESENT)
    if rules:
        st.html(f"<style>{' '.join(rules)}</style>")
    if found.task:
        with st.container(key="shell_task_box"):
            st.text(found.task)  # never markdown: a link's text draws nothing


def end() -> None:
    """The way out of presenter mode."""
    if presenting():
        st.button(
            "Leave presenter mode",
            key="shell_leave",
            on_click=leave,
            type="tertiary",
            icon=":material/close:",
        )


def leave() -> None:
    """Back to the page with its menu."""
    st.query_params.pop("present", None)


def presenting() -> bool:
    """Whether the page is shown on a projector."""
    return bool(st.session_state.get("shell", url_schema.Shell()).present)


def group(name: str, part: str = "") -> DeltaGenerator:
    """A container for controls that a teacher's link can hide; hidden, they keep their values.

    Args:
        part: tells several containers of one group apart.
    """
    page = st.session_state.get("page", "")
    assert name in url_schema.GROUPS.get(page, {name: ""}), f"{name} is no group of {page} in state.GROUPS"
    return st.container(key=f"group_{name}__{part}" if part else f"group_{name}")


def touched(name: str) -> bool:
    """Whether the address sets any control of this group of the page."""
    known = url_schema.PARAMS.get(st.session_state.get("page", ""), {})
    return any(group == name and parameter in st.query_params for parameter, (group, _) in known.items())


def link(page: str, label: str, icon: str = ":material/arrow_forward:", **values: object) -> None:
    """A link to another page in a state of it; a presenter stays one."""
    around = url_schema.Shell(present=presenting())
    st.page_link(
        f"views/{page}.py", label=label, icon=icon, query_params=url_schema.query(page, values, around)
    )


def open_view(page: str, label: str, parameters: dict[str, str | list[str]]) -> None:
    """A link to a page in a state of it, with a task and hidden controls of its own."""
    st.page_link(f"views/{page}.py", label=label, icon=":material/open_in_new:", query_params=parameters)


def here() -> dict[str, str | list[str]]:
    """The parameters of this page as they stand in the address."""
    known = url_schema.PARAMS.get(st.session_state.get("page", ""), {})
    parameters = {name: st.query_params.get_all(name) for name in st.query_params if name in known}
    return {name: values[0] if len(values) == 1 else values for name, values in parameters.items()}


def share_button() -> None:
    """Opens the dialog."""
    with st.container(key="shell_share"):
        if st.button("Share", icon=":material/share:", key="shell_open", type="tertiary"):
            dialog()


@st.dialog("Share this view", width="medium")
def dialog() -> None:
    """The links: to this view, for a projector, for a class."""
    page, base = st.session_state.get("page", "start"), st.context.url or ""
    st.markdown("**Link to this view.** Whoever opens it sees what you see.")
    st.code(url_schema.page_url(base, here()), language=None, wrap_lines=True)
    st.markdown("**Link for a class.** Write what to do; hide what would distract.")
    task = st.text_area(
        "Task, shown on top of the page",
        key="shell_task",
        max_chars=url_schema.LONGEST_TASK,
        placeholder="Flip bit 7, then bit 0. Which one changes the weight more? Why?",
    )
    groups = url_schema.GROUPS.get(page, {})
    hide = st.pills(
        "Hide", list(groups), selection_mode="multi", key="shell_hide", format_func=lambda name: groups[name]
    )
    large = st.toggle("For a projector: large type, no menu", key="shell_present")
    around = url_schema.Shell(task or "", tuple(hide or ()), bool(large))
    st.code(
        url_schema.page_url(base, {**here(), **url_schema.query(page, {}, around)}),
        language=None,
        wrap_lines=True,
    )
