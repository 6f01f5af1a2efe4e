"""What is said of a study of the asymmetry: Lambda, its effects, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard.format import numbers
from resq.measure.analysis.asymmetry import WORDS, measured_on


def _single(study: Mapping[str, Any]) -> str:
    """The effects of one seed themselves: a share of a gain without an interval may be a share of nothing."""
    effects, means = study["effects"], study["means"]
    gains = {
        name: f"{effects[name]['mean']:+.3f}".replace("-", "−") for name in ("X_FA", "D_A", "X_AF", "D_F")
    }
    clean = " to ".join(numbers.percent(means[name]["clean"]) for name in ("00", "a"))
    return (
        f"One seed, no interval ({measured_on(study['study'])}): trained against faults, R_A moves by "
        f"{gains['X_FA']} (against attacks: {gains['D_A']}); trained against attacks, R_F by {gains['X_AF']} "
        f"(against faults: {gains['D_F']}), of which accuracy without faults, from {clean}, is a part"
    )


def asymmetry(study: Mapping[str, Any]) -> str:
    """Lambda with its interval, or why there is none, and what may be said of it."""
    effects = study["effects"]
    interval, seeds = _bounds(effects["Lambda"]), effects["seeds"]
    if not np.isnan(interval[1]):
        middle, low, high = interval
        on = f"; {measured_on(study['study'])}" if "study" in study else ""
        span = f"{middle:+.2f} (95 % {low:+.2f} to {high:+.2f}".replace("-", "−")
        value = f"Lambda {span} over {effects['over']}{on})"
    elif seeds < 2:
        value = _single(study)
    else:
        on = f" ({seeds} seeds; {measured_on(study['study'])})" if "study" in study else ""
        value = f"Lambda is undefined{on}: {_unclear(effects)}"
    return f"{value}: **{study['verdict']}**. {study['meaning'][0].upper()}{study['meaning'][1:]}."


SYMBOLS = (
    "R_A and R_F: the areas under accuracy over eps and over the logarithm of the BER. 00 is trained on "
    "clean, A against attacks, F under faults. D_A and X_FA: what A and F add to R_A; D_F and X_AF: what F "
    "and A add to R_F. Lambda is X_FA / D_A − X_AF / D_F."
)
SHIELDS = {
    "a": "hardened against attacks (A)",
    "f": "hardened against faults (F)",
    "multi": "trained under faults at many rates",
    "margin": "trained for a margin between classes, without faults",
    "flat": "trained to lie flat (sharpness-aware)",
}


def arrow(name: str, model: str, change: Mapping[str, Any]) -> str:
    """What one hardening of a study changes against both threats, each with its interval."""
    areas = "<br>".join(f"{area} {_change(change[area])}" for area in ("R_A", "R_F"))
    text = f"{name}, {SHIELDS.get(model, model)}:<br>{areas}"
    return text.replace("-", "−")


def _change(effect: Mapping[str, Any]) -> str:
    mean, low, high = _bounds(effect)
    span = "one seed, no interval" if np.isnan(low) else f"95 % {low:+.3f} to {high:+.3f}"
    return f"{mean:+.3f} ({span})"


def gains(studies: Mapping[str, Mapping[str, Any]]) -> str:
    """What the figure of both hardenings shows, one sentence for each arrow."""
    sentences = [arrow(name, *one) for name, arrows in studies.items() for one in arrows.items()]
    return " ".join(text.replace(":<br>", ": ").replace("<br>", ", ") + "." for text in sentences)


def alike(study: Mapping[str, Any]) -> str:
    """The same at one clean accuracy; "" where rows keep no answers or there is one seed."""
    same = study.get("alike")
    if not same or same["effects"]["seeds"] < 2:
        return ""
    effects = same["effects"]
    each = ", ".join(f"{name} {_change(effects[name])}" for name in ("D_A", "X_FA", "D_F", "X_AF"))
    value, low, high = _bounds(effects["Lambda"])
    share = (
        "Lambda is undefined"
        if np.isnan(low)
        else f"Lambda {value:+.2f} ({low:+.2f} to {high:+.2f}), {same['verdict']}: {WORDS[same['verdict']]}"
    )
    return (
        f"On the {same['n']:,} images that 00, A and F of every seed get right without fault or attack, "
        f"where all have one clean accuracy: {each}; {share}."
    ).replace("-", "−")


def _bounds(effect: Mapping[str, Any]) -> tuple[float, float, float]:
    """Mean and interval; NaN where a file has none."""
    mean, low, high = (
        float("nan") if effect[k] is None else float(effect[k]) for k in ("mean", "low", "high")
    )
    return mean, low, high


def _unclear(effects: Mapping[str, Any]) -> str:
    """Which direct gain is not clear of 0, and the difference form that is defined all the same."""
    names = [n for n in ("D_A", "D_F") if not (_bounds(effects[n])[1] > 0)]
    spans = [
        f"{n} is {effects[n]['mean']:+.3f} (95 % {effects[n]['low']:+.3f} to {effects[n]['high']:+.3f})"
        for n in names
    ]
    mean, low, high = _bounds(effects["Delta"])
    form = f"the difference form X_FA·D_F − X_AF·D_A is {mean:+.4f} ({low:+.4f} to {high:+.4f})"
    text = (
        f"{' and '.join(spans)}, over {effects['over']}, and a share of what may be nothing is none; {form}"
    )
    return text.replace("-", "−")
