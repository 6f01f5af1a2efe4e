"""Pictures of an attacked image: what moved, and four answers to it. Arrays in, figures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts import theme
from dashboard.format import numbers

WEIGHTS, IMAGES = ("as stored", "with the flips"), ("clean", "attacked")


def moved(before: np.ndarray, after: np.ndarray, eps: float) -> go.Figure:
    """The clean image, the attacked one, and their difference, so much larger that eps reaches full colour.

    Args:
        before, after: float (3, H, W) in 0..1.
        eps: budget in 1/255.
    """
    change = (after - before) * 255
    larger = 127.5 / eps
    pictures = (255 * before, 255 * after, 127.5 + larger * change)
    titles = ("clean", "attacked", f"difference, {larger:.0f} times")
    figure = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.03)
    hover = "%{z}<extra></extra>"
    for i, pixels in enumerate(pictures, 1):
        seen = np.clip(np.round(pixels), 0, 255).astype(np.uint8).transpose(1, 2, 0)
        figure.add_trace(go.Image(z=seen, hovertemplate=hover), 1, i)
    theme.dress(figure, height=250)
    figure.update_annotations(font={"size": theme.SIZE, "color": theme.INK})
    figure.update_xaxes(visible=False, fixedrange=True).update_yaxes(
        visible=False, fixedrange=True, constraintoward="top"
    )
    return figure.update_layout(margin_t=30)


def four(classes: Sequence[str], answers: np.ndarray, label: int = -1, most: int = 6) -> go.Figure:
    """How sure the network is: columns clean and attacked, rows as stored and with the flips.

    Args:
        answers: float (2, 2, classes) that sum to 1; NaN where the network gives no answer. A second row
            like the first is not drawn.
        label: what the picture shows, written bold.
        most: classes shown: those that are likeliest in any of the four.
    """
    same = np.array_equal(answers[0], answers[1], equal_nan=True)
    drawn = answers[:1] if same else answers
    shown = np.sort(np.argsort(-np.nan_to_num(answers).max((0, 1)), kind="stable")[:most])
    names = [f"<b>{classes[i]}</b>" if i == label else classes[i] for i in shown.tolist()]
    titles = [f"{image}, {weights}" for weights in WEIGHTS[: len(drawn)] for image in IMAGES]
    figure = make_subplots(
        len(drawn),
        2,
        subplot_titles=titles,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        vertical_spacing=0.17,
    )
    for r, pair in enumerate(drawn):
        for c, p in enumerate(pair):
            _bars(figure, names, p[shown], (r, c))
    theme.dress(figure, height=(60 + 26 * len(shown)) * len(drawn))
    figure.update_annotations(font={"size": theme.SIZE, "color": theme.INK})
    figure.update_xaxes(range=[0, 1.5], tickvals=[0, 0.5, 1], tickformat=".0%", fixedrange=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"size": 14}, fixedrange=True, dtick=1)
    return figure.update_layout(showlegend=False, bargap=0.25, margin_t=30)


def _bars(figure: go.Figure, names: list[str], shares: np.ndarray, at: tuple[int, int]) -> None:
    """One of the four: colour for the weights, a hatch for the attacked picture."""
    colour = (theme.BEFORE, theme.AFTER)[at[0]]
    bars = go.Bar(
        y=names, x=np.nan_to_num(shares).tolist(), orientation="h",
        text=["" if not p >= 0.005 else numbers.percent(p, 0) for p in shares.tolist()],
        textposition="outside", textfont={"size": 14, "color": theme.INK}, cliponaxis=False,
        marker={"color": colour, "line": {"color": colour, "width": 1},
                "pattern": {"shape": ("", "/")[at[1]], "fgcolor": "white", "fillmode": "overlay", "size": 7,
                            "solidity": 0.3}},
        hovertemplate=f"%{{y}}: %{{x:.2%}}<extra>{IMAGES[at[1]]}, {WEIGHTS[at[0]]}</extra>",
    )  # fmt: skip
    figure.add_trace(bars, at[0] + 1, at[1] + 1)
