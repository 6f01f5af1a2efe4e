"""Measured rows, stored and fresh, and the curves and figures made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.cached.checkpoint_models import card, names, opened_in
from dashboard.cached.ttl_cache import ttl_cached
from dashboard.charts.plain.figure import plain
from dashboard.model import bit_view, select_rows
from dashboard.model.storage import places
from dashboard.server import job_queue
from resq.claims import card as own_cards
from resq.claims import points as cells_of
from resq.claims import provenance, registry
from resq.claims.points import Cell
from resq.measure.analysis import asymmetry, choose, stats
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

Made = TypeVar("Made")


@st.cache_resource(show_spinner=False)
def measurements() -> job_queue.Measurements:
    """The measurements of this server, the same for all visitors."""
    return job_queue.Measurements()


@ttl_cached
def rows() -> pd.DataFrame:
    """The measured rows that are shipped, shared, so never written; empty where there are none."""
    return _rows(stamp())


@st.cache_resource(show_spinner=False, max_entries=1)
def _rows(stamp: str) -> pd.DataFrame:
    return table.shipped()


@dataclass(frozen=True, eq=False)
class StoredCurves:
    """What is known of some sweeps along one axis; shared, so never written.

    Attributes:
        missing: the sweeps without a row.
        key: what decides all of it, for ``cached_figure``.
    """

    rows: pd.DataFrame
    curves: pd.DataFrame
    missing: list[SweepSpec]
    key: tuple[Any, ...]


def stored_curves(
    specs: Sequence[SweepSpec],
    axis: str,
    fresh: Sequence[dict[str, Any]] = (),
    running: bool = False,
    metric: str = "accuracy",
) -> StoredCurves:
    """Rows and curves of these sweeps, those measured here (``fresh``) as of ``select_rows.together``.

    Args:
        metric: of ``stats.METRICS``; rows in which it was not counted are left out.
    """
    seen = tuple((row["key"], row["correct"]) for row in fresh)
    return _stored_curves(
        (axis, running, seen, metric, *(spec.hash for spec in specs)), stamp(), tuple(specs), fresh
    )


@st.cache_resource(show_spinner=False, max_entries=64)
def _stored_curves(
    key: tuple[Any, ...],
    stamp: str,
    _specs: Sequence[SweepSpec],
    _fresh: Sequence[dict[str, Any]],
) -> StoredCurves:
    chosen, missing = select_rows.together(rows(), table.frame(_fresh), _specs, key[0], key[1])
    lines = curves(chosen, key[0], key[3])
    return StoredCurves(choose.rows_of(chosen, lines, key[0]), lines, missing, key)


def with_commands(curves: Sequence[StoredCurves]) -> tuple[pd.DataFrame, list[str]]:
    """The rows behind several figures, and the commands that measure them; shared, so never written."""
    return _with_commands(tuple(k.key for k in curves), stamp(), curves)


@st.cache_resource(show_spinner=False, max_entries=64)
def _with_commands(
    keys: tuple[tuple[Any, ...], ...], stamp: str, _curves: Sequence[StoredCurves]
) -> tuple[pd.DataFrame, list[str]]:
    every = pd.concat([k.rows for k in _curves], ignore_index=True)
    return every, provenance.commands(every) if len(every) else []


def stored_cells(specs: Sequence[SweepSpec]) -> list[Cell]:
    """The stored cells of these sweeps, as their curves show them."""
    return _stored_cells(tuple(spec.hash for spec in specs), stamp(), tuple(specs))


@st.cache_resource(show_spinner=False, max_entries=32)
def _stored_cells(hashes: tuple[str, ...], stamp: str, _specs: Sequence[SweepSpec]) -> list[Cell]:
    return cells_of.cells(
        pd.concat([stored_curves(_specs, axis).rows for axis in ("ber", "eps")], ignore_index=True)
    )


def cached_figure(make: Callable[..., Made], key: tuple[Any, ...], *args: Any) -> Made:
    """``make(*args)``, a figure or a sentence, made once for all who ask with this key; never written.

    Of a figure the values that are sent of it are kept, see ``PlainFigure``; ``whole`` makes one of Plotly's.

    Args:
        key: small values that, with the files that rows are read from, decide ``args``.
    """
    return _cached_figure(f"{make.__module__}.{make.__qualname__}", key, stamp(), make, args)


@st.cache_resource(show_spinner=False, max_entries=256)
def _cached_figure(
    name: str, key: tuple[Any, ...], stamp: str, _make: Callable[..., Made], _args: Any
) -> Made:
    made = _make(*_args)
    return plain(made) if isinstance(made, go.Figure) else made


def curves(frame: pd.DataFrame, axis: str, metric: str = "accuracy") -> pd.DataFrame:
    """Rows as curves with intervals; of a point measured twice the cell that speaks, see ``choose``."""
    return stats.longest_series(stats.curve(frame, axis, metric))


def revealed(text: str) -> places.Filled:
    """A text with its places filled from stored rows, and what the figures are."""
    return _revealed(text, stamp())


def measured_percent(place: str) -> float:
    """The accuracy at one place {acc ...} of a text, in percent; NaN where it was not measured."""
    return _measured_percent(place, stamp())


@st.cache_data(show_spinner=False, max_entries=64)
def _measured_percent(place: str, stamp: str) -> float:
    return places.value(place, rows())


@st.cache_data(show_spinner=False, max_entries=64)
def _revealed(text: str, stamp: str) -> places.Filled:
    return places.fill(text, rows())


def outdated(frame: pd.DataFrame) -> list[str]:
    """Checkpoints of these rows whose weights on this machine are not those that were measured."""
    return other_weights(zip(frame["checkpoint"].tolist(), frame["weights"].tolist(), strict=True))


def other_weights(measured: Iterable[tuple[str, str]]) -> list[str]:
    """Checkpoints whose weights on this machine are not those measured: name and 16 hex digits of each."""
    pairs = set(measured)
    here = set(names())
    return sorted({name for name, weights in pairs if name in here and card(name)["sha256"][:16] != weights})


def usual(net: str) -> list[str]:
    """The encodings that pages show at first: the network's own and those with stored rows, at most four."""
    return list(dict.fromkeys([opened_in(net), *_struck(net, stamp())]))[:4]


