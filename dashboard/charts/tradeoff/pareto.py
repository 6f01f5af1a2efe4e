"""Pictures of the Trade-off: what networks resist, and what it costs; a dot a model, its seeds small."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.words import label_sides
from dashboard.charts.words.label_sides import Pair
from dashboard.format import encodings, sentences
from dashboard.format import numbers as format_numbers
from resq.measure.analysis import tradeoff

NUMBERS = ["faults", "attack", "clean", "megabytes"]
SYMBOLS = theme.SYMBOLS[1:]  # encodings of one network; circles are studies
ROOM = {"l": 84, "r": 16, "t": 40, "b": 62}
FAULTS, ATTACK = "resists faults: mean accuracy over log BER", "resists attack: mean accuracy over eps"


def shields(areas: pd.DataFrame) -> go.Figure:
    """Resistance to attack against resistance to faults, arrows from the unshielded network.

    Args:
        areas: of ``tradeoff.areas``, of checkpoints that share data and network.
    """
    figure, dots = go.Figure(), models(areas)
    arrows = _ends(dots)
    _arrows(figure, arrows)
    _draw(figure, areas, dots, "faults", "attack", pd.Series(15.0, index=dots.index), arrows)
    _keys(figure, dots)
    return theme.dress(
        figure, 480, ROOM, showlegend=True,
        xaxis={"title": {"text": FAULTS}, **label_sides.around(areas["faults"])},
        yaxis={"title": {"text": ATTACK}, **label_sides.around(areas["attack"])},
    )  # fmt: skip


def _ends(dots: pd.DataFrame) -> list[Pair]:
    """What each model is compared with, and the model."""
    ends = [(_start(dot, dots), dot) for _, dot in dots.iterrows()]
    return [(start, dot) for start, dot in ends if start is not None]


def _arrows(figure: go.Figure, pairs: Sequence[Pair]) -> None:
    """From what a model is compared with to the model; one trace takes a third of the annotations' time."""
    figure.add_scatter(
        x=[value for start, dot in pairs for value in (start["faults"], dot["faults"], None)],
        y=[value for start, dot in pairs for value in (start["attack"], dot["attack"], None)],
        mode="lines+markers", hoverinfo="skip", showlegend=False, name="arrows", opacity=0.7,
        line={"color": theme.INK, "width": 2},
        marker={"symbol": "arrow", "angleref": "previous", "size": [0, 13, 0] * len(pairs), "standoff": 9,
                "color": theme.INK, "opacity": 1.0},
    )  # fmt: skip


def pareto(areas: pd.DataFrame, y: str = "faults") -> go.Figure:
    """Clean accuracy against a resistance; the larger a dot, the more memory; a line joins those unbeaten.

    Args:
        areas: of ``tradeoff.areas``, with ``megabytes``.
        y: "faults" or "attack".
    """
    figure, dots = go.Figure(), models(areas)
    best = dots.iloc[tradeoff.pareto_front(dots["clean"].to_numpy(), dots[y].to_numpy())]
    figure.add_scatter(
        x=best["clean"].tolist(), y=best[y].tolist(), mode="lines", hoverinfo="skip", showlegend=False,
        name="none is better in both", line={"color": theme.INK, "dash": "dot", "width": 2},
    )  # fmt: skip
    # Weights that are not on this machine have no known size: the smallest dot.
    sizes = 9 + 11 * np.sqrt(dots["megabytes"].fillna(0) / float(np.nanmax([1e-9, *dots["megabytes"]])))
    _draw(figure, areas, dots, "clean", y, sizes)
    _keys(figure, dots)
    return theme.dress(
        figure, 480, ROOM, showlegend=True,
        xaxis={"title": {"text": "clean accuracy"}, **label_sides.around(areas["clean"])},
        yaxis={"title": {"text": {"faults": FAULTS, "attack": ATTACK}[y]}, **label_sides.around(areas[y])},
    )  # fmt: skip


