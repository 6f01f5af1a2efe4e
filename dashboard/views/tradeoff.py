"""Trade-off: how do faults and attacks interact?"""

from __future__ import annotations

from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, data, follow, live, onecell, shell, show, tables, theme, tradecontrols, words
from resq.claims import cells
from resq.measure.spec import SweepSpec

NUMBERS = "numbers_surface"  # whether its box is open
SLICE = 260  # pixels: two of them beside the map


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


def slices(found: pd.DataFrame, choice: tradecontrols.Choice, at: tuple[float, float]) -> None:
    """Accuracy along the chosen column and the chosen row, the chosen cell ringed."""
    ber, eps = at
    chance = data.chance(list(found["data"]))
    column, row = (
        found[found["eps"] == eps].assign(x=found["ber"]),
        found[found["ber"] == ber].assign(x=found["eps"]),
    )
    for name, line, axis, x, said in (
        ("slice_ber", column, "BER", ber, f"over BER at eps {eps:g}/255"),
        ("slice_eps", row, "eps", eps, f"over eps at BER {theme.power(ber)}"),
    ):
        st.markdown(f"**{said.capitalize().replace('ber', 'BER')}**")
        ringed = next((words.cell_name(dot, axis) for dot in line[line["x"] == x].to_dict("records")), "")
        key = (name, choice.net, choice.enc, choice.mode, *at)
        drawn = data.once(charts.CHARTS[name].draw, key, line, chance, (), ringed, SLICE)
        show.figure(name, drawn, key=name, alt=f"Accuracy {said}", title=False, caption=False)


def again(cell: pd.DataFrame, running: live.Measurement | None) -> None:
    """The chosen cell run again here, held against its stored interval."""
    if cell.empty:
        return
    stored = cells.of_surface(cell.to_dict("records")[0])
    st.header("This cell, run again", anchor=False)
    onecell.measured_again(stored, tradecontrols.again(stored.seed), running)


def surface(running: live.Measurement | None) -> None:
    """The map, the two slices through the chosen cell, and the cell.

    A fragment: a slider here does not draw what lies below again.
    """
    choice = tradecontrols.choice()
    known, st.session_state.surface_net = st.session_state.get("surface_net"), choice.net
    if known not in (None, choice.net):
        st.rerun()  # the part below, outside of this fragment, is of the same network
    found = data.cells(choice.net, choice.enc, choice.mode)
    left, right = st.columns([7, 6], gap="large")
    with right:
        at = tradecontrols.cell(found)
        chosen = found[(found["ber"] == at[0]) & (found["eps"] == at[1])]
        numbers_of(chosen, choice, at)
    with left:
        if choice.relief:
            show.figure("relief", relief(found, choice), key="relief", alt=words.corners(found))
        else:
            st.fragment(tiles)(found, choice, at, st.session_state.get("thr"))
        again(chosen, running)
    with right:
        slices(found, choice, at)
    with shell.group("more", "surface"):
        command = data.joint_command(choice.net, choice.enc, None, choice.mode)
        show.numbers(partial(behind, found, choice, at), found, [command], key=NUMBERS)


def relief(found: pd.DataFrame, choice: tradecontrols.Choice) -> go.Figure:
    """The landscape."""
    return data.once(charts.CHARTS["relief"].draw, (choice.net, choice.enc, choice.mode), found)


def tile_map(
    found: pd.DataFrame, choice: tradecontrols.Choice, at: tuple[float, float], line: float
) -> go.Figure:
    """The tiles with the chosen one framed and a line between them."""
    seen = (choice.net, choice.enc, choice.mode, at, line)
    return data.once(charts.CHARTS["surface"].draw, seen, found, at, line)


def tiles(
    found: pd.DataFrame, choice: tradecontrols.Choice, at: tuple[float, float], line: int | None
) -> None:
    """The tiles under the slider of their line: a fragment of its own, so that the line follows at once.

    Args:
        at, line: the chosen tile and where the slider stood when the rest of the page was drawn.
    """
    now = tradecontrols.threshold()
    behind_too = st.session_state.get(NUMBERS) and st.session_state.thr != line
    if tradecontrols.elsewhere(at) or behind_too:
        st.rerun()  # what stands beside the map, or in the opened box, is of another tile or line
    drawn = tile_map(found, choice, at, now)
    pick = partial(tradecontrols.pick, "surface")
    show.figure("surface", drawn, key="surface", alt=words.corners(found), on_select=pick)


def behind(found: pd.DataFrame, choice: tradecontrols.Choice, at: tuple[float, float]) -> show.Behind:
    """The cells as a table, and the picture of them."""
    if choice.relief:
        return {"relief": tables.cells(found)}, {"relief": relief(found, choice)}
    drawn = tile_map(found, choice, at, int(st.session_state.thr) / 100)
    return {"surface": tables.cells(found)}, {"surface": drawn}


def shown(running: live.Measurement | None) -> None:
    """The surface, or a sentence: a fragment runs again without the page around it."""
    with show.in_words():
        surface(running)


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
        key = (net.rsplit("/", 1)[0], tuple(areas["megabytes"]))
        drawn = data.once(charts.CHARTS["shields"].draw, key, areas)
        show.figure("shields", drawn, key="shields", alt=words.shields(areas))
    with right:
        upright = tradecontrols.resistance()
        front = data.once(charts.CHARTS["pareto"].draw, (*key, upright), areas, upright)
        show.figure("pareto", front, key="pareto", alt=words.shields(areas))
    with shell.group("more", "shields"):
        show.numbers(
            lambda: ({"shields": tables.areas(areas)}, {"shields": drawn, "pareto": front}), None, [],
            key="numbers_shields",
        )  # fmt: skip


show.page("How do faults and attacks interact?", show.text("tradeoff"))
with show.in_words():
    if data.rows().empty:
        show.sorry(*(show.UNMEASURED if data.names() else show.UNTRAINED))
    else:
        running = follow.measurement("again", SweepSpec)
        every = 0.5 if running is not None and running.active else None
        st.fragment(shown, run_every=every)(running)
        if net := st.session_state.get("surface_net"):
            shields(net)
        with shell.group("more", "help"):
            show.help_page("tradeoff_help", ["surface", "shields", "pareto"])
