"""Rows of encodings on the same images: the first n of a longer measurement are a measurement of n."""

from __future__ import annotations

import numpy as np
import pandas as pd

SAME = [  # the same map, or the same attack, on the same images
    "checkpoint", "weights", "encoding", "fault", "region", "targets", "precision", "numbers", "seed", "top",
    "map", "ber", "images", "attack", "eps", "steps", "restarts", "mode", "axis",
]  # fmt: skip


def nested(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows cut to as many of the first images as every encoding has, where the images in them are noted.

    Encodings that were measured with the same faults are then compared on the same images, and not one on its
    first 500 with another on 2,000. Rows that cannot be cut stay where there are no others of their
    encoding and rate.

    Args:
        rows: of one network, columns of ``table.COLUMNS``.
    """
    if rows.empty:
        return rows
    struck = rows[rows["ber"] > 0]
    n = int((struck if len(struck) else rows).groupby("encoding")["n"].max().min())
    able = (rows["n"] == n) | (
        (rows["n"] > n) & (rows["sample"] == "first") & (rows["right"].str.len() * 8 >= rows["n"])
    )
    cut = first(rows[able], n)
    at = pd.MultiIndex.from_frame(rows[["encoding", "ber"]])
    others = rows[~at.isin(pd.MultiIndex.from_frame(cut[["encoding", "ber"]]))]
    return pd.concat([cut, others], ignore_index=True)


def first(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """These rows on their first n images: ``n``, ``correct``, ``right`` and ``images`` are those of the cut.

    Args:
        rows: of at least n images each; those of more note which were right.
    """
    longer = rows["n"] > n
    if not longer.any():
        return rows
    bits = [np.unpackbits(np.frombuffer(right, np.uint8))[:n] for right in rows.loc[longer, "right"]]
    names = rows.loc[~longer & (rows["sample"] == "first"), "images"]
    cut = rows.loc[longer].assign(
        n=n,
        correct=[int(row.sum()) for row in bits],
        right=pd.Series([np.packbits(row).tobytes() for row in bits], rows.index[longer], dtype=object),
        images=names.iloc[0] if len(names) else f"first {n}",
    )
    whole = pd.concat([rows[~longer], cut])
    return whole.drop_duplicates([name for name in SAME if name in whole])
