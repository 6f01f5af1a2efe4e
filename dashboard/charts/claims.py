"""Pictures of the Replay page: a quoted figure beside what was measured under every reading of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.format import numbers
from resq.claims.judged import EXCEEDED, MISSED, NONE, REPRODUCED, Judged, Verdict
from resq.claims.points import Cell
from resq.claims.registry import Claim

QUOTED = "#A6761D"  # no series has it: what is quoted is never taken for measured
WORDS = {
    REPRODUCED: "✓ consistent", EXCEEDED: "▲ above", MISSED: "✗ not consistent", NONE: "? not comparable",
}  # fmt: skip
ROW, LINE = 58, 19  # pixels per reading of at most two lines beside it, and of each line more
LETTERS = 24  # of a line beside a reading


def readings(verdict: Verdict, start: Claim | None = None) -> go.Figure:
    """One row per reading: the quoted figure, the measured cell, the unhardened network.

    Args:
        verdict: of a claim with a figure.
        start: the claim whose figure this one starts from, drawn as the other of the quoted pair.
    """
    rows = list(reversed(verdict.readings))
    names = [_name(judged) for judged in rows]
    figure = go.Figure()
    bases = [(y, judged.base) for y, judged in enumerate(rows) if judged.base]
    if bases and verdict.claim.kind != "gain":
        _cells(figure, bases, "unhardened network", theme.GREY, "square", 0.17)
    measured = [(y, judged) for y, judged in enumerate(rows) if judged.value is not None]
    _measured(figure, measured, verdict)
    _quoted(figure, verdict.claim, len(rows))
    if start is not None and start.value is not None:
        _quoted(figure, start, len(rows), "as quoted before hardening", "square-open")
    gain = verdict.claim.kind == "gain"
    title = "gain of accuracy over the unhardened network" if gain else "accuracy"
    across = {"title": {"text": title}, "tickformat": ".0%"} | ({} if gain else {"range": [-0.02, 1.03]})
    lines = max((name.count("<br>") + 1 for name in names), default=1)
    longest = theme.width(line.replace("<b>", "") for name in names for line in name.split("<br>"))
    height = 130 + (ROW + LINE * max(0, lines - 2)) * len(rows)
    return theme.dress(
        figure, height, {"l": 16 + longest, "r": 18, "t": 40, "b": 62}, xaxis=across,
        yaxis={"tickvals": list(range(len(rows))), "ticktext": names, "range": [-0.6, len(rows) - 0.4]},
    )  # fmt: skip


def _name(judged: Judged) -> str:
    """The reading: what it is, in short lines that leave a telephone room for the figure, and if it fits.

    One that is set aside is not judged.
    """
    word = "beside, for comparison alone" if judged.reading.aside else WORDS.get(judged.verdict, "")
    label = "<br>".join(textwrap.wrap(judged.reading.label, LETTERS))
    return f"{label}<br><b>{'not measured' if judged.value is None else word}</b>"


def _quoted(
    figure: go.Figure, claim: Claim, rows: int, name: str = "as quoted", symbol: str = "diamond-open"
) -> None:
    """The claim as quoted: an open mark in every row, on one line."""
    value = claim.value
    assert value is not None
    figure.add_vline(x=value, line={"color": QUOTED, "dash": "dot", "width": 2})
    figure.add_scatter(
        x=[value] * rows,
        y=list(range(rows)),
        mode="markers",
        name=f"{name}: {claim.quote}",
        marker={"symbol": symbol, "size": 15, "color": QUOTED, "line": {"width": 3}},
        hovertemplate=f"quoted, {claim.source.label}: {claim.quote}<extra></extra>",
    )


def _measured(figure: go.Figure, measured: Sequence[tuple[int, Judged]], verdict: Verdict) -> None:
    figure.add_scatter(
        x=[judged.value for _, judged in measured],
        y=[y for y, _ in measured],
        mode="markers",
        name="measured here",
        marker={"symbol": "circle", "size": 13, "color": theme.BLUE},
        error_x=_error([(j.value or 0, j.low or 0, j.high or 0) for _, j in measured], theme.BLUE),
        text=[_hover(j.cell, verdict.claim.spell(j.value or 0, j.low, j.high)) for _, j in measured],
        hovertemplate="%{text}<extra></extra>",
    )


def _cells(
    figure: go.Figure, cells: Sequence[tuple[int, Cell]], name: str, colour: str, symbol: str, shift: float
) -> None:
    """Cells as dots with their intervals, a little below the row's middle."""
    figure.add_scatter(
        x=[cell.mean for _, cell in cells],
        y=[y - shift for y, _ in cells],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": 10, "color": colour},
        error_x=_error([(cell.mean, cell.low, cell.high) for _, cell in cells], colour),
        text=[_hover(cell, numbers.percent(cell.mean)) for _, cell in cells],
        hovertemplate="%{text}<extra></extra>",
    )


def _error(values: Sequence[tuple[float, float, float]], colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - mean for mean, _, high in values],
        "arrayminus": [mean - low for mean, low, _ in values],
        "color": colour,
        "thickness": 2.5,
        "width": 7,
    }


def _hover(cell: Cell | None, value: str) -> str:
    """All that makes one dot checkable."""
    if cell is None:
        return value
    hashes = f"weights {cell.weights[:8]}, images {cell.images[:8]}, code {cell.code[:8]}"
    span = f"95 % over {'maps and ' * (cell.ber > 0)}images: {100 * cell.low:.1f} to {100 * cell.high:.1f} %"
    counts = f"{span}<br>{cell.drawn}, n = {cell.n}, seed {cell.seed}"
    return (
        f"<b>{cell.checkpoint} · {cell.encoding}</b><br>{cell.point}: <b>{value}</b><br>{counts}<br>{hashes}"
    )


def again(reference: Cell, fresh: Sequence[Cell], quoted: float | None) -> go.Figure:
    """A stored cell above the same cell measured again, the latest first, each with its own interval.

    No limits are drawn: what tells the two apart is their difference, whose noise is that of both.
    """
    figure = go.Figure()
    _cells(figure, [(len(fresh), reference)], "stored", theme.BLUE, "circle", 0)
    _cells(
        figure,
        [(len(fresh) - 1 - i, cell) for i, cell in enumerate(fresh)],
        "again",
        theme.VERMILLION,
        "x",
        0,
    )
    if quoted is not None:
        marker = {"symbol": "diamond-open", "size": 15, "color": QUOTED, "line": {"width": 3}}
        figure.add_scatter(x=[quoted], y=[len(fresh)], mode="markers", name="as quoted", marker=marker)
    theme.dress(figure, 150 + 36 * (1 + len(fresh)))
    names = [*(f"again {i}" if i > 1 else "again" for i in range(len(fresh), 0, -1)), "stored"]
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(names) - 0.4])
    figure.update_xaxes(title_text="accuracy", tickformat=".1%")
    return figure
