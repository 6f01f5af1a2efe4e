"""Play, pause and a slider over the steps: the browser moves the points, no server is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.charts import theme

MILLISECONDS = 900  # a step
TRAVEL = 600  # of it, on the way
PREFIX = {"ber": "BER", "eps": "eps"}
WORDS = {"size": theme.SIZE, "color": theme.INK}


def buttons() -> dict[str, Any]:
    """Play and pause."""
    run = {"frame": {"duration": MILLISECONDS, "redraw": False}, "fromcurrent": True,
           "transition": {"duration": TRAVEL, "easing": "cubic-in-out"}}  # fmt: skip
    stop = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    return {
        "type": "buttons", "direction": "left", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom",
        "pad": {"b": 80}, "font": WORDS, "showactive": False, "bgcolor": "rgba(0,0,0,0)",
        "bordercolor": theme.INK,
        "buttons": [{"label": "▶ Play", "method": "animate", "args": [None, run]},
                    {"label": "Pause", "method": "animate", "args": [[None], stop]}],
    }  # fmt: skip


def slider(labels: Sequence[str], at: int, axis: str) -> dict[str, Any]:
    """One place for each step.

    Args:
        at: the one that is shown first.
    """
    show = {"mode": "immediate", "frame": {"duration": 0, "redraw": False},
            "transition": {"duration": TRAVEL, "easing": "cubic-in-out"}}  # fmt: skip
    return {
        "x": 0, "y": 1, "yanchor": "bottom", "len": 1, "pad": {"b": 16}, "active": at, "font": WORDS,
        "bordercolor": theme.INK, "activebgcolor": theme.AFTER,
        "currentvalue": {"prefix": f"{PREFIX[axis]} ", "font": WORDS, "xanchor": "right"},
        "steps": [{"label": label, "method": "animate", "args": [[label], show]} for label in labels],
    }  # fmt: skip
