"""Trade-off: how do faults and attacks interact?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, data, shell, show, tables, theme, tradecontrols, words


def numbers_of(cell: pd.DataFrame, choice: tradecontrols.Choice, at: tuple[float, float]) -> None:
    """The chosen cell in words, and how to measure it."""
    if cell.empty:
        show.sorry(
            f"{words.place(*at)} has not been run for {choice.net} in {choice.enc}. Measure it:",
            data.joint_command(choice.net, choice.enc, at, choice.mode),
        )
        return
    line = cell.iloc[0]
    with st.container(key="cell"):
        st.header(f"{theme.percent(line['mean'])} right at {words.place(*at)}", anchor=False)
        st.markdown(f"{words.interval(line)}; {words.provenance(cell, 'stored rows')}.")


def slices(cells: pd.DataFrame, at: tuple[float, float], chance: dict[str, float]) -> None:
    """Accuracy along the chosen column and the chosen row."""
    ber, eps = at
    column, row = (
        cells[cells["eps"] == eps].assign(x=cells["ber"]),
        cells[cells["ber"] == ber].assign(x=cells["eps"]),
    )
    for name, line, said in (
        ("slice_ber", column, f"over BER at eps {eps:g}/255"),
        ("slice_eps", row, f"over eps at BER {theme.power(ber)}"),
    ):
        st.markdown(f"**{said.capitalize().replace('ber', 'BER')}**")
        drawn = charts.CHARTS[name].draw(line, chance)
        show.figure(name, drawn.update_layout(height=260, showlegend=False), key=name,
                    alt=f"Accuracy {said}", title=False, caption=False)  # fmt: skip


def surface(rows: pd.DataFrame) -> str:
    """The map, the two slices through the chosen cell, and the cell; returns the network.

    A fragment: a slider here does not draw what lies below again.
    """
    choice = tradecontrols.choice(rows)
    known, st.session_state.surface_net = st.session_state.get("surface_net"), choice.net
    if known not in (None, choice.net):
        st.rerun()  # the part below, outside of this fragment, is of the same network
    cells = data.cells(choice.net, choice.enc, choice.mode)
    name = "relief" if choice.relief else "surface"
    left, right = st.columns([7, 6], gap="large")
    with right:
        at = tradecontrols.cell(cells)
        numbers_of(cells[(cells["ber"] == at[0]) & (cells["eps"] == at[1])], choice, at)
    drawn = charts.CHARTS[name].draw(*((cells,) if choice.relief else (cells, at, choice.threshold)))
    with left:
        alt = words.corners(cells)
        click = None if choice.relief else lambda: tradecontrols.pick("surface")
        show.figure(name, drawn, key=name, alt=alt, on_select=click)
    with right:
        slices(cells, at, data.chance(list(cells["data"])))
    with shell.group("more", "surface"):
        command = data.joint_command(choice.net, choice.enc, None, choice.mode)
        show.numbers({name: tables.cells(cells)}, {name: drawn}, cells, [command], key="numbers_surface")
    return choice.net


def shields(net: str) -> None:
    """Does one shield protect against both? All variants of the network that were measured."""
    show.section("Does one shield protect against both?")
    if told := data.study(net):
        st.markdown(f":material/balance: {words.asymmetry(told)}")
    else:
        st.caption(
            "Lambda, what each shield gives against the other threat, is not measured for this network."
        )
    areas = data.areas(net)
    if areas.empty:
        show.sorry(
            f"No variant of {net} has rows under faults and under attack yet, so nothing can be compared. "
            "Harden one on the Harden page, or measure:",
            "python -m resq asymmetry signs/resnet20/base --seeds 5",
        )
        return
    left, right = st.columns(2, gap="large")
    with left:
        drawn = charts.CHARTS["shields"].draw(areas)
        show.figure("shields", drawn, key="shields", alt=words.shields(areas))
    with right:
        upright = tradecontrols.resistance()
        front = charts.CHARTS["pareto"].draw(areas, upright)
        show.figure("pareto", front, key="pareto", alt=words.shields(areas))
    with shell.group("more", "shields"):
        show.numbers({"shields": tables.areas(areas)}, {"shields": drawn, "pareto": front}, None, [],
                     key="numbers_shields")  # fmt: skip


show.page("How do faults and attacks interact?", show.text("tradeoff"))
with show.in_words():
    found = data.rows()
    if found.empty:
        show.sorry(*(show.UNMEASURED if data.names() else show.UNTRAINED))
    else:
        shields(st.fragment(surface)(found))
        with shell.group("more", "help"):
            show.help_page("tradeoff_help", ["surface", "shields", "pareto"])
