"""Trade-off: how do faults and attacks interact?"""

from __future__ import annotations

from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, render, rerun_cell, upload
from dashboard.format import numbers, sentences, tables
from dashboard.forms import measure_map, tradeoff
from dashboard.server import job_queue
from resq.claims import points
from resq.measure.specs.sweep_spec import SweepSpec

NUMBERS = "numbers_surface"  # whether its box is open
SLICE = 260  # pixels: two of them beside the map


def numbers_of(cell: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float]) -> None:
    """The chosen cell in words, and how to measure it."""
    if cell.empty:
        render.error_box(
            f"{sentences.place(*at)} has not been run for {choice.net} in {choice.enc}. Measure it:",
            cached.joint_command(choice.net, choice.enc, at, choice.mode),
        )
        return
    line = cell.iloc[0]
    with st.container(key="cell"):
        st.header(f"{numbers.percent(line['mean'])} right at {sentences.place(*at)}", anchor=False)
        st.markdown(f"{sentences.interval(line)}; {sentences.provenance(cell, 'stored rows')}.")


def cuts(
    found: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float], height: int = 0
) -> dict[str, go.Figure]:
    """Accuracy along the chosen column and the chosen row, the chosen cell ringed; height 0: as usual."""
    ber, eps = at
    chance = cached.chance_level(list(found["data"]))
    drawn = {}
    for name, line, axis, x in (
        ("slice_ber", found[found["eps"] == eps].assign(x=found["ber"]), "BER", ber),
        ("slice_eps", found[found["ber"] == ber].assign(x=found["eps"]), "eps", eps),
    ):
        ringed = next((sentences.cell_name(dot, axis) for dot in line[line["x"] == x].to_dict("records")), "")
        key = (name, choice.net, choice.enc, choice.mode, *at, height)
        draw = charts.CHARTS[name].draw
        drawn[name] = cached.cached_figure(draw, key, line, chance, (), ringed, height)
    return drawn


def slices(found: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float]) -> None:
    """Both cuts through the chosen cell, beside the map."""
    said = {
        "slice_ber": f"over BER at eps {at[1]:g}/255", "slice_eps": f"over eps at BER {numbers.power(at[0])}"
    }  # fmt: skip
    for name, drawn in cuts(found, choice, at, SLICE).items():
        st.markdown(f"**{said[name].capitalize().replace('ber', 'BER')}**")
        render.figure(name, drawn, key=name, alt=f"Accuracy {said[name]}", title=False, caption=False)


def again(cell: pd.DataFrame, running: job_queue.Measurement | None) -> None:
    """The chosen cell run again here, held against its stored interval."""
    if cell.empty:
        return
    stored = points.of_surface(cell.to_dict("records")[0])
    st.header("This cell, run again", anchor=False)
    rerun_cell.measured_again(stored, tradeoff.again(stored.seed), running)


def surface(running: job_queue.Measurement | None, whole: job_queue.Measurement | None) -> None:
    """The map, the two slices through the chosen cell, and the cell.

    A fragment: a slider here does not draw what lies below again.
    """
    choice = tradeoff.choice()
    known, st.session_state.surface_net = st.session_state.get("surface_net"), choice.net
    if known not in (None, choice.net):
        st.rerun()  # the part below, outside of this fragment, is of the same network
    plan = measure_map.planned(choice.net, choice.enc, choice.mode, whole)
    fresh = cached.measurements().rows([plan])
    found = cached.together(choice.net, choice.enc, choice.mode, fresh)
    own = choice.net not in cached.measured_most()  # one's own may be measured in part, by an earlier server
    if own or found.empty or fresh or (whole is not None and whole.active):
        measure_map.buttons(choice.net, choice.enc, choice.mode, not found.empty, whole)
        job_status.ended(whole, "map")
    if found.empty:
        unmeasured(found, plan)
        return
    rising(found, choice)
    left, right = st.columns([7, 6], gap="large")
    with right:
        at = tradeoff.cell(found)
        chosen = found[(found["ber"] == at[0]) & (found["eps"] == at[1])]
        numbers_of(chosen, choice, at)
    with left:
        if choice.relief:
            render.figure("relief", relief(found, choice), key="relief", alt=sentences.corners(found))
        else:
            st.fragment(tiles)(found, choice, at, st.session_state.get("thr"))
        again(chosen, running)
    with right:
        slices(found, choice, at)
    with page_frame.group("more", "surface"):
        made = cached.surface_commands(choice.net, choice.enc, choice.mode)
        named = f"{choice.net} {choice.enc} {choice.mode}"
        rows = cached.surface_rows(choice.net, choice.enc, choice.mode)
        render.numbers(partial(behind, found, choice, at), rows, made, key=NUMBERS, called=named)


