"""How fast a network computes on this machine, measured once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard.cached.checkpoint_models import card, load_network, names
from dashboard.format import numbers
from dashboard.model import costs

IMAGES = 16
TURNS = 3  # the quickest counts: other work may hold the processor
FRESH = 600  # s that a time counts: the machine may have had other work to do


def each(net: str) -> float:
    """Seconds of one forward pass of one image, in a batch."""
    return _each(str(card(net)["network"]), net, str(card(net)["sha256"]))


@st.cache_data(show_spinner=False, max_entries=64, ttl=FRESH)
def _each(network: str, net: str, sha256: str) -> float:
    import torch

    from resq import networks

    x = torch.zeros(IMAGES, 3, 32, 32)
    loaded = load_network(net, "int8").network
    networks.logits(loaded, x)  # the first pass makes what later ones use again
    return min(_timed(partial(networks.logits, loaded, x)) for _ in range(TURNS)) / IMAGES


def _timed(turn: Callable[[], object]) -> float:
    """Seconds of one turn on a processor: what it waits for others is counted by ``crowd``, once."""
    began = time.thread_time()
    turn()
    return time.thread_time() - began


def speeds(works: Sequence[object]) -> list[float]:
    """Seconds of a forward pass of one image in each of these measurements; 0 where it is not known.

    Of the machine as it is now: a job shares it with whatever else computes.
    """
    there, shared = set(names()), crowd()
    return [shared * each(net) if (net := costs.network(work)) in there else 0.0 for work in works]


def crowd() -> float:
    """How many times longer a job takes beside what already computes here; 1 on an idle machine.

    From the load of the last minute, where the system tells one.
    """
    try:
        load = os.getloadavg()[0]
    except (OSError, AttributeError):  # Windows has none
        return 1.0
    return max(1.0, (1.0 + load) / (os.cpu_count() or 1))


def price(works: Sequence[costs.Counted], noun: str = "cell") -> str:
    """Cells and time of some measurements, one after the other, as a button says them."""
    wait = sum(costs.seconds(work, speed) for work, speed in zip(works, speeds(works), strict=True))
    return f"{numbers.counted(sum(work.total for work in works), noun)}, about {numbers.duration(wait)}"
