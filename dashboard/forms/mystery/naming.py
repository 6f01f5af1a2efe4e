"""The diagnosis: what is named, once; then what it was, and the points line by line."""

from __future__ import annotations

import streamlit as st

from dashboard.components import query
from dashboard.forms.mystery.desk import Desk
from dashboard.model.mystery import diagnosis, outcomes
from dashboard.model.mystery.diagnosis import layer_name
from resq.measure.run.mystery import cases
from resq.measure.run.mystery.cases import Cause, Fault, Hack


def name_it(desk: Desk) -> None:
    """The way to the diagnosis."""
    if desk.named is not None:
        return
    with st.popover("Name the cause", icon=":material/gavel:", type="primary", key="mystery_name"):
        either = desk.case.letter == "H"
        picked = cause("mystery", desk.layers, either)
        st.button("That is my diagnosis", key="mystery_commit", disabled=picked is None, type="primary",
                  on_click=commit, args=(desk.layers, either))  # fmt: skip
        st.caption("It counts once.")


def commit(layers: tuple[str, ...], either: bool) -> None:
    """Locks the diagnosis as it is picked at this moment; the address keeps it."""
    picked = picked_now("mystery", either)
    if picked is not None:
        query.set_parameter("named", diagnosis.written(picked, layers))


def picked_now(key: str, either: bool) -> Cause | None:
    """What the widgets say, which the page may not have been drawn with yet; None while anything is open."""
    now = {name: st.session_state.get(f"{key}_{name}") for name in
           ("cause", "eps", "attack", "named_layer", "bit", "kind", "share")}  # fmt: skip
    if either and now["cause"] == "hacked":
        hacked = now["eps"] is not None and now["attack"] is not None
        return Hack(str(now["attack"]), int(now["eps"] or 0)) if hacked else None
    fault = (now["named_layer"], now["bit"], now["kind"], now["share"])
    if (either and now["cause"] != "broken") or None in fault:
        return None
    return Fault(str(fault[0]), int(fault[1] or 0), str(fault[2]), float(fault[3] or 0))


def cause(key: str, layers: tuple[str, ...], either: bool) -> Cause | None:
    """The cause that somebody picks; None while anything is open.

    Args:
        key: of the widgets.
        either: whether it may be an attack.
    """
    kind = "broken"
    if either:
        kind = st.segmented_control("What was it?", ["broken", "hacked"], key=f"{key}_cause",
                                    format_func=str.capitalize) or ""  # fmt: skip
    if kind == "hacked":
        return hack(key)
    return fault(key, layers) if kind == "broken" else None


def hack(key: str) -> Cause | None:
    """An attack on the pictures."""
    eps = st.segmented_control("How far each pixel at most, 1/255", cases.BUDGETS, key=f"{key}_eps",
                               format_func=str)  # fmt: skip
    attack = st.segmented_control("Attack", cases.ATTACKS, key=f"{key}_attack", format_func=str.upper)
    return Hack(attack, eps) if eps is not None and attack is not None else None


def fault(key: str, layers: tuple[str, ...]) -> Cause | None:
    """A fault of the memory."""
    layer = st.selectbox("Layer", layers, None, key=f"{key}_named_layer", format_func=layer_name,
                         placeholder="which?")  # fmt: skip
    bit = st.segmented_control("Bit", range(7, -1, -1), key=f"{key}_bit", format_func=str)
    kind = st.segmented_control("How", list(cases.KINDS), key=f"{key}_kind")
    share = st.segmented_control("In how many of the layer's words, %", cases.SHARES, key=f"{key}_share",
                                 format_func=lambda share: f"{100 * share:g}")  # fmt: skip
    if layer is None or bit is None or kind is None or share is None:
        return None
    return Fault(layer, bit, kind, share)


def named(desk: Desk) -> None:
    """After the diagnosis: what it was, and the points."""
    if desk.named is None:
        return
    true = desk.hidden.cause
    lines = diagnosis.score(desk.case, desk.named, true)
    won = diagnosis.total(lines, desk.spent)
    with st.container(border=True, key="mystery_score"):
        st.header(f":material/flag: {won} points", anchor=False)
        st.markdown(outcomes.cause(true, len(desk.hidden.flips)))
        st.markdown("\n".join(_lines(lines, desk.spent, won)))
        st.markdown(f":material/lightbulb: {outcomes.lesson(true)}")
        st.caption(
            "This page's address is your report: it holds the case, your questions in order and your "
            "diagnosis; whoever opens it sees these points."
        )


def _lines(lines: list[diagnosis.Line], spent: int, won: int) -> list[str]:
    """A table of the points, in Markdown."""
    rows = ["| asked | you named | it is | points |", "|---|---|---|---:|"]
    rows += [f"| {x.asked} | {x.named} | {x.true} | {x.points} of {x.most} |" for x in lines]
    return [*rows, f"| questions | | | −{spent} |", f"| **together** | | | **{won}** |"]
