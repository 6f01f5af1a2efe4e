"""Trade-off: how do faults and attacks interact?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.components import job_status, page_frame, render, rerun_cell, upload
from dashboard.format import asymmetry_sentences, numbers, sentences, tables
from dashboard.format.encodings import stored_as
from dashboard.forms import measure_map, tradeoff
from dashboard.server import job_queue
from resq.claims import points
from resq.measure.specs.sweep_spec import SweepSpec

NUMBERS = "numbers_surface"  # whether its box is open
ALIKE = (
    "Hardening changes accuracy without any fault or attack as well, and R_A and R_F with it. On the images "
    "that 00, A and F of every seed get right when nothing is wrong, all have one clean accuracy, and what "
    "is left is resilience."
)
SLICE = 260  # pixels: two of them beside the map


def numbers_of(
    cell: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float], fresh: Sequence[Mapping[str, Any]]
) -> None:
    """The chosen cell in words, and how to measure it; ``fresh``: rows that were measured on this page."""
    if cell.empty:
        render.error_box(
            f"{sentences.place(*at)} has not been run for {choice.net} in "
            f"{stored_as(choice.enc)}. Measure it:",
            cached.joint_command(choice.net, choice.enc, at, choice.mode),
        )
        return
    line = cell.iloc[0]
    with st.container(key="cell"):
        st.header(f"{numbers.percent(line['mean'])} right at {sentences.place(*at)}", anchor=False)
        of = f"{render.plain(choice.net)} as {render.plain(stored_as(choice.enc))}, {choice.mode} examples"
        here = any((row["ber"], row["eps"]) == at for row in fresh)
        provenance = sentences.provenance(cell, "measured here" if here else "stored rows")
        st.markdown(f"{of}: {sentences.interval(line)}; {provenance}.")


def seen_of(surface_cells: pd.DataFrame, choice: tradeoff.Choice) -> tuple[str, ...]:
    """What decides a picture of these cells: while a map is measured they become more."""
    return choice.net, choice.enc, choice.mode, cached.drawn_from(surface_cells)


def corners(surface_cells: pd.DataFrame, choice: tradeoff.Choice) -> str:
    """The map in words."""
    return cached.cached_figure(sentences.corners, seen_of(surface_cells, choice), surface_cells)


def cuts(
    surface_cells: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float], height: int = 0
) -> dict[str, go.Figure]:
    """Accuracy along the chosen column and the chosen row, the chosen cell ringed; height 0: as usual."""
    ber, eps = at
    chance = cached.chance_level(list(surface_cells["data"]))
    drawn = {}
    for name, line, axis, x in (
        ("slice_ber", surface_cells[surface_cells["eps"] == eps].assign(x=surface_cells["ber"]), "BER", ber),
        ("slice_eps", surface_cells[surface_cells["ber"] == ber].assign(x=surface_cells["eps"]), "eps", eps),
    ):
        ringed = next((sentences.cell_name(dot, axis) for dot in line[line["x"] == x].to_dict("records")), "")
        key = (name, *seen_of(surface_cells, choice), *at, height)
        draw = charts.CHARTS[name].draw
        drawn[name] = cached.cached_figure(draw, key, line, chance, (), ringed, height)
    return drawn


def slices(surface_cells: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float]) -> None:
    """Both cuts through the chosen cell, beside the map."""
    directions = {
        "slice_ber": f"over BER at eps {at[1]:g}/255", "slice_eps": f"over eps at BER {numbers.power(at[0])}"
    }  # fmt: skip
    for name, drawn in cuts(surface_cells, choice, at, SLICE).items():
        st.markdown(f"**{directions[name].capitalize().replace('ber', 'BER')}**")
        render.figure(name, drawn, key=name, alt=f"Accuracy {directions[name]}", title=False, caption=False)


def again(cell: pd.DataFrame, running: job_queue.Measurement | None) -> None:
    """The chosen cell run again here, held against its stored interval."""
    if cell.empty:
        return
    reference = points.of_surface(cell.to_dict("records")[0])
    st.header("This cell, run again", anchor=False)
    rerun_cell.measured_again(reference, tradeoff.again(reference.seed), running)


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
    surface_cells = cached.together(choice.net, choice.enc, choice.mode, fresh)
    own = choice.net not in cached.measured_most()  # one's own may be measured in part, by an earlier server
    grid: measure_map.Grid = ((), ())  # of a map that is shipped: what it has
    lacking = measure_map.lacking(surface_cells)
    if own or lacking or fresh or (whole is not None and whole.active):
        grid = measure_map.grid(plan, whole, own or lacking or bool(fresh))
        measure_map.buttons(choice.net, choice.enc, choice.mode, not surface_cells.empty, whole)
        job_status.ended(whole, "map")
    if surface_cells.empty:
        unmeasured(surface_cells, plan)
        return
    rising(surface_cells, choice)
    left, right = st.columns([7, 6], gap="large")
    with right:
        at = tradeoff.cell(surface_cells, grid)
        chosen = surface_cells[(surface_cells["ber"] == at[0]) & (surface_cells["eps"] == at[1])]
        numbers_of(chosen, choice, at, fresh)
    with left:
        if choice.relief:
            drawn = relief(surface_cells, choice)
            render.figure("relief", drawn, key="relief", alt=corners(surface_cells, choice))
        else:
            st.fragment(tiles)(surface_cells, choice, at, st.session_state.get("thr"), grid)
        again(chosen, running)
    with right:
        slices(surface_cells, choice, at)
    with page_frame.group("more", "surface"):
        page_frame.link(
            "moving", "Watch pictures move among the features as both grow", net=choice.net, enc=choice.enc
        )
        made = cached.surface_commands(choice.net, choice.enc, choice.mode, fresh)
        named = f"{choice.net} {choice.enc} {choice.mode}"
        rows = cached.surface_rows(choice.net, choice.enc, choice.mode, fresh)
        behind_it = partial(behind, surface_cells, choice, at, grid)
        render.numbers(behind_it, rows, made, key=NUMBERS, called=named)


def unmeasured(surface_cells: pd.DataFrame, plan: SweepSpec) -> None:
    """The map before its first cell: every tile hatched."""
    drawn = charts.CHARTS["surface"].draw(surface_cells, None, 0.5, (plan.bers, plan.eps))
    sentence = "No tile of this map is measured yet; the hatched ones are those that the button measures."
    render.figure("surface", drawn, key="surface_empty", alt=sentence)
    st.markdown(sentence)
    render.terminal(plan.command)


def rising(surface_cells: pd.DataFrame, choice: tradeoff.Choice) -> None:
    """Why faults seem to help against attacks, where a curve of transferred examples rises."""
    if choice.mode != "transfer":
        return
    guessing = max(cached.chance_level(list(surface_cells["data"])).values(), default=0.0)
    if sentences.rises(surface_cells, guessing):
        st.caption(
            ":material/info: Accuracy rises with the BER here since the examples were made on the fault-free "
            "network: a faulty one is another network, and they miss it. “adaptive” attacks the faulty one."
        )


def relief(surface_cells: pd.DataFrame, choice: tradeoff.Choice) -> go.Figure:
    """The landscape."""
    return cached.cached_figure(charts.CHARTS["relief"].draw, seen_of(surface_cells, choice), surface_cells)


def tile_map(
    surface_cells: pd.DataFrame,
    choice: tradeoff.Choice,
    at: tuple[float, float],
    line: float,
    grid: measure_map.Grid,
) -> go.Figure:
    """The tiles with the chosen one framed and a line between them; those of the grid that lack, hatched."""
    seen = (*seen_of(surface_cells, choice), at, line, grid)
    return cached.cached_figure(charts.CHARTS["surface"].draw, seen, surface_cells, at, line, grid)


def tiles(
    surface_cells: pd.DataFrame,
    choice: tradeoff.Choice,
    at: tuple[float, float],
    line: int | None,
    grid: measure_map.Grid,
) -> None:
    """The tiles under the slider of their line: a fragment of its own, so that the line follows at once.

    Args:
        at, line: the chosen tile and where the slider stood when the rest of the page was drawn.
        grid: BERs and budgets of a map that is being, or could be, measured.
    """
    now = tradeoff.threshold()
    behind_too = st.session_state.get(NUMBERS) and st.session_state.thr != line
    if tradeoff.elsewhere(at) or behind_too:
        st.rerun()  # what stands beside the map, or in the opened box, is of another tile or line
    drawn = tile_map(surface_cells, choice, at, now, grid)
    pick = partial(tradeoff.select_cell, "surface")
    words = corners(surface_cells, choice)
    render.figure("surface", drawn, key="surface", alt=words, on_select=pick)


def behind(
    surface_cells: pd.DataFrame, choice: tradeoff.Choice, at: tuple[float, float], grid: measure_map.Grid
) -> render.Behind:
    """The cells as a table, and the picture of them."""
    if choice.relief:
        return {"relief": tables.cells(surface_cells)}, {"relief": relief(surface_cells, choice)}
    drawn = tile_map(surface_cells, choice, at, int(st.session_state.thr) / 100, grid)
    return {"surface": tables.cells(surface_cells)}, {"surface": drawn, **cuts(surface_cells, choice, at)}


def shown(running: job_queue.Measurement | None, whole: job_queue.Measurement | None) -> None:
    """The surface, or a sentence: a fragment runs again without the page around it."""
    with render.errors_as_sentences():
        surface(running, whole)


@st.fragment
def arrows() -> None:
    """What hardening against either threat gives against both, of every study."""
    place = st.container()
    alike = st.toggle("Only images that all get right", key="gains_alike", help=ALIKE)
    studies = cached.studies(alike)
    with place:
        drawn = cached.cached_figure(charts.CHARTS["gains"].draw, (alike, *studies), studies)
        render.figure("gains", drawn, key="gains", alt=asymmetry_sentences.gains(studies))


def shields(net: str) -> None:
    """Does one shield protect against both? All variants of the network that were measured."""
    render.section("Does one shield protect against both?")
    if study := cached.study(net):
        of = render.plain(net.rpartition("/")[0])
        st.markdown(f":material/balance: **{of}**: {asymmetry_sentences.asymmetry(study)}")
        st.caption(asymmetry_sentences.SYMBOLS)
        if more := asymmetry_sentences.alike(study):
            st.caption(more)
    else:
        st.caption(
            "Lambda, what each shield gives against the other threat, is not measured for this network."
        )
    for name, other in cached.tested(net).items():
        st.markdown(f":material/balance: **{name}**: {asymmetry_sentences.asymmetry(other)}")
        st.caption(asymmetry_sentences.alike(other))
    arrows()
    areas = cached.areas(net)
    if areas.empty:
        render.error_box(
            f"No variant of {net} has rows under faults and under attack yet, so nothing can be compared. "
            "Harden one on the Harden page, or measure:",
            f"python -m resq asymmetry {net} --seeds 1",
        )
        return
    left, right = st.columns(2, gap="large")
    key = (net.rsplit("/", 1)[0], tuple(areas["megabytes"]))
    resistances = cached.cached_figure(sentences.shields, key, areas)
    with left:
        drawn = cached.cached_figure(charts.CHARTS["shields"].draw, key, areas)
        render.figure("shields", drawn, key="shields", alt=resistances)
    with right:
        upright = tradeoff.resistance()
        front = cached.cached_figure(charts.CHARTS["pareto"].draw, (*key, upright), areas, upright)
        render.figure("pareto", front, key="pareto", alt=resistances)
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
            render.help_page("tradeoff_help", ["surface", "gains", "shields", "pareto"])
