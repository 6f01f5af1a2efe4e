"""One cell, chosen by a click: measured again here, and, on the Sweep, which class becomes which in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import confusion as confusion_charts
from dashboard.components import job_status, page_frame, render
from dashboard.format import numbers, sentences, tables
from dashboard.server import job_queue
from resq.claims import agreement, rerun
from resq.claims import points as claim_points
from resq.claims.points import Cell
from resq.measure.analysis import stats
from resq.measure.run import confusion
from resq.measure.run.confusion import ConfusionSpec
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

Jobs = tuple[job_queue.Measurement | None, job_queue.Measurement | None]  # of the cell, of its answers


def _name(cell: Cell) -> str:
    """As ``sentences.cell_name`` names the cell's dot."""
    point = {"x": cell.ber if cell.axis == "ber" else cell.eps, "attack": cell.attack}
    point |= {"checkpoint": cell.checkpoint, "encoding": cell.encoding}
    return sentences.cell_name(point, "BER" if cell.axis == "ber" else "eps")


def known(specs: Sequence[SweepSpec]) -> dict[str, Cell]:
    """The stored cells of these specs, as the curves above show them."""
    cells = sorted(cached.stored_cells(specs), key=lambda c: (c.axis, c.ber, c.eps))
    return {_name(cell): cell for cell in cells}


def clicked_point(points: Sequence[Any]) -> str:
    """The name of the clicked dot; empty where nothing that has one was clicked.

    >>> clicked_point([{"customdata": ["a/b/c · int8 · BER 0.01"]}])
    'a/b/c · int8 · BER 0.01'
    """
    name = points[-1].get("customdata") if points else None
    return str(name[0]) if isinstance(name, list | tuple) and name else str(name or "")


def click(key: str) -> None:
    """Makes the clicked dot the chosen cell; one without a stored row, or no dot, changes nothing."""
    point = clicked_point(st.session_state[key].selection.points)
    if point in st.session_state.get("cells_there", ()):
        st.session_state.cell = point


def choose(there: dict[str, Cell]) -> Cell:
    """The chosen cell: the keyboard's way to a click on a dot."""
    names = list(there)
    st.session_state.cells_there = names
    if st.session_state.get("cell", names[0]) not in names:
        del st.session_state["cell"]  # of another network
    first = names.index(telling_point(there))
    with page_frame.group("cell"):
        chosen = st.selectbox(
            "Chosen cell: click a dot, or choose", names, first, key="cell", bind="query-params"
        )
    return there[chosen or names[first]]


def telling_point(there: Mapping[str, Cell]) -> str:
    """The cell to begin with: at BER 1e-2, and in int8 where it is there: its flow of classes is shipped."""
    at = [name for name, cell in there.items() if cell.ber == 1e-2] or list(there)[-1:]
    return next((name for name in at if there[name].encoding == "int8"), at[0])


def jobs() -> Jobs:
    """This visitor's re-run of a cell and flow of answers, or those of the address."""
    return job_status.measurement("again", SweepSpec), job_status.measurement("flow", ConfusionSpec)


def section(specs: Sequence[SweepSpec], options: dict[str, Any], running: Jobs) -> None:
    """The chosen cell, its re-run, and its flow of answers."""
    there = known(specs)
    if not there:
        return
    st.header("One cell, looked at again", anchor=False)
    cell = choose(there)
    hashes = f"weights {cell.weights[:8]}, code {cell.code[:8]}"
    st.markdown(f"**{numbers.percent(cell.mean)}** stored; 95 % {_span(cell)}; n = {cell.n}, {cell.drawn}, "
                f"seed {cell.seed}, {hashes}.")  # fmt: skip
    measured_again(cell, options, running[0])
    if cell.axis == "ber" and cell.ber > 0 and cell.fault != "activations":
        answers(cell, running[1])
    else:
        st.caption("Which class becomes which is shown for a cell with flipped bits: choose one with a BER.")


def _span(cell: Cell) -> str:
    """The interval over all noise, then that over maps, in which the mean on the same images lies."""
    struck = cell.axis == "ber" and cell.ber > 0
    interval = f"over {'fault maps and ' * struck}images {_share(cell.low, cell.high)}"
    if not struck or cell.map_low != cell.map_low:
        return interval
    return f"{interval} (over maps alone, on the same images: {_share(cell.map_low, cell.map_high)})"


def _share(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}{numbers.THIN}%"


def so_far(fresh: Cell, running: job_queue.Measurement | None) -> bool:
    """Whether what was measured again is but a part of it, which is held against nothing yet."""
    if running is None or not running.active or not running.rows:
        return False
    spec = running.specs[0]
    return isinstance(spec, SweepSpec) and fresh.maps < spec.maps


def begin(spec: job_queue.Work, key: str) -> None:
    """Begins a measurement from within the fragment, then runs the whole page, which follows it."""
    job_status.start([spec], key)
    st.rerun()


def stored_rows(cell: Cell) -> pd.DataFrame:
    """The rows of a stored cell: shipped ones, else those of this machine."""
    shipped = claim_points.rows_of(cell, cached.rows())
    return shipped if len(shipped) else claim_points.rows_of(cell, cached.stored_here(cell.checkpoint))


def measured_beside(cell: Cell, spec: SweepSpec) -> str:
    """On how many images and fault maps the button measures, and on how many the stored cell was."""
    maps = (f", {spec.maps} fault maps", f", {cell.maps} fault maps") if cell.ber else ("", "")
    return f"It measures {spec.n:,} images{maps[0]}, seed {spec.seed}; stored: {cell.n:,} images{maps[1]}."


