"""Which cells of a sweep are stored, and what is left of it to measure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.cached.checkpoint_models import card, names
from dashboard.cached.images import present
from dashboard.cached.measured_rows import measurements, rows, stamp
from dashboard.model import remaining
from resq.measure.specs import cells
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import database, known_rows


def known(spec: SweepSpec) -> pd.DataFrame:
    """The rows of exactly these cells that are shipped or in this machine's store, in the cells' order."""
    return known_rows.by_key(_keys(spec), rows())


def left(
    spec: SweepSpec, shown: tuple[Collection[float], Collection[float]] = ((), ())
) -> remaining.Remaining:
    """What is left of a sweep to measure, see ``remaining``.

    Raises:
        FileNotFoundError: its images are not on this machine.
    """
    part = remaining.asked(spec, shown)
    if database.there():  # whose rows come and go while the page is open
        return remaining.remaining(spec, part, _keys(part), set(known(part)["key"]))
    # What decides the keys of the cells, for there are hundreds of them to hash
    return _left((spec.hash, part.hash, *_identity(part)), stamp(), spec, part)


@st.cache_resource(show_spinner=False, max_entries=256)
def _left(key: tuple[str, ...], stamp: str, _spec: SweepSpec, _part: SweepSpec) -> remaining.Remaining:
    """What is left where the shipped rows are all there is; a frozen value, shared."""
    return remaining.remaining(_spec, _part, _keys(_part), set(known(_part)["key"]))


def _keys(spec: SweepSpec) -> list[str]:
    """The content keys of its cells."""
    return _keyed(spec.hash, *_identity(spec), spec)


def _identity(spec: SweepSpec) -> tuple[str, str]:
    """Hashes of the weights and images of its cells."""
    images = _images(spec.dataset, spec.sample, spec.n)
    return str(card(spec.checkpoint)["sha256"])[:16], images


@st.cache_resource(show_spinner=False, max_entries=256)
def _keyed(spec_hash: str, weights: str, images: str, _spec: SweepSpec) -> list[str]:
    return [cells.key(cell, weights, images) for cell in _spec.cells()]


@st.cache_data(show_spinner=False, max_entries=64)
def _images(name: str, sample: str, n: int) -> str:
    return cells.images_hash(name, sample, n)


def here(specs: Sequence[SweepSpec]) -> list[dict[str, Any]]:
    """The rows of these sweeps' cells measured on this machine, by this server or before it."""
    measured = measurements().rows(specs)
    if not database.there():
        return measured
    seen = {row["key"] for row in measured}
    for spec in specs:
        if spec.checkpoint in names() and present(spec.dataset):
            stored_rows = known(spec)
            stored_rows = stored_rows[
                ~stored_rows["key"].isin(rows()["key"]) & ~stored_rows["key"].isin(seen)
            ]
            measured += [
                {str(name): value for name, value in row.items()} for row in stored_rows.to_dict("records")
            ]
    return measured