def unmeasured(found: pd.DataFrame, plan: SweepSpec) -> None:
    """The map before its first cell: every tile hatched."""
    drawn = charts.CHARTS["surface"].draw(found, None, 0.5, (plan.bers, plan.eps))
    said = "No tile of this map is measured yet; the hatched ones are those that the button measures."
    render.figure("surface", drawn, key="surface_empty", alt=said)
    st.markdown(said)
    render.terminal(plan.command)


def rising(found: pd.DataFrame, choice: tradeoff.Choice) -> None:
    """Why faults seem to help against attacks, where a curve of transferred examples rises."""
    lines = found[(found["eps"] > 0)].sort_values("ber").groupby("eps")["mean"]
    if choice.mode == "transfer" and any(line.iloc[-1] > line.iloc[0] + 0.02 for _, line in lines):
        st.caption(
            ":material/info: Accuracy rises with the BER here since the examples were made on the fault-free "
            "network: a faulty one is another network, and they miss it. “adaptive” attacks the faulty one."
        )


def relief(found: pd.DataFrame, choice: tradeoff.Choice) -> go.Figure:
    """The landscape."""
    return cached.cached_figure(charts.CHARTS["relief"].draw, (choice.net, choice.enc, choice.mode), found)


def tile_map(found: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float], line: float) -> go.Figure:
    """The tiles with the chosen one framed and a line between them."""
    seen = (choice.net, choice.enc, choice.mode, at, line)
    return cached.cached_figure(charts.CHARTS["surface"].draw, seen, found, at, line)


def tiles(found: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float], line: int | None) -> None:
    """The tiles under the slider of their line: a fragment of its own, so that the line follows at once.

    Args:
        at, line: the chosen tile and where the slider stood when the rest of the page was drawn.
    """
    now = tradeoff.threshold()
    behind_too = st.session_state.get(NUMBERS) and st.session_state.thr != line
    if tradeoff.elsewhere(at) or behind_too:
        st.rerun()  # what stands beside the map, or in the opened box, is of another tile or line
    drawn = tile_map(found, choice, at, now)
    pick = partial(tradeoff.select_cell, "surface")
    render.figure("surface", drawn, key="surface", alt=sentences.corners(found), on_select=pick)


def behind(found: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float]) -> render.Behind:
    """The cells as a table, and the picture of them."""
    if choice.relief:
        return {"relief": tables.cells(found)}, {"relief": relief(found, choice)}
    drawn = tile_map(found, choice, at, int(st.session_state.thr) / 100)
    return {"surface": tables.cells(found)}, {"surface": drawn, **cuts(found, choice, at)}


def shown(running: job_queue.Measurement | None, whole: job_queue.Measurement | None) -> None:
    """The surface, or a sentence: a fragment runs again without the page around it."""
    with render.errors_as_sentences():
        surface(running, whole)


def shields(net: str) -> None:
    """Does one shield protect against both? All variants of the network that were measured."""
    render.section("Does one shield protect against both?")
    if told := cached.study(net):
        st.markdown(f":material/balance: {sentences.asymmetry(told)}")
    else:
        st.caption(
            "Lambda, what each shield gives against the other threat, is not measured for this network."
        )
    areas = cached.areas(net)
    if areas.empty:
        render.error_box(
            f"No variant of {net} has rows under faults and under attack yet, so nothing can be compared. "
            "Harden one on the Harden page, or measure:",
            "python -m resq asymmetry signs/resnet20/base --seeds 5",
        )
        return
    left, right = st.columns(2, gap="large")
    with left:
        key = (net.rsplit("/", 1)[0], tuple(areas["megabytes"]))
        drawn = cached.cached_figure(charts.CHARTS["shields"].draw, key, areas)
        render.figure("shields", drawn, key="shields", alt=sentences.shields(areas))
    with right:
        upright = tradeoff.resistance()
        front = cached.cached_figure(charts.CHARTS["pareto"].draw, (*key, upright), areas, upright)
        render.figure("pareto", front, key="pareto", alt=sentences.shields(areas))
    with page_frame.group("more", "shields"):
        render.numbers(
            lambda: ({"shields": tables.areas(areas)}, {"shields": drawn, "pareto": front}), None, [],
            key="numbers_shields", called=key[0],
        )  # fmt: skip


render.page("How do faults and attacks interact?", render.text("tradeoff"), upload.button)
with render.errors_as_sentences():
    if cached.rows().empty:
        render.error_box(*(render.UNMEASURED if cached.names() else render.UNTRAINED))
    else:
        running = job_status.measurement("again", SweepSpec)
        whole = job_status.measurement("map", SweepSpec)
        every = 0.5 if any(job is not None and job.active for job in (running, whole)) else None
        st.fragment(shown, run_every=every)(running, whole)
        if net := st.session_state.get("surface_net"):
            shields(net)
        with page_frame.group("more", "help"):
            render.help_page("tradeoff_help", ["surface", "shields", "pareto"])
