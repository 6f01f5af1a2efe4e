"""What it is worth to store some layers apart: accuracy over the share of the weights that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from resq.core import Encoding
from resq.measure import stats

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
    "n", "seed", "weights", "images",
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
    rows = rows[(rows["axis"] == "ber") & rows["fault"].isin(["none", "random"]) & (rows["region"] == "all")]
    encodings = {name: Encoding.parse(name) for name in rows["encoding"].unique()}
    mixed = _mixed(encodings, encoding, len(sizes))
    if not mixed:
        return pd.DataFrame(columns=COLUMNS)
    first = encodings[mixed[0]]
    names = [str(first.base), *mixed, str(first.other)]
    inside = {name: encodings[name].apart if name in mixed else () for name in names}
    inside[names[-1]] = tuple(range(len(sizes)))
    curve = _alike(rows[rows["encoding"].isin(names)], mixed)
    lines = [
        {
            **line,
            "ber": line["x"],
            "share": sum(sizes[i] for i in inside[line["encoding"]]) / sum(sizes),
            "layers": len(inside[line["encoding"]]),
            "of": len(sizes),
        }
        for line in curve.to_dict("records")
    ]
    found = pd.DataFrame(lines, columns=COLUMNS).sort_values(["share", "ber"], kind="stable")
    whole = found.groupby("ber")["encoding"].nunique() == len(names)
    return found[found["ber"].isin(whole.index[whole])].reset_index(drop=True)


def _mixed(encodings: Mapping[str, Encoding], asked: str, layers: int) -> list[str]:
    """The mixtures, in the same memory, of the pair that ``asked`` belongs to."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for name, found in encodings.items():
        if found.other is None or found.apart[-1] >= layers:
            continue
        if found.other.copies == found.copies:
            pairs.setdefault((str(found.base), str(found.other)), []).append(name)
    return next((names for pair, names in pairs.items() if asked in (*pair, *names)), [])


def _alike(rows: pd.DataFrame, mixed: Sequence[str]) -> pd.DataFrame:
    """Curves on the images that most rows of mixtures saw, and on the maps that all encodings have."""
    seen = rows[rows["encoding"].isin(mixed)][SAME].value_counts().reset_index().iloc[0]
    for name in SAME:
        rows = rows[rows[name] == seen[name]]
    maps = rows.groupby("encoding")["map"].max().min()
    curve = stats.curve(rows[rows["map"] <= maps])
    return (
        curve.groupby(["encoding", "x"]).first().reset_index()
    )  # versions of the code that gave the same cells
