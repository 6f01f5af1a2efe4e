"""The buttons that measure a sweep: what is left of it and what that takes; all of it again, on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import cached
from dashboard.components import job_status, page_frame
from dashboard.format import numbers
from dashboard.model import remaining
from resq.measure.specs.sweep_spec import SweepSpec

ALL = (
    "Measures also what is stored. Unless you set images, maps, seed, attack or points yourself, the first "
    "button leaves out every point that the figures show, on however many images it was."
)


Points = dict[tuple[str, str], set[float]]  # checkpoint and encoding -> rates, or budgets


def shown(specs: Sequence[SweepSpec], axis: str) -> Points:
    """The points of which the figure shows stored rows, unless settings ask for others."""
    points: Points = {(spec.checkpoint, spec.encoding): set() for spec in specs}
    if not page_frame.touched("settings"):
        lines = cached.stored_curves(specs, axis).curves  # made once, for the figure too
        for *network, x in zip(
            *(lines[name].tolist() for name in ("checkpoint", "encoding", "x")), strict=True
        ):
            points[network[0], network[1]].add(x)
    return points


def left(specs: Sequence[SweepSpec]) -> list[remaining.Remaining]:
    """What is left of each sweep that is not whole."""
    bers, budgets = (shown(specs, axis) for axis in ("ber", "eps"))
    parts = []
    for spec in specs:
        which = spec.checkpoint, spec.encoding
        parts.append(cached.left(spec, (bers[which], budgets[which])))
    return [part for part in parts if part.total]


def buttons(specs: Sequence[SweepSpec], away: bool, busy: bool) -> None:
    """Both buttons, each with its cells and its time.

    Args:
        away: whether weights or images are not on this machine; nothing is priced then.
        busy: whether a measurement is under way.
    """
    total = sum(spec.total for spec in specs)
    parts = [] if away else left(specs)
    if away or parts:
        st.button(
            f"Measure {numbers.counted(total, 'cell')}" if away else label(parts, total),
            type="primary", key="measure", on_click=job_status.start, args=(remaining.ordered(parts),),
            icon=":material/play_arrow:", disabled=away or busy,
        )  # fmt: skip
    else:
        st.caption("The one cell is stored." if total == 1 else f"All {total:,} cells are stored.")
    if not away and sum(part.total for part in parts) < total:
        st.button(
            f"Measure all again: {cached.price(specs)}", key="measure_all", on_click=job_status.start,
            args=(specs,), icon=":material/replay:", disabled=busy, help=ALL, type="tertiary",
        )  # fmt: skip


def label(parts: Sequence[remaining.Remaining], total: int) -> str:
    """What the first button says.

    >>> label([], 0)
    'Measure 0 cells, about 0 s'
    """
    cells, wait = cached.price(parts).split(", ", 1)
    of = "" if sum(part.total for part in parts) == total else f" of {total:,} cells"
    return f"Measure {cells.partition(' ')[0] if of else cells}{of}, {wait}"
