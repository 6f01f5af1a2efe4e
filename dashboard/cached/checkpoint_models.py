"""Checkpoints, their words and networks, by name and encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.cached.ttl_cache import ttl_cached
from dashboard.model import keeping
from resq import checkpoints
from resq import data as images
from resq.core import Encoding, QuantizedModel


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A network and the words its weights are read from; shared, so never written."""

    network: Any
    model: QuantizedModel
    checkpoint: checkpoints.Checkpoint


@st.cache_data(show_spinner=False, ttl=10, max_entries=1)
def names() -> list[str]:
    """All checkpoints on this machine: the one that everybody can look at first, bases before variants."""
    return sorted(
        checkpoints.names(),
        key=lambda name: (not name.startswith("signs/"), not name.endswith("/base"), name),
    )


@ttl_cached
def unshipped() -> dict[str, dict[str, Any]]:
    """Cards of the networks whose rows are here and whose weights are not."""
    return checkpoints.unshipped()


def networks() -> list[str]:
    """Networks that weights can be of.

    Raises:
        ImportError: no torch.
    """
    from resq.networks import NETWORKS

    return list(NETWORKS)


def datasets() -> list[str]:
    """Data sets that a network can know the classes of."""
    return list(images.DATASETS)


@ttl_cached
def card(name: str) -> dict[str, Any]:
    """The card of a checkpoint, to be read only, also where its weights are not here: no torch."""
    return unshipped().get(name) or checkpoints.card(name)


def opened_in(name: str) -> str:
    """The encoding that a network is meant for; int8 where nothing but rows is known of it."""
    try:
        return checkpoints.default_encoding(card(name))
    except ValueError:
        return "int8"


def load_network(net: str, enc: str) -> LoadedNetwork:
    """A checkpoint in an encoding.

    Raises:
        ValueError, ImportError: the sentence says what is wrong.
    """
    keeping.touch(net)
    return _load_network(net, str(card(net)["sha256"]), enc)


@st.cache_resource(show_spinner="Loading the network…", max_entries=8)
def _load_network(net: str, sha256: str, enc: str) -> LoadedNetwork:
    from resq.measure.engine import faulty_network

    checkpoint, model = _checkpoint(net, sha256), _words_of(net, sha256, enc)
    return LoadedNetwork(faulty_network.network_of(checkpoint, model), model, checkpoint)


@st.cache_resource(show_spinner=False, max_entries=4)
def _checkpoint(net: str, sha256: str) -> checkpoints.Checkpoint:
    """The floats of a checkpoint, once for all encodings."""
    return checkpoints.load(net)


def words_of(net: str, enc: str) -> QuantizedModel:
    """The stored words alone: no torch."""
    return _words_of(net, str(card(net)["sha256"]), enc)


@st.cache_resource(show_spinner="Loading the weights…", max_entries=8)
def _words_of(net: str, sha256: str, enc: str) -> QuantizedModel:
    return _checkpoint(net, sha256).quantized(Encoding.parse(enc))


def layer_sizes(net: str) -> tuple[int, ...]:
    """Weights of each layer of a checkpoint; () where it is not on this machine."""
    return _sizes(net, str(card(net)["sha256"])) if net in names() else ()


def megabytes(net: str, enc: str) -> float:
    """Memory of a checkpoint's stored weights; NaN where it is not on this machine."""
    if net not in names():
        return float("nan")
    sizes = _sizes(net, str(card(net)["sha256"]))
    return Encoding.parse(enc).memory(sizes) * sum(sizes) / 8e6


@st.cache_data(show_spinner=False, max_entries=256)
def _sizes(net: str, sha256: str) -> tuple[int, ...]:
    return checkpoints.sizes(net)
