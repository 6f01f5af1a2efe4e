"""What is around every page: a teacher's task, hidden controls, presenter mode, the dialog that shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st

from dashboard.components import link_notes, query
from dashboard.model import url_schema

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

# A projector shows one question, its choice and its figure; sizes follow the root's.
PRESENT = """
html { font-size: 23px !important; }
.stApp h1 { font-size: 1.85rem; }
@media (max-width: 1400px) {
  html { font-size: 19px !important; }
  .stApp h1 { font-size: 1.5rem; padding: 0; }
}
.stApp .st-key-img button { width: 2.5rem; min-width: 2.5rem; height: 2.5rem; }
[data-testid="stHeader"] { display: none; }
.stApp [data-testid="stMainBlockContainer"] { padding: .6rem 1.6rem 1rem; max-width: none; }
.st-key-shell_share, .st-key-bring, .st-key-shell_sentence, .st-key-group_settings, .st-key-group_place,
.st-key-group_view, .st-key-save_sweep, .st-key-thr, .st-key-estimate, .st-key-measure_pvf,
.st-key-measure_layers, .st-key-measure_all, .st-key-group_more__class, .st-key-group_more__write,
[class*="st-key-card_"] [data-testid="stMarkdown"] { display: none; }
.stApp [data-testid="stElementContainer"]:has(pre.terminal) { display: none; }
.stApp [data-testid="stMain"] [data-testid="stVerticalBlock"] { gap: .35rem; }
.stApp :is([data-testid="stLayoutWrapper"], [data-testid="stElementContainer"]):empty { display: none; }
.stApp h2 { padding: 0 0 .3rem; }
.st-key-words_8 button { width: 2.5rem; min-height: 3.4rem; }
.st-key-words_8 .stHorizontalBlock, .st-key-words_8 [data-testid="stHorizontalBlock"] { flex-wrap: nowrap; }
.st-key-shell_way { position: fixed; right: .6rem; bottom: .3rem; width: auto; z-index: 99; font-size: .8rem;
  background: light-dark(#FFFFFF, #12161D); border-radius: 8px; }
@media (min-width: 1000px) { /* beside the question: no figure lies under it */
  .st-key-shell_way { top: .4rem; bottom: auto; }
  .stApp h1 { max-width: calc(100vw - 22rem); }
  .st-key-shell_task_box { max-width: calc(100vw - 34rem); }
}
.stApp [class*="st-key-group_shortcuts"] [data-testid="stHorizontalBlock"],
.stApp [class*="st-key-group_shortcuts"] .stHorizontalBlock { flex-wrap: nowrap; gap: .35rem; }
.stApp [class*="st-key-group_shortcuts"] button { padding: 0 .45rem; font-size: .92rem; }
.stApp [class*="st-key-group_shortcuts"] button :is(kbd, span:has(> [data-testid="stIconMaterial"])) {
  display: none;
}
.stApp .st-key-pixels button { padding: 0 .55rem; min-width: 0; }
.stApp [data-testid="stMetric"] > div { display: grid; grid-template-columns: 1fr; }
"""


def begin(page: str) -> DeltaGenerator:
    """Reads what the address says about the page, hides what it hides, shows its task.

    Returns:
        The place for what ``end`` has to say.
    """
    page = page or "start"
    if st.session_state.get("page", page) != page:
        query.back_again()
        arrive(page)
    if st.session_state.get("page") != page:
        link_notes.arrived(page)
    shell = url_schema.shell(page, {name: st.query_params.get(name, "") for name in url_schema.SHELL})
    st.session_state.page, st.session_state.shell = page, shell
    rules = [
        f".st-key-group_{name}, [class*='st-key-group_{name}__'] {{ display: none; }}" for name in shell.hide
    ]
    if shell.present:
        rules.append(PRESENT)
    if rules:
        st.html(f"<style>{' '.join(rules)}</style>")
    if shell.task:
        with st.container(key="shell_task_box"):
            st.text(shell.task)  # never markdown: a link's text draws nothing
            way_back(shell.task)
    return link_notes.place()


def arrive(page: str) -> None:
    """Takes a link from another page at its word: what it says wins over what that page had chosen.

    Pages share names of controls, and a browser tells those of the page it comes from.
    """
    now, known = st.session_state, url_schema.PARAMS.get(page, {})
    to, values = now.pop("going", ("", {}))
    for name, value in values.items() if to == page else ():
        now[name] = value
        query.before_widget(name, value)
    linked = [name for name in known if name in st.query_params and name not in values]
    for name in linked:
        now.pop(name, None)
    if "flip" in known:
        now.flip_written = ""
        now.flips = () if linked else now.get("flips", ())  # of a link: not those of another weight


def leads_back(task: str, page: str, label: str, parameters: Mapping[str, str]) -> None:
    """Notes where somebody comes from who opens a view with this task: a lesson, or a room.

    Args:
        parameters: of the address to come back to.
    """
    st.session_state.way_back = (task, page, label, dict(parameters))


def way_back(task: str) -> None:
    """Under a task that a page of this visit has set: the way back to its step."""
    step, page, label, parameters = st.session_state.get("way_back", ("", "", "", {}))
    if step and url_schema.clean(step) == task:
        around = url_schema.query(page, {}, url_schema.Shell(present=presenting()))
        st.page_link(
            f"views/{page}.py", label=label, icon=":material/arrow_back:", query_params=parameters | around
        )


def end(here: DeltaGenerator) -> None:
    """What the link asked for in vain; the way out of presenter mode, and to the pages beside this one."""
    query.keep_whole(url_schema.PARAMS.get(st.session_state.page, {}))
    link_notes.shown(st.session_state.page, here)
    if not presenting():
        return
    pages = list(url_schema.PARAMS)
    at = pages.index(st.session_state.page) if st.session_state.page in pages else 0
    with st.container(key="shell_way", horizontal=True, vertical_alignment="center", gap="small"):
        if at:
            link(pages[at - 1], "Previous page", ":material/arrow_back:")
        if at + 1 < len(pages):
            link(pages[at + 1], "Next page")
        st.button(
            "Leave presenter mode",
            key="shell_leave",
            on_click=leave,
            type="tertiary",
            icon=":material/close:",
        )


def present() -> None:
    """The page as a projector shows it."""
    st.query_params["present"] = "1"


def stray_name() -> str:
    """The last part of an address that names a page that there is not; "" where there is such a page."""
    path = urlsplit(st.context.url or "").path.strip("/")
    path = path.removeprefix(str(st.get_option("server.baseUrlPath") or "").strip("/"))
    last_part = path.rsplit("/", 1)[-1]
    return "" if last_part in url_schema.PARAMS else last_part


def unknown_address(name: str) -> None:
    """Says so where an address names a page that there is not, and Start is shown in its place.

    Args:
        name: as of ``stray_name``.
    """
    if st.session_state.page == "start" and name:
        with st.container(border=True, key="shell_unknown"):
            st.text(f"There is no page “{name[:60]}” here. This is Start; all pages stand in the menu above.")


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
    if (page, name) in url_schema.OF_FILES:
        name, part = url_schema.OF_FILES[page, name], f"{name}_{part}"
    assert name in url_schema.GROUPS.get(page, {name: ""}), f"{name} is no group of {page} in state.GROUPS"
    return st.container(key=f"group_{name}__{part}" if part else f"group_{name}")


def touched(name: str) -> bool:
    """Whether the address sets any control of this group of the page."""
    page = st.session_state.get("page", "")
    known, name = url_schema.PARAMS.get(page, {}), url_schema.OF_FILES.get((page, name), name)
    return any(group == name and parameter in st.query_params for parameter, (group, _) in known.items())


def link(page: str, label: str, icon: str = ":material/arrow_forward:", **values: object) -> None:
    """A link to another page in a state of it; a presenter stays one."""
    around = url_schema.Shell(present=presenting())
    st.page_link(
        f"views/{page}.py", label=label, icon=icon, query_params=url_schema.query(page, values, around)
    )


def button_link(page: str, label: str, key: str, **values: object) -> None:
    """The same from within a dialog: a link there loses its parameters, which are set by ``arrive`` instead.

    Those that controls of this page are bound to cannot be given to ``st.switch_page``.
    """
    if st.button(label, key=key, icon=":material/arrow_forward:", type="tertiary"):
        st.session_state.going = page, values
        st.switch_page(f"views/{page}.py")


def open_view(page: str, label: str, parameters: dict[str, str | list[str]]) -> None:
    """A link to a page in a state of it, with a task and hidden controls of its own."""
    st.page_link(f"views/{page}.py", label=label, icon=":material/arrow_forward:", query_params=parameters)


def here() -> dict[str, str | list[str]]:
    """The parameters of this page as they stand in the address."""
    known = url_schema.PARAMS.get(st.session_state.get("page", ""), {})
    parameters = {name: st.query_params.get_all(name) for name in st.query_params if name in known}
    return {name: values[0] if len(values) == 1 else values for name, values in parameters.items()}


def share_button() -> None:
    """Opens the dialog; beside it, the page for a projector.

    A fragment: the box comes without the page's being drawn once more.
    """
    st.fragment(ways_to_show)()


def ways_to_show() -> None:
    """The two buttons."""
    with st.container(key="shell_share", horizontal=True, gap="small"):
        if st.button(
            "Present", icon=":material/slideshow:", key="shell_start", type="tertiary",
            help="Large type and no menu, for a projector",
        ):  # fmt: skip
            present()
            st.rerun()
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
    hide = (
        st.pills(
            "Hide", list(groups), selection_mode="multi", key="shell_hide", format_func=groups.__getitem__
        )
        if groups
        else []
    )
    large = st.toggle("For a projector: large type, no menu", key="shell_present")
    around = url_schema.Shell(task or "", tuple(hide or ()), bool(large))
    st.code(
        url_schema.page_url(base, {**here(), **url_schema.query(page, {}, around)}),
        language=None,
        wrap_lines=True,
    )
