"""Rows -> accuracy over BER and eps at once. pandas and scipy only."""

from __future__ import annotations

import pandas as pd

from resq.measure.analysis import stats

KEYS = stats.KEYS


def grid(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per series, mode, BER and eps of the joint rows.

    Lines as of ``stats.curve``, with ``ber`` and ``eps``: ``low`` and ``high`` are the 95 % interval of
    ``mean`` over fault maps and images together (NaN for a single map, over images alone where no bit flips).
    Empty without joint rows.
    """
    return stats.curve(rows, "joint").rename(columns={"x": "ber"})
