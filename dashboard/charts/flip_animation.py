"""The film of the Layers page: stored bits as they flip while the bit error rate grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts import theme
from dashboard.format import numbers
from dashboard.model.flip_animation import BERS, Film

ZERO, ONE = theme.fade(theme.INK, 0.12), theme.fade(theme.INK, 0.42)
SCALE = [[0, ZERO], [1 / 3, ZERO], [1 / 3, ONE], [2 / 3, ONE], [2 / 3, theme.AFTER], [1, theme.AFTER]]
FIRST = BERS.index(1e-2)  # the frame that is shown before anyone plays
MILLISECONDS = 900  # a frame: long enough to look from one panel to the other


def film(animation: Film, row: int = 0) -> go.Figure:
    """The first words of a layer bit by bit, and the flips of each bit plane, one frame per rate.

    Args:
        row: height of a bit in pixels; 0: as many as suit the word.
    """
    bits, shown_words = animation.memory.shape
    figure = make_subplots(
        1, 2, shared_yaxes=True, horizontal_spacing=0.03, column_widths=[0.66, 0.34],
        subplot_titles=(f"its first {shown_words} words", f"flips in all {animation.words:,} words"),
    )  # fmt: skip
    strip, bars, line = _frame(animation, FIRST)
    figure.add_trace(strip, 1, 1).add_trace(bars, 1, 2).add_trace(line, 1, 2)
    figure.frames = [
        go.Frame(data=_frame(animation, i), traces=[0, 1, 2], name=numbers.power(ber))
        for i, ber in enumerate(BERS)
    ]
    theme.dress(figure, height=216 + bits * (row or (22 if bits <= 16 else 15)))
    figure.update_annotations(font={"size": theme.SIZE, "color": theme.INK})
    figure.update_yaxes(
        range=[-0.5, bits - 0.5], tickvals=list(range(bits)), showgrid=False, fixedrange=True,
        tickfont={"size": 14 if bits <= 16 else 11},
    )  # fmt: skip
    figure.update_yaxes(title_text="bit", col=1)
    figure.update_xaxes(title_text="word", showgrid=False, fixedrange=True, col=1)
    most = max(10, int(animation.counts.max()))
    figure.update_xaxes(
        type="log", title_text="flips in this bit plane", range=[-0.3, np.log10(most) + 0.5], dtick=1,
        fixedrange=True, col=2,
    )  # fmt: skip
    return figure.update_layout(
        showlegend=False, updatemenus=[_buttons()], sliders=[_slider()], margin={"t": 34, "b": 20}
    )


def _frame(animation: Film, i: int) -> list[Any]:
    """The traces at one rate."""
    bits = len(animation.memory)
    flipped = animation.thresholds <= BERS[i] if BERS[i] else np.zeros_like(animation.memory, dtype=bool)
    counts, share = animation.counts[i], animation.words * BERS[i]
    strip = go.Heatmap(
        z=np.where(flipped, 2, animation.memory).tolist(), colorscale=SCALE, zmin=-0.5, zmax=2.5, xgap=1,
        ygap=1,
        showscale=False, text=_texts(animation), hovertemplate="word %{x}, bit %{y}: %{text}<extra></extra>",
    )  # fmt: skip
    bars = go.Bar(
        x=counts.tolist(), y=list(range(bits)), orientation="h", marker={"color": theme.AFTER},
        text=[f"{c:,}" if c else "" for c in counts.tolist()], textposition="outside", cliponaxis=False,
        textfont={"size": 13, "color": theme.INK}, hovertemplate="bit %{y}: %{x:,} flips<extra></extra>",
    )  # fmt: skip
    line = go.Scatter(
        x=[share or None] * 2, y=[-0.5, bits - 0.5], mode="lines",
        line={"color": theme.BEFORE, "dash": "dash"},
        hovertemplate=f"words times the rate: {share:,.1f}<extra></extra>",
    )  # fmt: skip
    return [strip, bars, line]


def _texts(animation: Film) -> list[list[str]]:
    """What each stored bit is, and from which rate on it is flipped."""

    def hover_text(bit: int, onset: float) -> str:
        return f"stored {bit}, " + (
            f"flips from BER {onset:.2g} on" if np.isfinite(onset) else "never flips here"
        )

    pairs = zip(animation.memory.tolist(), animation.thresholds.tolist(), strict=True)
    return [[hover_text(*cell) for cell in zip(*pair, strict=True)] for pair in pairs]


def _buttons() -> dict[str, Any]:
    run = {"frame": {"duration": MILLISECONDS}, "transition": {"duration": 0}}
    return {
        "type": "buttons", "direction": "left", "x": 0, "y": 0, "xanchor": "left", "yanchor": "top",
        "pad": {"t": 88}, "font": {"size": theme.SIZE, "color": theme.INK}, "showactive": False,
        "bgcolor": "rgba(0,0,0,0)", "bordercolor": theme.INK,
        "buttons": [
            {"label": "▶ Play", "method": "animate", "args": [None, run]},
            {"label": "Pause", "method": "animate",
             "args": [[None], {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}]},
        ],
    }  # fmt: skip


def _slider() -> dict[str, Any]:
    show = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    font = {"size": theme.SIZE, "color": theme.INK}
    return {
        "x": 0.22, "y": 0, "len": 0.78, "pad": {"t": 78}, "active": FIRST, "font": font,
        "bordercolor": theme.INK,
        "currentvalue": {"prefix": "bit error rate ", "font": font, "xanchor": "right"},
        "activebgcolor": theme.AFTER,
        "steps": [
            {"label": name, "method": "animate", "args": [[name], show]} for name in map(numbers.power, BERS)
        ],
    }  # fmt: skip
