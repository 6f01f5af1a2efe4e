"""Rows of older NUMBERS as the present ones count them, where the row alone tells it. See ``version``."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from resq.core import Encoding
from resq.core.encoding import of_floats
from resq.core.errors import ResqError
from resq.measure.specs.version import NUMBERS

STALE = "numbers-"  # before the key of a row that is not carried: its cell counts as not measured
FOUR = "int4"  # in the name of every encoding that has words of 4 bits
# Weights (the first 16 hex digits of a file's SHA-256) that were measured in words of 4 bits before version 3
# and are kept as floats or codes of 8 bits: their words are the same before and after. The last one,
# gtsrb/resnet18/plus, is kept in 4 bits: made anew its words are those of the file, and 12 of its 4,843
# scales differ by a last bit, which moved no answer in the rows that were measured again.
OTHERWISE = (
    "bfb3f96699e777cd", "1d45e35f72c190f1", "308cfba279faeb38", "c028b33dddc7c9db", "b4863233acdcc8cb",
    "dd2c6c1f4455e593", "5510f0283bda000f", "25cab3ba53365542", "496dcd7a1f3f0c45", "a21f2039bafcc893",
    "5d3041c6f8aae00a", "8ff1e99d6259f8ca", "06d2dfffe64dec8a", "369aac26946921bc", "ad956575fa8f8653",
)  # fmt: skip
TWIN = "twin-"  # before the attack in rows of version 3 whose examples were made on a file's twin
# Columns besides ``numbers`` that tell whether a row can be carried, of its series in a database.
DECIDED_BY = ["attack", "mode", "restarts"]
TOLD_BY = ("n", "axis", "encoding", "weights", *DECIDED_BY)


def last_restart(attack: str, mode: str, restarts: int) -> bool:
    """Whether a row had the last of several restarts alone before version 4.

    >>> [last_restart(*row) for row in (("pgd", "none", 5), ("pgd", "transfer", 5), ("twin-pgd", "none", 5))]
    [False, True, True]
    """
    return restarts > 1 and (mode == "transfer" or attack.startswith(TWIN))


@cache
def in_four(encoding: str) -> bool:
    """Whether weights lie in plain codes of 4 bits, however often stored: what a file may hold as they are.

    >>> [in_four(name) for name in ("int4-tmr2", "int8+int4-tmr2@0", "int4-symmetric", "int4-tmr2+folded9")]
    [True, True, False, True]
    """
    try:
        parsed = Encoding.parse(encoding)
    except ResqError:
        return FOUR in encoding
    parts = (parsed.base, *(parsed.of(layer) for layer in parsed.apart[:1]))
    return any(part.once == Encoding(4) for part in parts)


def carried(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with their ``numbers``, ``correct`` and ``right``; what cannot be carried stays as it is.

    Rows of version 1 in which no image had logits that are not finite are those of version 2; where all
    images had, none of them is right. On a network of flipped floating-point words an attack may have met
    such logits on its way: its rows are not carried. Rows of version 2 are those of version 3, but for words
    of 4 bits of a network that may be kept in 4 bits. Rows of version 3 are those of version 4, but for the
    ``last_restart`` of several.
    """
    first, second, third = ((table["numbers"] == number).to_numpy() for number in ("1", "2", "3"))
    if not (first | second | third).any():
        return table
    # Nearly all rows have one restart or none: the others are few.
    several = np.flatnonzero(table["restarts"].to_numpy() > 1)
    worst = np.ones(len(table), bool)
    worst[several] = [
        not last_restart(*row) for row in table.iloc[several][DECIDED_BY].itertuples(index=False)
    ]
    first, second, third = first & worst, second & worst, third & worst
    four = table["encoding"].map(in_four).to_numpy(bool)
    same = ~four | table["weights"].isin(OTHERWISE).to_numpy(bool)
    first = first & ~((table["axis"] == "joint") & table["encoding"].map(of_floats)).to_numpy(bool)
    due, n = table["due"].to_numpy(), table["n"].to_numpy()
    none, every = same & first & (due == 0), same & first & (due == n) & (due > 0)
    right = table["right"].to_numpy(object, copy=True)
    right[every] = [bytes(len(value)) for value in right[every]]
    return table.assign(
        numbers=np.where(none | every | (same & second) | third, NUMBERS, table["numbers"]),
        correct=np.where(every, 0, table["correct"]),
        right=pd.Series(right, index=table.index, dtype=object),
    )


def row(old: dict[str, Any]) -> dict[str, Any]:
    """One row, as ``carried`` has it; the key of a stale one begins with STALE.

    >>> old = {"numbers": "1", "n": 3, "correct": 1, "right": b"@", "key": "a", "axis": "ber",
    ...        "encoding": "fp32", "weights": "0", "attack": "none", "restarts": 0, "mode": "none"}
    >>> row({**old, "due": 3})["correct"], row({**old, "due": 1})["key"]
    (0, 'numbers-1-a')
    >>> row({**old, "due": 0, "numbers": "2", "encoding": "int4-tmr2"})["key"]
    'numbers-2-a'
    """
    if old["numbers"] == NUMBERS or old["key"].startswith(STALE):
        return old
    worst = not last_restart(*(old[name] for name in DECIDED_BY))
    if worst and old["numbers"] == "3":
        return {**old, "numbers": NUMBERS}
    if worst and (not in_four(old["encoding"]) or old["weights"] in OTHERWISE):
        met = old["axis"] == "joint" and of_floats(old["encoding"])
        if old["numbers"] == "2":
            return {**old, "numbers": NUMBERS}
        if old["numbers"] == "1" and old["due"] in (0, old["n"]) and not met:
            lost = {"correct": 0, "right": bytes(len(old["right"]))} if old["due"] else {}
            return {**old, **lost, "numbers": NUMBERS}
    return {**old, "key": f"{STALE}{old['numbers']}-{old['key']}"}


def current(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that count as NUMBERS does."""
    return table[table["numbers"] == NUMBERS].reset_index(drop=True)
