"""Figures of results, drawn by the dashboard's charts: the one place in this package that asks for them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from resq import data
from resq.core.errors import LackingError
from resq.measure.analysis import stats, tradeoff


def _lacking(error: ImportError) -> LackingError:
    return LackingError(f"figures want plotly, which is not installed ({error}); pip install plotly")


def accuracy(rows: pd.DataFrame) -> Any:
    """Accuracy over the bit error rate or over the budget; of joint rows a tile for each pair of them."""
    try:
        from dashboard.charts import curves, tradeoff_map
    except ImportError as error:
        raise _lacking(error) from None
    axes = set(rows["axis"])
    if "joint" in axes:
        return tradeoff_map.heatmap(tradeoff.cells(rows, str(rows["mode"].iloc[0])))
    axis = "ber" if "ber" in axes else "eps"
    lines = stats.curve(rows, axis)
    draw = curves.accuracy_vs_ber if axis == "ber" else curves.accuracy_vs_eps
    return draw(lines, {name: 1 / len(data.source(name).classes) for name in set(lines["data"])})


def heatmap(cells: pd.DataFrame) -> Any:
    """Layers by stored bits, coloured by what one flipped bit adds to the loss."""
    try:
        from dashboard.charts import layers
        from dashboard.model import layer_view
    except ImportError as error:
        raise _lacking(error) from None
    shown = layer_view.shown(cells)
    top = int(shown["bit"].max())
    encoding = str(shown["encoding"].iloc[0])
    names = [("stored word", top, 0)] if encoding == "as stored" else layer_view.fields(encoding)
    return layers.layer_heatmap(shown, layer_view.totals(shown), names)
