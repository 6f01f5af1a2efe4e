"""The buttons that measure a sweep: what is left of it and what that takes; all of it again, on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import cached
from dashboard.components import job_status, page_frame
from dashboard.model import remaining
from resq.measure.specs.sweep_spec import SweepSpec

ALL = (
    "Measures also what is stored. Unless you set images, maps, seed, attack or points yourself, the first "
    "button leaves out every point that the figures show, on however many images it was."
)


def shown(spec: SweepSpec) -> tuple[set[float], set[float]]:
    """The rates and budgets of which the figures show stored rows, unless settings ask for others."""
    if page_frame.touched("settings"):
        return set(), set()
    bers, budgets = (set(cached.stored_curves([spec], axis).curves["x"]) for axis in ("ber", "eps"))
    return bers, budgets


def buttons(specs: Sequence[SweepSpec], away: bool, busy: bool) -> None:
    """Both buttons, each with its cells and its time.

    Args:
        away: whether weights or images are not on this machine; nothing is priced then.
        busy: whether a measurement is under way.
    """
    total = sum(spec.total for spec in specs)
    left = [] if away else [part for spec in specs if (part := cached.left(spec, shown(spec))).total]
    if away or left:
        st.button(
            f"Measure {total:,} cells" if away else label(left, total), type="primary", key="measure",
            on_click=job_status.start, args=(remaining.ordered(left),), icon=":material/play_arrow:",
            disabled=away or busy,
        )  # fmt: skip
    else:
        st.caption(f"All {total:,} cells are stored.")
    if not away and sum(part.total for part in left) < total:
        st.button(
            f"Measure all again: {cached.price(specs)}", key="measure_all", on_click=job_status.start,
            args=(specs,), icon=":material/replay:", disabled=busy, help=ALL, type="tertiary",
        )  # fmt: skip


def label(left: Sequence[remaining.Remaining], total: int) -> str:
    """What the first button says.

    >>> label([], 0)
    'Measure 0 cells, about 0 s'
    """
    cells, _, wait = cached.price(left).partition(" cells")
    return (
        f"Measure {cells}{'' if sum(part.total for part in left) == total else f' of {total:,}'} cells{wait}"
    )
