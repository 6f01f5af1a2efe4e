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
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.analysis import layer_heatmap
from resq.measure.specs.sweep_spec import AS_STORED
from resq.measure.store import table

ENDING = "-protect.json"  # of shipped searches of one network, a list of answers
TIMES = "-times.json"  # of what decoding costs in time, a list of networks
FILES = "deployed"  # folder of the rows of deployed files, which stand apart from those of checkpoints


def protected_files() -> list[str]:
    """Deployed files whose words were measured in several encodings, by the names that rows have."""
    return sorted(set(_file_rows(stamp())["checkpoint"]))


def is_file(net: str) -> bool:
    """Whether a name is that of a deployed file."""
    return deployed.is_file(net)


def _file_weights(net: str) -> str:
    """The hash of a deployed file whose rows are here; its name holds the beginning of it."""
    every = _file_rows(stamp())
    return next(iter(every.loc[every["checkpoint"] == net, "weights"]), "")


def data_of(net: str) -> str:
    """The images that a deployed file's rows were measured on; "" of a checkpoint, which knows its own."""
    every = _file_rows(stamp())
    return str(every.loc[every["checkpoint"] == net, "data"].iloc[0]) if is_file(net) and len(every) else ""


def kept_file(net: str) -> Path | None:
    """Where a deployed file lies on this machine; None where nobody brought it."""
    try:
        there = deployed.find(net)
    except ResqError:
        return None
    return there if deployed.named(there, deployed.file_hash(there)) == net else None


@st.cache_resource(show_spinner=False, max_entries=1)
def _file_rows(stamp: str) -> pd.DataFrame:
    parts = [table.read(file) for file in sorted((table.SHIPPED / FILES).glob("*-guards.parquet"))]
    return pd.concat(parts, ignore_index=True) if parts else table.frame([])


def protections(net: str, fault: str, fresh: Sequence[dict[str, Any]] = ()) -> pd.DataFrame:
    """Points of ``model.protection.points``, rows measured here (``fresh``) among them, with their times."""
    seen = tuple((row["key"], row["correct"]) for row in fresh)
    return _protections(net, weights_of(net), fault, stamp(), seen, fresh)


def weights_of(net: str) -> str:
    """The hash of a network's weights, or of a file's words."""
    return _file_weights(net) if is_file(net) else str(card(net)["sha256"])


@st.cache_resource(show_spinner=False, max_entries=32)
def _protections(
    net: str, sha256: str, fault: str, stamp: str, seen: tuple[Any, ...], _fresh: Sequence[dict[str, Any]]
) -> pd.DataFrame:
    every = _file_rows(stamp) if is_file(net) else rows()
    every = pd.concat([every, table.frame(_fresh)], ignore_index=True) if _fresh else every
    own = protection.rows_of(every, net, sha256, fault)
    if is_file(net):
        cost = protection.file_costs(own)
    else:
        own = own[own["encoding"] != AS_STORED]
        cost = protection.costs(sorted(set(own["encoding"])), checkpoints.sizes(net), _limits(net))
    stored = AS_STORED if is_file(net) else checkpoints.default_encoding(net)
    return protection.timed(protection.points(own, cost, stored), times(net))


def _limits(net: str) -> int | None:
    from resq.measure.engine import storage  # torch
    from resq.networks import NETWORKS

    name = str(card(net)["network"])
    return storage.limit_bits(name) if name in NETWORKS else None


def times(net: str) -> dict[str, Any]:
    """What decoding was measured to cost in time, of this architecture; empty where it was not.

    It does not depend on what the weights are.
    """
    whole = _listed(net, TIMES)
    same = [entry for entry in whole if entry["network"] == net]
    return next(iter(same or whole), {})


def searches(net: str) -> list[dict[str, Any]]:
    """The answers of shipped searches on these very weights."""
    return _of(net, ENDING)


def _of(net: str, ending: str) -> list[dict[str, Any]]:
    """The entries of a shipped list that are of a network and its weights as they are."""
    known = _listed(net, ending)
    weights = net.partition("@")[2].partition(".")[0] if is_file(net) else str(card(net)["sha256"])
    same = [entry for entry in known if entry["network"] == net]
    if is_file(net):
        return [entry for entry in same if entry["weights"].startswith(weights)]
    return [entry for entry in same if weights.startswith(entry["weights"])]


def _listed(net: str, ending: str) -> list[dict[str, Any]]:
    """What is shipped of networks of this data set and architecture, or of this file."""
    name = f"{FILES}/{net.partition('@')[0]}" if is_file(net) else net.rpartition("/")[0].replace("/", "-")
    file = table.SHIPPED / f"{name}{ending}"
    entries: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return entries


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
        if is_file(net):
            deploy.write_file(Path(folder), deployed.Network(kept_file(net) or net), encoding)
        else:
            deploy.write(Path(folder), checkpoints.load(net), Encoding.parse(encoding))
        for path in sorted(Path(folder).iterdir()):
            file.writestr(path.name, path.read_bytes())
    return held.getvalue()


def archive(net: str, encoding: str) -> bytes:
    """A .zip of the words, their layout, the scales and, where it reads these words, the decoder in C."""
    return _archive(net, net if is_file(net) else str(card(net)["sha256"]), encoding)
