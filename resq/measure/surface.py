"""Rows -> accuracy over BER and eps at once. pandas and scipy only."""

from __future__ import annotations

import pandas as pd

from resq.measure import stats

KEYS = stats.KEYS


def grid(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per series, mode, BER and eps of the joint rows.

    Columns beside the series' own: ``ber``; ``eps``; ``mean`` accuracy over fault maps; ``low``, ``high``,
    its 95 % t interval over maps (NaN for a single map, no width where nothing is random); ``least``, the
    worst map; ``maps``; ``code``, hashes. Empty without joint rows.
    """
    joint = rows[rows["axis"] == "joint"]
    lines = []
    for key, cell in joint.groupby([*KEYS, "ber", "eps"], sort=False):
        lines.append({**dict(zip([*KEYS, "ber", "eps"], key, strict=True)), **_cell(cell)})
    return pd.DataFrame(lines, columns=[*KEYS, "ber", "eps", "mean", "low", "high", "least", "maps", "code"])


def _cell(cell: pd.DataFrame) -> dict[str, float | str]:
    accuracy = (cell["correct"] / cell["n"]).to_numpy()
    mean = float(accuracy.mean())
    low, high = (mean, mean) if (cell["flips"] == 0).all() else stats.t_interval(accuracy)
    return {"mean": mean, "low": low, "high": high, "least": float(accuracy.min()), "maps": len(accuracy),
            "code": stats.codes(cell)}  # fmt: skip
