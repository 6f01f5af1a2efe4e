"""What Protect shows: stored points, searches that were run, the order of layers, the files to deploy."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.cached.checkpoint_models import card
from dashboard.cached.layers import _stamp
from dashboard.cached.measured_rows import rows, stamp
from dashboard.model.storage import protection
from resq import checkpoints
from resq.core import Encoding
from resq.measure.analysis import layer_heatmap
from resq.measure.store import table

ENDING = "-protect.json"  # of shipped searches of one network, a list of answers


def protections(net: str, fault: str, fresh: Sequence[dict[str, Any]] = ()) -> pd.DataFrame:
    """Points of ``model.protection.points``, rows measured here (``fresh``) among them."""
    seen = tuple((row["key"], row["correct"]) for row in fresh)
    return _protections(net, str(card(net)["sha256"]), fault, stamp(), seen, fresh)


@st.cache_resource(show_spinner=False, max_entries=32)
def _protections(
    net: str, sha256: str, fault: str, stamp: str, seen: tuple[Any, ...], _fresh: Sequence[dict[str, Any]]
) -> pd.DataFrame:
    every = pd.concat([rows(), table.frame(_fresh)], ignore_index=True) if _fresh else rows()
    return protection.points(protection.rows_of(every, net, sha256, fault), checkpoints.sizes(net))


def searches(net: str) -> list[dict[str, Any]]:
    """The answers of shipped searches on these very weights."""
    file = table.SHIPPED / f"{net.rpartition('/')[0].replace('/', '-')}{ENDING}"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    weights = str(card(net)["sha256"])
    return [search for search in known if search["network"] == net and weights.startswith(search["weights"])]


def fragile_first(net: str) -> list[int]:
    """Layer numbers, those first in which a stored estimate says a flip harms most, or the smallest."""
    return _fragile_first(net, str(card(net)["sha256"]), _stamp(layer_heatmap.ENDING))


@st.cache_data(show_spinner=False, max_entries=32)
def _fragile_first(net: str, sha256: str, stamp: tuple[tuple[str, int], ...]) -> list[int]:
    layers, sizes = list(checkpoints.load(net).weights), checkpoints.sizes(net)
    every = layer_heatmap.shipped()
    own = every[(every["checkpoint"] == net) & (every["kind"] == "instant") & (every["encoding"] == "int8")]
    harm = own.groupby("layer")["change"].sum()
    if not set(layers) <= set(harm.index):
        return sorted(range(len(sizes)), key=lambda i: sizes[i])
    return sorted(range(len(layers)), key=lambda i: -harm[layers[i]])


@st.cache_data(show_spinner="Writing the words…", max_entries=8)
def _archive(net: str, sha256: str, encoding: str) -> bytes:
    from resq.protect import deploy  # torch

    held = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        deploy.write(Path(folder), checkpoints.load(net), Encoding.parse(encoding))
        for path in sorted(Path(folder).iterdir()):
            file.writestr(path.name, path.read_bytes())
    return held.getvalue()


def archive(net: str, encoding: str) -> bytes:
    """A .zip of the words, their layout, the scales and, where it reads these words, the decoder in C."""
    return _archive(net, str(card(net)["sha256"]), encoding)
