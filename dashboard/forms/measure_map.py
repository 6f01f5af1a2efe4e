"""A map that nobody has measured yet: what it costs, coarse first, and the measurement as it goes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cached
from dashboard.components import job_status, page_frame, render, rerun_cell
from dashboard.model import remaining
from dashboard.server import job_queue
from resq.measure.specs.sweep_spec import SweepSpec

COARSE: dict[str, Any] = {
    "bers": (0.0, 1e-3, 1e-2, 1e-1), "eps": (0.0, 4.0, 8.0), "maps": 2, "n": 100, "steps": 10,
}  # fmt: skip
FINE: dict[str, Any] = {
    "bers": (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "eps": (0.0, 1.0, 2.0, 4.0, 8.0), "maps": 5, "n": 250,
    "steps": 10,
}  # fmt: skip
GRIDS = {"coarse": COARSE, "fine": FINE}
Grid = tuple[tuple[float, ...], tuple[float, ...]]  # BERs and budgets


def spec(net: str, enc: str, mode: str, grid: str) -> SweepSpec:
    """The sweep of a whole map."""
    return SweepSpec(net, encoding=enc, modes=(mode,), **GRIDS[grid])


def planned(net: str, enc: str, mode: str, running: job_queue.Measurement | None) -> SweepSpec:
    """The map that is being measured, or that a press of the first button would."""
    active = remaining.sweep_of(running.specs[0]) if running is not None and running.active else None
    if active is not None and (active.checkpoint, active.encoding, active.modes) == (
        net,
        enc,
        (mode,),
    ):
        return active
    return spec(net, enc, mode, "coarse")


def grid(plan: SweepSpec, running: job_queue.Measurement | None, known_here: bool) -> Grid:
    """The tiles that are drawn beside the measured ones: hatched as long as they are not measured.

    Args:
        plan: of ``planned``.
        known_here: whether cells of the plan are measured here, or the map lacks some.
    """
    active = running is not None and running.active and remaining.sweep_of(running.specs[0]) == plan
    return (plan.bers, plan.eps) if known_here or active else ((), ())


def lacking(cells: pd.DataFrame) -> bool:
    """Whether a map has no tile under both threats, or tiles that were never measured."""
    bers, budgets = set(cells["ber"]), set(cells["eps"])
    return min(len(bers), len(budgets)) < 2 or len(cells) < len(bers) * len(budgets)


def buttons(net: str, enc: str, mode: str, known: bool, running: job_queue.Measurement | None) -> None:
    """What can be measured, with its price, and how far it is.

    Args:
        known: whether some of the map is measured.
    """
    here = net in cached.names() and cached.present(str(cached.card(net)["data"]))
    if not here:
        so = "its map cannot be measured here"
        render.missing_weights([net], so)
        render.missing_images([str(cached.card(net)["data"])], so)
        return
    busy = running is not None and running.active
    with page_frame.group("live", "map"), st.container(horizontal=True):
        for grid, label in (("coarse", "Measure this map"), ("fine", "Measure it finer")):
            left = cached.left(spec(net, enc, mode, grid))
            if not left.total:
                continue  # all of it is stored
            of = "" if left.total == left.spec.total else f" of {left.spec.total:,}"
            cells, wait = cached.price([left]).split(", ", 1)
            cells = f"{cells.partition(' ')[0]}{of} cells" if of else cells
            pressed = st.button(
                f"{label}: {cells}, {wait}", key=f"map_{grid}", disabled=busy,
                icon=":material/play_arrow:",
                type="primary" if grid == "coarse" and not known else "secondary",
            )  # fmt: skip
            if pressed:
                rerun_cell.begin(left, "map")
    job_status.progress(running, key="map")
