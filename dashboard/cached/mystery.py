"""A mystery's network, its pictures, and what its probes give; made when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.cached.checkpoint_models import card, load_network
from resq.measure.run.mystery import cases

MYSTERY_NET, ENC = "signs/resnet20/base", "int8"  # small enough that a case is set up while somebody waits
MYSTERY_IMAGES = 96  # six of each class; rendered here, so on every machine


@st.cache_resource(show_spinner="Taking the pictures…", max_entries=1)
def _pictures() -> Any:
    import torch

    from resq.data import signs
    from resq.measure.run.mystery.suspect import Pictures

    pixels, y = signs.render("test", MYSTERY_IMAGES)
    return Pictures(torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255, torch.from_numpy(y))


def mystery_case(code: str) -> Any:
    """What a case hides and what comes of it: a ``suspect.Suspect``.

    Raises:
        ResqError: the code is none, or hides nothing.
    """
    return _suspect(cases.read(code).code, str(card(MYSTERY_NET)["sha256"]))


@st.cache_resource(show_spinner="Setting up the case…", max_entries=128)
def _suspect(code: str, sha256: str) -> Any:
    from resq.measure.run.mystery import suspect as measured

    both = load_network(MYSTERY_NET, ENC)
    return measured.suspect(both.network, both.model, _pictures(), cases.read(code))


@st.cache_resource(show_spinner="Measuring…", max_entries=256)
def _probe(code: str, sha256: str, name: str, layer: str) -> Any:
    from resq.measure.run.mystery import suspect as measured

    both, pictures, hidden = load_network(MYSTERY_NET, ENC), _pictures(), _suspect(code, sha256)
    match name:
        case "clean":
            return measured.accuracy_untouched(both.network, both.model, pictures, hidden)
        case "pixels":
            return measured.moves(pictures, hidden)
        case "trace":
            return measured.trace(both.network, both.model, pictures, hidden)
    return measured.layer(both.model, hidden.flips, layer)


def mystery_words() -> Any:
    """The stored words of the mystery's network as nobody has touched them: a ``QuantizedModel``."""
    return load_network(MYSTERY_NET, ENC).model


def mystery_probe(code: str, name: str, layer: str = "") -> Any:
    """What a probe gives: an accuracy, moves of pixels, a trace, or a ``suspect.Layer``."""
    return _probe(cases.read(code).code, str(card(MYSTERY_NET)["sha256"]), name, layer)
