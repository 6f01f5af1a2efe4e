"""How fast a network computes on this machine, measured once."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from dashboard.cached.checkpoint_models import card, load_network
from dashboard.format import numbers
from dashboard.model import costs
from resq.measure.specs.sweep_spec import SweepSpec

IMAGES = 32


def each(net: str) -> float:
    """Seconds of one forward pass of one image, in a batch."""
    return _each(str(card(net)["network"]), net, str(card(net)["sha256"]))


@st.cache_data(show_spinner="Timing the network…", max_entries=64)
def _each(network: str, net: str, sha256: str) -> float:
    import torch

    from resq import networks

    x = torch.zeros(IMAGES, 3, 32, 32)
    network_ = load_network(net, "int8").network
    networks.logits(network_, x)  # the first pass makes what later ones use again
    began = time.perf_counter()
    networks.logits(network_, x)
    return (time.perf_counter() - began) / IMAGES


def price(specs: Sequence[SweepSpec]) -> str:
    """Cells and time of some sweeps, as a button says them."""
    cells = sum(spec.total for spec in specs)
    wait = sum(costs.seconds([spec], each(spec.checkpoint)) for spec in specs)
    return f"{cells:,} cells, about {numbers.duration(wait)}"
