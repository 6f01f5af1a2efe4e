"""What Layers shows: heatmaps, bit planes, films; which class becomes which; pictures that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.cached.checkpoint_models import card, words_of
from dashboard.cached.measured_rows import measurements, rows, stamp
from dashboard.cached.ttl_cache import ttl_cached
from dashboard.model import bit_plane, layer_view
from dashboard.model import flip_animation as films
from dashboard.model.moving.journey import Journey, journey
from dashboard.server import job_queue
from resq.measure.analysis import embedding, layer_heatmap, mixed_encoding
from resq.measure.run import confusion
from resq.measure.run.embedding.spec import EmbeddingSpec
from resq.measure.store import table


@ttl_cached
def _stamp(ending: str) -> tuple[tuple[str, int], ...]:
    """Names and times of the shipped files of one kind."""
    return tuple((p.name, p.stat().st_mtime_ns) for p in sorted(table.SHIPPED.glob(f"*{ending}")))


def heatmap(net: str, enc: str, running: job_queue.Measurement | None = None) -> layer_view.Heatmap:
    """What is known of the layers and bits of a network: rows measured here before those that are stored."""
    fresh = tuple(running.rows) if running is not None else ()
    job = running.id if running else "", len(fresh)
    return _heatmap(net, enc, job, _stamp(layer_heatmap.ENDING), fresh)


@st.cache_resource(show_spinner=False, max_entries=32)
def _heatmap(
    net: str, enc: str, job: tuple[str, int], stamp: tuple[tuple[str, int], ...], _fresh: tuple[dict, ...]
) -> layer_view.Heatmap:
    rows = layer_view.of(layer_heatmap.shipped(), net, enc)
    own = layer_view.of(layer_heatmap.frame(_fresh), net, enc) if _fresh else rows.iloc[:0]
    others = rows[~rows["kind"].isin(set(own["kind"]))]
    if own.empty:
        return layer_view.heatmap(rows)
    return layer_view.heatmap(pd.concat([own, others], ignore_index=True), tuple(dict.fromkeys(own["kind"])))


def protected(net: str, enc: str) -> pd.DataFrame:
    """Accuracy with none, some and all layers in protected words; empty where that was not measured."""
    return _protected(net, str(card(net)["sha256"]), enc, stamp())


@st.cache_resource(show_spinner=False, max_entries=32)
def _protected(net: str, sha256: str, enc: str, stamp: str) -> pd.DataFrame:
    return mixed_encoding.points(_rows_of(net, sha256), words_of(net, enc).read.words, enc)


def copies(net: str, enc: str) -> pd.DataFrame:
    """Accuracy with none and some layers stored several times; empty where that was not measured."""
    return _copies(net, str(card(net)["sha256"]), enc, stamp())


@st.cache_resource(show_spinner=False, max_entries=32)
def _copies(net: str, sha256: str, enc: str, stamp: str) -> pd.DataFrame:
    return mixed_encoding.copies(_rows_of(net, sha256), words_of(net, enc).read.words, enc)


def _rows_of(net: str, sha256: str) -> pd.DataFrame:
    own = rows()
    return own[(own["checkpoint"] == net) & (own["weights"] == sha256[:16])]


@st.cache_resource(show_spinner=False, max_entries=512)
def _cell(net: str, sha256: str, enc: str, layer: str, bit: int) -> bit_plane.Cell:
    return bit_plane.cell(words_of(net, enc).weights[layer], bit)


def cell(net: str, enc: str, layer: str, bit: int) -> bit_plane.Cell:
    """One bit plane of one layer in detail."""
    return _cell(net, str(card(net)["sha256"]), enc, layer, bit)


def film(net: str, enc: str, layer: str, fault: str, seed: int) -> films.Film:
    """The bits of one layer as they flip while the rate grows."""
    return _film(net, str(card(net)["sha256"]), enc, layer, fault, seed)


@st.cache_resource(show_spinner="Drawing the fault map…", max_entries=64)
def _film(net: str, sha256: str, enc: str, layer: str, fault: str, seed: int) -> films.Film:
    return films.film(words_of(net, enc), layer, fault, seed)


def flows(net: str, enc: str, fault: str, ber: float) -> list[dict[str, Any]]:
    """Shipped answers with and without flips at one rate, one row per fault map."""
    wanted = (net, enc, fault, ber)
    return [
        r
        for r in _flows(_stamp(confusion.ENDING))
        if (r["checkpoint"], r["encoding"], r["fault"], r["ber"]) == wanted
    ]


@st.cache_resource(show_spinner=False, max_entries=2)
def _flows(stamp: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    return confusion.shipped()


@dataclass(frozen=True, eq=False)
class Embedded:
    """Rows of pictures that move, and where they are from.

    Attributes:
        key: what tells these rows from others.
        source: "Measured here" or "Stored rows"; empty where there are none.
    """

    rows: Sequence[embedding.Row]
    key: tuple[Any, ...]
    source: str


def embedded(spec: EmbeddingSpec) -> Embedded:
    """What is known of a spec: measured since this server began, kept from before, or shipped."""
    if fresh := measurements().rows([spec]):
        return Embedded(fresh, ("fresh", spec.hash, len(fresh), fresh[0]["weights"]), "Measured here")
    weights = str(card(spec.checkpoint)["sha256"])[:16]
    own = embedding.kept_file(spec, weights)
    if own.is_file():
        return Embedded(_embedding(own, own.stat().st_mtime_ns), ("kept", own.name), "Measured here")
    for file, stamp_ in _stamp(embedding.ENDING):
        rows_ = _embedding(table.SHIPPED / file, stamp_)
        if embedding.same(rows_[0], spec):
            return Embedded(rows_, ("shipped", file, stamp_), "Stored rows")
    return Embedded((), (), "")


@st.cache_resource(show_spinner=False, max_entries=16)
def _embedding(file: Path, stamp: int) -> list[dict[str, Any]]:
    return embedding.read(file)


def journey_of(there: Embedded, axis: str, number: int) -> Journey:
    """The journey along an axis under one fault map, made once for all who look at it."""
    return _journey(there.key, axis, number, there.rows)


@st.cache_resource(show_spinner=False, max_entries=64)
def _journey(key: tuple[Any, ...], axis: str, number: int, _rows: Sequence[embedding.Row]) -> Journey:
    return journey(_rows, axis, number)
