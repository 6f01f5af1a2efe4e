"""Which tensors and bits of a deployed file matter, measured on its runtime, and the words that harm most."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import cached, charts
from dashboard.charts import theme
from dashboard.components import filebring, job_status, page_frame, render
from dashboard.format import filewords
from dashboard.model import layer_view
from dashboard.server import job_queue
from resq.measure.analysis import layer_heatmap
from resq.measure.run.deployed import file_cells
from resq.measure.run.deployed.file_cells import FileLayers

MAPS, N, SINGLES = 3, 128, 12


def section(
    name: str, images: str, inputs: str, about: Mapping[str, Any], check: Mapping[str, Any] | None
) -> None:
    """The button and its price, the heatmap, the words."""
    st.header("Which tensors and bits matter?", anchor=False)
    weights = [layer for layer in about["layers"] if layer["kind"] == "weights"]
    cells = sum(layer["bits"] // layer["words"] for layer in weights)
    spec = FileLayers(name, images, maps=MAPS, n=N, singles=SINGLES, inputs=inputs, cells=cells)
    running = job_status.measurement("heat", FileLayers)
    with page_frame.group("live", "heat"), st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Measure tensors and bits", key="heat_it", icon=":material/grid_on:", on_click=job_status.start,
            args=([spec], "heat"), disabled=running is not None and running.active,
        )  # fmt: skip
        rows = spec.total
        own = st.session_state.get("page") == "yournetwork"
        where = "“Run it” above" if own else "“Run it” on Your network"
        price = (
            filewords.cost(filewords.seconds(check, rows, N), rows)
            if check
            else f"{rows} rows; {where} measures how long one takes."
        )
        st.caption(price, width="stretch")
    names = filewords.labels([layer["name"] for layer in about["layers"]])
    st.fragment(_shown, run_every=1.0 if running is not None and running.active else None)(
        spec, names, running
    )


def _shown(spec: FileLayers, names: dict[str, str], running: job_queue.Measurement | None) -> None:
    with render.errors_as_sentences():
        job_status.progress(running, "cells and words", "heat", [spec])
        now = running is not None and running.active
        rows = cached.measurements().rows([spec])
        if rows and not now:
            _heatmap(spec, names, rows)
            _worst(spec, file_cells.worst(rows), len([r for r in rows if r["kind"] == "single"]))
        job_status.ended(running, "heat")


def _heatmap(spec: FileLayers, names: dict[str, str], rows: list[dict[str, Any]]) -> None:
    frame = layer_heatmap.frame(row for row in rows if row["kind"] == "measured")
    heatmap = layer_view.heatmap(frame.assign(layer=frame["layer"].map(names)))
    cells = heatmap.cells["measured"]
    drawn = charts.CHARTS["layers"].draw(
        cells, heatmap.totals["measured"], [("stored bits", int(cells["bit"].max()), 0)]
    )
    drawn.layout.margin.l = 16 + 1.25 * theme.width(cells["layer"])  # names of files run wide
    finding = heatmap.findings["measured"]
    render.figure(
        "layers", drawn, key="file_heat", alt=finding, title=False, on_select=partial(_clicked, names)
    )
    st.markdown(render.plain(finding))
    st.caption(layer_view.provenance(cells, "Measured here, on the file's runtime"))
    with page_frame.group("more", "heat"):
        called = spec.file.rpartition("/")[2]
        render.numbers(
            partial(_behind, cells, drawn), frame, [spec.command], key="numbers_heat", called=called
        )


def _behind(cells: pd.DataFrame, drawn: go.Figure) -> render.Behind:
    return {"layers": layer_view.readable(cells)}, {"layers": drawn}


def _clicked(names: dict[str, str]) -> None:
    """A click on a cell opens its tensor and bit below."""
    clicked = layer_view.clicked_cell(st.session_state["file_heat"].selection.points)
    back = {label: name for name, label in names.items()}
    if clicked and clicked[0] in back:
        choose(back[clicked[0]], 0, clicked[1])


def choose(layer: str, word: int, bit: int | None) -> None:
    """Makes this the word that is looked at, with this bit flipped."""
    st.session_state.layer, st.session_state.w = layer, word
    st.session_state.flips = () if bit is None else (bit,)


def _worst(spec: FileLayers, worst: list[dict[str, Any]], tried: int) -> None:
    if not worst:
        return
    st.markdown(f"**The most harmful of {tried} words that were flipped alone**, "
                f"of the {file_cells.WORST} worst cells. "
                "Choose a line to open it below.")  # fmt: skip
    shown = pd.DataFrame(
        {
            "tensor": [row["layer"] for row in worst],
            "word": [row["word"] for row in worst],
            "bit": [row["bit"] for row in worst],
            "adds to the loss": [round(row["change"], 4) for row in worst],
            f"right answers lost, of {spec.n}": [row["lost"] for row in worst],
        }
    )
    st.dataframe(
        shown, hide_index=True, key="worst", on_select=partial(_chosen, worst), selection_mode="single-row"
    )
    _opened(spec, worst)


def _opened(spec: FileLayers, worst: list[dict[str, Any]]) -> None:
    """The chosen word, at first the most harmful, on the page for words."""
    chosen: Any = st.session_state.get("worst")
    place = next(iter(chosen.selection.rows if chosen else []), 0)
    one = worst[min(place, len(worst) - 1)]
    label = f"Open word {one['word']:,} of {_short(one['layer'])} in the Bit lab, bit {one['bit']} flipped"
    filebring.link(
        "bitlab", label, spec.file, spec.data, spec.inputs, layer=one["layer"], w=one["word"],
        flip=one["bit"],
    )  # fmt: skip


def _short(layer: str) -> str:
    return layer if len(layer) <= filewords.LONGEST else f"{layer[: filewords.LONGEST]}…"


def _chosen(worst: list[dict[str, Any]]) -> None:
    for row in st.session_state["worst"].selection.rows[:1]:
        choose(worst[row]["layer"], worst[row]["word"], worst[row]["bit"])