def measured_again(cell: Cell, options: dict[str, Any], running: job_queue.Measurement | None) -> None:
    """The button that measures the cell here, and what came of it.

    Args:
        options: ``n``, ``maps`` and ``seed`` of the measurement.
    """
    spec = rerun.spec(cell, options["n"], options["maps"], options["seed"])
    there = {f"images of {cell.data}": cached.present(cell.data)}
    there[f"weights of {cell.checkpoint}"] = cell.checkpoint in cached.names()
    if lacking := " and the ".join(name for name, here in there.items() if not here):
        render.error_box(
            f"The {render.plain(lacking)} are not on this machine, so this cell cannot be run here."
        )
    else:
        with page_frame.group("live", "again"):
            pressed = st.button(
                f"Run this cell live: {cached.price([spec])}", key="run_cell", icon=":material/play_arrow:",
                disabled=running is not None and running.active,
                help=f"On {spec.n:,} test images, {spec.maps} fault maps, seed {spec.seed}",
            )  # fmt: skip
        if pressed:
            begin(spec, "again")
        st.caption(measured_beside(cell, spec))
    job_status.progress(running, key="again")
    fresh = cached.measurements().rows([spec])
    cells = claim_points.cells(table.frame(fresh), tuple(stats.AXES)) if fresh else []
    again = [c for c in cells if rerun.same_point(c, cell)]
    if again and not (running is not None and running.active):
        comparison = agreement.against(cell, again[0], stored_rows(cell), table.frame(fresh))
        icon = ":material/check_circle:" if comparison.within else ":material/warning:"
        with st.container(key=f"verdict_{'same' if comparison.within else 'changed'}_cell", gap=None):
            st.markdown(f"{icon} {render.plain(comparison.says[0].upper() + comparison.says[1:])}.")
        drawn = charts.CHARTS["cell_again"].draw(cell, again[:1], None)
        render.figure("cell_again", drawn, key="cell_again", alt=comparison.says, title=False)
        with page_frame.group("more", "again"):
            render.numbers(
                lambda: ({"cell_again": tables.measured_again(cell, again[:1])}, {"cell_again": drawn}),
                None, [spec.command], key="numbers_cell_again", called=f"{cell.checkpoint} {cell.encoding}",
            )  # fmt: skip
    own = rerun.spec(cell)
    if own.command == spec.command:
        render.terminal(spec.command)
    else:
        st.caption("The first line measures the cell as it is stored, the second with the settings above.")
        render.terminal(own.command, spec.command)
    job_status.ended(running, "again")


def answers(cell: Cell, running: job_queue.Measurement | None) -> None:
    """Which class becomes which at the cell's rate: stored, or measured here."""
    spec = ConfusionSpec(cell.checkpoint, cell.encoding, cell.fault, cell.ber)
    with page_frame.group("live", "flow"):
        busy = running is not None and running.active
        here = cached.present(cell.data) and cell.checkpoint in cached.names()
        if here:
            pressed = st.button(
                "Measure which class becomes which", key="run_flow", icon=":material/alt_route:",
                disabled=busy, help=f"{spec.n} test images, {spec.maps} fault maps; about as long as a curve",
            )  # fmt: skip
            if pressed:
                begin(spec, "flow")
    job_status.progress(running, "maps", key="flow")
    fresh = cached.measurements().rows([spec])
    rows = fresh or cached.flows(cell.checkpoint, cell.encoding, cell.fault, cell.ber)
    if rows:
        drawn_flow(rows, "Measured here" if fresh else "Stored rows", spec)
    elif not busy:
        how = (
            "Measure it here, or in a terminal" if here else "In a terminal, where its weights and images are"
        )
        sentence = f"Which class becomes which is not stored for this cell. {how}:"
        render.error_box(sentence, spec.command)
    job_status.ended(running, "flow")


def drawn_flow(rows: list[dict[str, Any]], source: str, spec: ConfusionSpec) -> None:
    """The figure with its sentence, origin, numbers and command."""
    counts, first = confusion.summed(rows), rows[0]
    classes = first["classes"]
    key = (first["data"], counts.tobytes())
    finding = cached.cached_figure(confusion_charts.finding, key, counts, classes)
    drawn = cached.cached_figure(charts.CHARTS["flow"].draw, key, counts, classes)
    render.figure("flow", drawn, key="flow_chart", alt=finding)
    st.markdown(finding)
    hashes = " · ".join(f"{key} {first[key][:8]}" for key in ("weights", "images", "code"))
    fault = sentences.FAULT_NAMES.get(first["fault"], first["fault"])
    st.caption(f"{source} · BER {numbers.power(first['ber'])}, {fault} · n = {first['n']} images · "
               f"{len(rows)} fault maps · seed {first['seed']} · {hashes}")  # fmt: skip
    made = ConfusionSpec(
        spec.checkpoint, spec.encoding, spec.fault, spec.ber, len(rows), first["n"], first["seed"]
    )
    if cached.other_weights([(spec.checkpoint, first["weights"])]):
        st.caption("Measured on other weights than those here: measure it again.")
    with page_frame.group("more", "flow"):
        render.numbers(
            lambda: ({"flow": confusion_charts.changes(counts, classes)}, {"flow": drawn}),
            None,
            [made.command],
            key="numbers_flow",
            called=f"{spec.checkpoint} {spec.encoding} ber {spec.ber:g}",
        )
