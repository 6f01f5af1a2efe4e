"""Rows of older NUMBERS as the present ones count them, where the row alone tells it. See ``version``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from resq.core import FLOATS
from resq.measure.version import NUMBERS

STALE = "numbers-1-"  # before the key of a row that is not carried: its cell counts as not measured


def carried(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with their ``numbers``, ``correct`` and ``right``; what cannot be carried stays as it is.

    Rows of version 1 in which no image had logits that are not finite are those of version 2; where all
    images had, none of them is right. On a network of flipped floating-point words an attack may have met
    such logits on its way: its rows are not carried.
    """
    old = (table["numbers"] == "1").to_numpy()
    if not old.any():
        return table
    old = old & ~((table["axis"] == "joint") & table["encoding"].isin(list(FLOATS))).to_numpy()
    due, n = table["due"].to_numpy(), table["n"].to_numpy()
    none, every = old & (due == 0), old & (due == n) & (due > 0)
    right = table["right"].to_numpy(object, copy=True)
    right[every] = [bytes(len(value)) for value in right[every]]
    return table.assign(
        numbers=np.where(none | every, NUMBERS, table["numbers"]),
        correct=np.where(every, 0, table["correct"]),
        right=pd.Series(right, index=table.index, dtype=object),
    )


def row(old: dict[str, Any]) -> dict[str, Any]:
    """One row, as ``carried`` has it; the key of a stale one begins with STALE.

    >>> old = {"numbers": "1", "n": 3, "correct": 1, "right": b"@", "key": "a", "axis": "ber",
    ...        "encoding": "fp32"}
    >>> row({**old, "due": 3})["correct"], row({**old, "due": 1})["key"]
    (0, 'numbers-1-a')
    """
    met = old["axis"] == "joint" and old["encoding"] in FLOATS
    if old["numbers"] == "1" and old["due"] in (0, old["n"]) and not met:
        lost = {"correct": 0, "right": bytes(len(old["right"]))} if old["due"] else {}
        return {**old, **lost, "numbers": NUMBERS}
    if old["numbers"] == NUMBERS or old["key"].startswith(STALE):
        return old
    return {**old, "key": STALE + old["key"]}


def current(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that count as NUMBERS does."""
    return table[table["numbers"] == NUMBERS].reset_index(drop=True)
