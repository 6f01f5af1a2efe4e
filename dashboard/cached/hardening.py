"""Presets of hardening, and how long a run will take."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.cached.checkpoint_models import card
from dashboard.format import numbers
from dashboard.model import hardening_run


@st.cache_resource(show_spinner=False)
def presets() -> dict[str, tuple[str, dict[str, dict[str, Any]]]]:
    """Presets of hardening: what each is about, and its stages with all options."""
    from resq.training import presets as known
    from resq.training.stages import STAGES

    return {
        name: (preset.about, {s: {**STAGES[s].defaults, **own} for s, own in preset.stages})
        for name, preset in known.PRESETS.items()
    }


def effort(spec: hardening_run.HardenSpec) -> str:
    """How long a run will take, from how long its base took, in a sentence."""
    about, epochs = card(spec.base), spec.total
    if not spec.trains:
        return (
            "Nothing is trained: a minute or two, in which the weights are looked at and the network judged."
        )
    history, n = about.get("history") or [], about.get("train", {}).get("n", 0)
    if not history or not n or "seconds" not in history[-1]:
        return f"{epochs} epochs. How long they take is not known: the base's card says no times."
    per_image = float(np.median([row["seconds"] for row in history])) / n
    training = numbers.duration(hardening_run.seconds(spec, per_image, n))
    judging = numbers.duration(hardening_run.judging_seconds(spec, per_image))
    machine = str(about.get("machine", "")).rpartition(", ")[2] or "not named"
    # Measured: an epoch of ResNet18 takes 4 s of an H100 that it shares, 8 minutes of one CPU core.
    slower = "" if "CPU" in machine else " On a few CPU cores expect a hundred times that."
    return (
        f"{epochs} epochs: about **{training}** of training and **{judging}** of judging (before "
        "the first stage, in each and after it) on a machine like the one that trained the base "
        f"({machine}).{slower} Loading comes on top, and a machine that does something else takes longer."
    )