def models(areas: pd.DataFrame) -> pd.DataFrame:
    """One line per model and encoding: the means over the seeds of a study.

    For the picture: ``name`` of the dot, ``label`` beside it, ``symbol``: the encoding, where one has two.
    """
    numbers = [name for name in NUMBERS if name in areas]
    keys = [areas["checkpoint"].map(model).rename("model"), areas["encoding"]]
    means = areas.groupby(keys, sort=False)[numbers].mean().reset_index()
    twice = means["model"].duplicated(keep=False)
    short = means["model"].str.removeprefix("asym-")
    symbols = dict(zip(sorted(set(means.loc[twice, "encoding"]), key=len), SYMBOLS, strict=False))
    plain = means["model"].str.startswith("asym-").map({True: "circle", False: SYMBOLS[0]})
    encoding_names = encodings.told_apart(means["encoding"].unique())
    return means.assign(
        label=short, name=short.where(~twice, short + " · " + means["encoding"].map(encoding_names)),
        symbol=means["encoding"].map(symbols).where(means["encoding"].isin(symbols), plain),
    )  # fmt: skip


def model(checkpoint: str) -> str:
    """A variant's name without the seed of a study: asym-af-s3 is one of several asym-af.

    >>> model("signs/resnet20/asym-af-s3"), model("signs/resnet20/plus")
    ('asym-af', 'plus')
    """
    return re.sub(r"-s\d+$", "", checkpoint.rsplit("/", 1)[-1])


def _start(dot: pd.Series, dots: pd.DataFrame) -> pd.Series | None:
    """What a model is compared with: its study's 00, else the base, stored as it is or as anything."""
    name = "asym-00" if dot["model"].startswith("asym-") else "base"
    others = dots[(dots["model"] == name) & (dots["model"] != dot["model"])]
    alike = others[others["encoding"] == dot["encoding"]]
    candidates = alike if len(alike) else others
    return candidates.iloc[0] if len(candidates) else None


def _draw(
    figure: go.Figure,
    areas: pd.DataFrame,
    dots: pd.DataFrame,
    x: str,
    y: str,
    sizes: pd.Series,
    arrows: Sequence[Pair] = (),
) -> None:
    """Every model with its name, and the seeds that its mean is of, small and faint."""
    of, sides = areas["checkpoint"].map(model), label_sides.sides(areas, dots, x, y, arrows)
    lines = [
        areas[(of == dot["model"]) & (areas["encoding"] == dot["encoding"])] for _, dot in dots.iterrows()
    ]
    seeds = pd.concat([areas.iloc[:0], *(own for own in lines if len(own) > 1)])
    if len(seeds):
        figure.add_scatter(
            x=seeds[x].tolist(), y=seeds[y].tolist(), mode="markers", showlegend=False, name="seeds",
            marker={"symbol": "circle", "size": 7, "color": theme.BLUE, "opacity": 0.45},
            text=[sentences.areas(line) for _, line in seeds.iterrows()],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=dots[x].tolist(), y=dots[y].tolist(), mode="markers+text", name="models", showlegend=False,
        marker={"symbol": dots["symbol"].tolist(), "size": sizes.tolist(), "opacity": 1.0,
                "color": [_colour(model) for model in dots["model"]]},
        text=[label if side else "" for label, side in zip(dots["label"], sides, strict=True)],
        textposition=[side or "top center" for side in sides], customdata=dots["name"].tolist(),
        textfont={"size": theme.SIZE - 2, "color": theme.INK},
        hovertext=[_dot_hover(dot, own, x, y) for (_, dot), own in zip(dots.iterrows(), lines, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>", cliponaxis=False,
    )  # fmt: skip


def _dot_hover(dot: pd.Series, own: pd.DataFrame, x: str, y: str) -> str:
    """What a model's dot says: all of its line, or what its mean is of."""
    if len(own) == 1:
        return sentences.areas(own.iloc[0])
    both = f"{format_numbers.percent(dot[x])}, {format_numbers.percent(dot[y])}"
    return f"<b>{dot['name']}</b>, mean of {len(own)} seeds<br>{both}"


def _keys(figure: go.Figure, dots: pd.DataFrame) -> None:
    """What the symbols mean, where networks are drawn in more than one encoding."""
    twice = dots[dots["name"] != dots["label"]].drop_duplicates("encoding")
    for _, dot in twice.iterrows():
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=encodings.stored_as(dot["encoding"]), showlegend=True,
            marker={"symbol": dot["symbol"], "size": 12, "color": theme.VERMILLION},
        )  # fmt: skip


def _colour(model: str) -> str:
    """Studies blue, networks hardened in stages vermillion."""
    return theme.BLUE if model.startswith("asym-") else theme.VERMILLION
