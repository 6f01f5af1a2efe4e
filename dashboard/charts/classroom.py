"""Pictures of a class: how many have predicted what. Counts in, figures out."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.charts import theme


def votes(choices: Sequence[str], counts: Sequence[int], own: str = "", right: str = "") -> go.Figure:
    """How many of a class have predicted each choice.

    Args:
        choices, counts: of equal length, in the order of the question.
        own: one's own prediction, which is named.
        right: the right choice once it is shown: its bar is green and hatched.
    """
    names = [f"<b>{choice}</b>" if choice == right else choice for choice in choices]
    notes = [" · right" * (choice == right) + " · yours" * (choice == own) for choice in choices]
    figure = go.Figure(
        go.Bar(
            y=names, x=list(counts), orientation="h", cliponaxis=False, textposition="outside",
            text=[f"{count}{note}" for count, note in zip(counts, notes, strict=True)],
            marker={"color": [theme.GREEN if choice == right else theme.BLUE for choice in choices],
                    "pattern": {"shape": ["/" if choice == right else "" for choice in choices]}},
            hovertemplate="%{y}: %{x} of " + str(sum(counts)) + "<extra></extra>",
        )
    )  # fmt: skip
    most = max(counts, default=0)
    return theme.dress(
        figure, height=90 + 46 * len(choices), bargap=0.35,
        room={"l": 20 + theme.width(choices), "r": 90, "t": 12, "b": 48},
        yaxis={"autorange": "reversed", "showgrid": False, "fixedrange": True},
        xaxis={"range": [0, max(4, 1.2 * most)], "dtick": max(1, most // 5),
               "title": {"text": "predictions"}, "fixedrange": True},
    )  # fmt: skip


def numbers_said(choices: Sequence[str], counts: Sequence[int], own: str = "", right: str = "") -> go.Figure:
    """How many of a class have predicted each number of a scale.

    Args:
        choices, counts, own, right: as of ``votes``; the scale's places in their order.
    """
    colours = [theme.GREEN if choice == right else theme.BLUE for choice in choices]
    figure = go.Figure(
        go.Bar(
            x=list(choices), y=list(counts),
            marker={"color": colours, "pattern": {"shape": ["/" * (choice == right) for choice in choices]}},
            text=["yours" if choice == own else "" for choice in choices], textangle=0,
            textposition="outside", cliponaxis=False,
            hovertemplate="%{x}: %{y} of " + str(sum(counts)) + "<extra></extra>",
        )
    )  # fmt: skip
    most = max(counts, default=0)
    marks = [theme.line(theme.GREEN, x=list(choices).index(right), dash="dash", width=2)] if right else []
    return theme.dress(
        figure, height=300, bargap=0.15, room={"l": 64, "r": 16, "t": 28, "b": 64}, shapes=marks,
        xaxis={"type": "category", "fixedrange": True, "showgrid": False, "nticks": 6},
        yaxis={"range": [0, max(4, 1.2 * most)], "dtick": max(1, most // 5),
               "title": {"text": "predictions"}, "fixedrange": True},
    )  # fmt: skip
