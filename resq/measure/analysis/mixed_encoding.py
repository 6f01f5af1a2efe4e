"""Accuracy with some layers stored in another encoding, or several times, from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from resq.core import Encoding, Layout
from resq.measure.analysis import stats
from resq.memory import faults

SAME = [
    "n",
    "seed",
    "images",
    "weights",
    "sample",
    "precision",
]  # what points that are compared have in common
COLUMNS = [
    "encoding", "share", "layers", "of", "ber", "mean", "low", "high", "maps",
    "n", "seed", "weights", "images", "top", "sample", "data",
]  # fmt: skip


def points(rows: pd.DataFrame, sizes: Sequence[int], encoding: str) -> pd.DataFrame:
    """Accuracy of one network with none, some and all of its layers stored in another encoding, by BER.

    Args:
        rows: of one checkpoint; random faults in all layers are looked at.
        sizes: weights of each layer, in network order.
        encoding: which of several pairs of encodings is meant: either of a pair, or a mixture of it.

    Returns:
        One line per encoding and BER measured for all of them, on the same images and fault maps, in the
        order of ``share``: of all weights, those stored apart; ``layers`` of ``of`` layers; ``mean`` over
        maps, ``low`` and ``high`` its 95 % interval. Empty where no mixture of the pair was measured.
    """
    rows, encodings = _under(rows, "random")
    mixed = _mixed(encodings, encoding, len(sizes), copied=False)
    if not mixed:
        return pd.DataFrame(columns=COLUMNS)
    first = encodings[mixed[0]]
    names = [str(first.base), *mixed, str(first.other)]
    inside = {name: encodings[name].apart if name in mixed else () for name in names}
    inside[names[-1]] = tuple(range(len(sizes)))
    curve = _alike(rows[rows["encoding"].isin(names)], mixed)
    curve_points = _described(curve, inside, sizes)[COLUMNS].sort_values(["share", "ber"], kind="stable")
    whole = curve_points.groupby("ber")["encoding"].nunique() == len(names)
    return curve_points[curve_points["ber"].isin(whole.index[whole])].reset_index(drop=True)


def copies(rows: pd.DataFrame, sizes: Sequence[int], encoding: str) -> pd.DataFrame:
    """Accuracy over BER of one network with none and some of its layers stored several times.

    Args:
        rows: of one checkpoint; those of the sampler that picks a layer first are looked at, under which
            small layers take as many flips as large ones.
        sizes: weights of each layer, in network order.
        encoding: of the words; or with some layers stored several times.

    Returns:
        Lines of ``stats.curve``, on the same images and fault maps, in the order of ``memory``: stored bits
        per weight; ``share`` of all weights that is stored several times, in ``layers`` of ``of`` layers.
        Empty where no layer stored several times was measured.
    """
    rows, encodings = _under(rows, "layer-uniform")
    mixed = _mixed(encodings, encoding, len(sizes), copied=True)
    if not mixed:
        return pd.DataFrame(columns=[*COLUMNS, "x", "memory"])
    names = [str(encodings[mixed[0]].base), *mixed]
    memory = {name: Encoding.parse(name).memory(sizes) for name in names}
    inside = {name: Encoding.parse(name).apart for name in names}
    curve = _alike(rows[rows["encoding"].isin(names)], mixed)
    described = _described(curve, inside, sizes).assign(memory=curve["encoding"].map(memory))
    return described.sort_values(["memory", "x"], kind="stable").reset_index(drop=True)


def _described(
    curve: pd.DataFrame, inside: Mapping[str, Sequence[int]], sizes: Sequence[int]
) -> pd.DataFrame:
    """The lines of a curve with their ``ber``, and the layers that their encodings store apart."""
    apart = [inside[name] for name in curve["encoding"]]
    return curve.assign(
        ber=curve["x"],
        share=[sum(sizes[i] for i in layers) / sum(sizes) for layers in apart],
        layers=[len(layers) for layers in apart],
        of=len(sizes),
    )


def flip_rate_per_layer(sizes: Sequence[int], rate: float) -> np.ndarray:
    """The share of each layer's bits that flips where a layer is picked first, every word stored once."""
    layout = Layout(tuple(map(str, range(len(sizes)))), tuple(sizes), 1)
    return faults.effective_rates(faults.region(layout), rate)


def _under(rows: pd.DataFrame, fault: str) -> tuple[pd.DataFrame, dict[str, Encoding]]:
    """The rows over BER of one fault model in all layers, and their encodings by name."""
    rows = rows[(rows["axis"] == "ber") & rows["fault"].isin(["none", fault]) & (rows["region"] == "all")]
    return rows, {name: Encoding.parse(name) for name in rows["encoding"].unique()}


def _mixed(encodings: Mapping[str, Encoding], member: str, layers: int, copied: bool) -> list[str]:
    """The mixtures of the pair that ``member`` belongs to: in the same memory, or with some words copied."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for name, encoding in encodings.items():
        if encoding.other is None or encoding.apart[-1] >= layers:
            continue
        if (encoding.other.copies != encoding.copies) == copied:
            pairs.setdefault((str(encoding.base), str(encoding.other)), []).append(name)
    return next((names for pair, names in pairs.items() if member in (*pair, *names)), [])


def _alike(rows: pd.DataFrame, mixed: Sequence[str]) -> pd.DataFrame:
    """Curves on the images that most rows of mixtures saw, and on the maps that all encodings have."""
    seen = rows[rows["encoding"].isin(mixed)][SAME].value_counts().reset_index().iloc[0]
    for name in SAME:
        rows = rows[rows[name] == seen[name]]
    # Maps drawn at another rate are other maps; without flips there is none, and old rows do not note it.
    drawn = rows.loc[(rows["ber"] > 0) & rows["encoding"].isin(mixed), "top"].mode()
    if len(drawn):
        rows = rows[(rows["ber"] == 0) | rows["top"].isin([0.0, drawn.iloc[0]])]
    maps = rows.groupby("encoding")["map"].max().min()
    curve = stats.curve(rows[rows["map"] <= maps])
    return (
        curve.groupby(["encoding", "x"]).first().reset_index()
    )  # versions of the code that gave the same cells