@st.cache_data(show_spinner=False, max_entries=64)
def _struck(net: str, stamp: str) -> list[str]:
    """Encodings with stored rows under faults, in the order of the pages' lists."""
    frame = rows()
    stored_ones = set(frame.loc[(frame["checkpoint"] == net) & (frame["axis"] == "ber"), "encoding"])
    return [enc for enc in bit_view.ENCODINGS if enc in stored_ones]


def measured_most(net: str = "") -> list[str]:
    """Networks with stored rows, or encodings of one, its own first: those under both threats, most rows."""
    return _measured_most(net, stamp())


@st.cache_data(show_spinner=False, max_entries=64)
def _measured_most(net: str, stamp: str) -> list[str]:
    frame, column = rows(), "encoding" if net else "checkpoint"
    frame = frame[frame["checkpoint"] == net] if net else frame[~asymmetry.later(frame["checkpoint"])]
    each = frame.assign(joint=frame["axis"] == "joint", eps=frame["axis"] == "eps", all=1).groupby(column)
    order = each[["joint", "eps", "all"]].sum()
    names = order.sort_values(["joint", "eps", "all"], ascending=False, kind="stable").index.tolist()
    return sorted(names, key=lambda enc: enc != opened_in(net)) if net else names


@ttl_cached
def stamp() -> str:
    """What claims and verdicts follow from: a digest of the names and times of the files they are read from.

    One word: it is part of a dozen keys on a page, and Streamlit would hash every name in each of them.
    """
    folders = (
        table.SHIPPED,
        table.SHIPPED / "deployed",
        registry.CLAIMS,
        own_cards.folder("own"),
        own_cards.folder("others"),
    )
    files = [p for folder in folders for p in sorted(folder.glob("*.*"))]
    listing = repr([(str(p), p.stat().st_mtime_ns) for p in files])
    return hashlib.blake2b(listing.encode(), digest_size=16).hexdigest()
