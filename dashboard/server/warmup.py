"""Warm-up: the slow imports, once per server and off the first visitor's path."""

from __future__ import annotations

import gc
import logging
import threading

_begun = threading.Lock()  # taken once and never given back


def begin() -> threading.Thread | None:
    """Starts the warm-up unless this server has begun it already."""
    if not _begun.acquire(blocking=False):
        return None
    thread = threading.Thread(target=warm, name="warm-up", daemon=True)
    thread.start()
    return thread


def warm() -> None:
    """Imports what the pages need, runs one small network, and takes it all out of the collector's sight."""
    try:
        # First: drawing, plotly takes any pandas it sees for a whole one, also one that a page is importing.
        import pandas  # noqa: F401
        import plotly.graph_objects as go
        import torch

        go.Figure(go.Scatter(x=[0], y=[0])).to_json()  # plotly imports its parts when they are first used
        # One picture at a time: more threads win nothing there, and thirty visitors share the cores.
        torch.set_num_threads(1)
        from resq import networks

        net = networks.build("resnet20", 2, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        networks.logits(net, torch.zeros(1, 3, 32, 32))
        _freeze()
        # Two seconds, for the first network that is not the signs'; a visitor who is here by now sees those.
        from resq.platform.torchvision_compat import torchvision

        torchvision()
    except ImportError as error:  # pages without torch still work; those that need it say so
        logging.getLogger(__name__).warning("warm-up stopped: %s", error)
        from resq.core import logs

        logs.refused(error, "warm-up")
    _freeze()


def _freeze() -> None:
    """A full collection walks every object of torch and plotly, 150 ms each time; frozen, it does not."""
    gc.collect()
    gc.freeze()
