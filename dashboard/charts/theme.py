"""Colours and the look of every figure. Knows plotly, not streamlit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.plain.figure import PlainFigure

# After Okabe and Ito: a contrast of 3 on white and on the dark background; green and grey moved so that
# any two lie at least 20 apart in CIELAB to eyes without green cones.
BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009955", "#CC79A7", "#666666"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")
BEFORE, AFTER = BLUE, VERMILLION
INK = "#7A7A7A"  # ticks and titles: one grey that reads on both backgrounds
GRID = "rgba(128,128,128,0.22)"
DARK = "#222222"
# Of every figure: a browser measures words in it that it draws into a file, where a page's fonts are not.
SANS = "Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif"
SIZE = 16
TALL = 420  # pixels of a figure that says nothing else
LEGEND = 56  # pixels of two lines of it
LEAST = 0.85  # of the usual type
TALLEST = 460  # pixels up to which a projector's larger type makes a figure taller

# In the page: only the camera, while the mouse is over the picture. In a file: all but what sends data away.
SHOWN = {
    "displayModeBar": "hover",
    "modeBarButtons": [["toImage"]],  # a PNG; nothing leaves the browser
    "displaylogo": False,
    "scrollZoom": False,
}


def shown(file: str) -> dict[str, Any]:
    """What Plotly is told of a figure on the page.

    Args:
        file: name of the picture that the camera saves, without its ending.
    """
    return {**SHOWN, "toImageButtonOptions": {"format": "png", "scale": 2, "filename": file}}


SAVED = {"displaylogo": False, "showSendToCloud": False}


def style(series: int) -> dict[str, str]:
    """Colour, dash and marker of the i-th series: never the colour alone."""
    lap = series // len(SERIES)
    return {
        "color": SERIES[series % len(SERIES)],
        "dash": DASHES[(series + lap) % len(DASHES)],
        "symbol": SYMBOLS[(series + lap) % len(SYMBOLS)],
    }


WORDS = {"size": SIZE, "color": INK}
AXIS = {"tickfont": WORDS, "title": {"font": WORDS}, "gridcolor": GRID, "zeroline": False, "automargin": True}
LOOK = {
    "margin": {"l": 10, "r": 16, "t": 4, "b": 4},
    "font": {"size": SIZE, "family": SANS},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "hoverlabel": {"font": {"size": SIZE}, "align": "left"},
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": SIZE}},
    "dragmode": False,
    "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": INK, "activecolor": BLUE},
}


def dress(
    figure: go.Figure, height: int = TALL, room: Mapping[str, float] | None = None, **layout: Any
) -> go.Figure:
    """The figure in the house's look: readable on a projector, on light and on dark.

    Args:
        room: pixels around the axes for their words, "l", "r", "t", "b" as in Plotly. Where it is given the
            browser need not draw twice to find them, which takes half of the time.
        layout: the figure's own layout, as nested dicts, over the look. Whole and at once: each ``update`` of
            a figure costs as much as making one, and most of what a visitor waits for is this.
    """
    own = {name: value for name, value in figure.layout.to_plotly_json().items() if name != "template"}
    figure.layout = look(own, height, room, layout)
    return figure


def look(
    own: Mapping[str, Any], height: int, room: Mapping[str, float] | None, layout: Mapping[str, Any]
) -> dict[str, Any]:
    """A layout in the house's look, see ``dress``.

    Args:
        own: what the figure has already.
    """
    axes = {name: AXIS for name in ("xaxis", "yaxis", *own, *layout) if name.startswith(("xaxis", "yaxis"))}
    dressed = _over(_over(own, LOOK), {**axes, "height": height})
    if room:
        fixed = {name: {"automargin": False} for name in axes}
        dressed = _over(dressed, {**fixed, "margin": dict(room)})
    return _over(dressed, layout)


def dressed(
    data: Sequence[Mapping[str, Any]],
    height: int = TALL,
    room: Mapping[str, float] | None = None,
    **layout: Any,
) -> PlainFigure:
    """Traces in the house's look, as they are sent: ``dress`` without Plotly's checks."""
    return PlainFigure(data, look({}, height, room, layout))


def width(texts: Iterable[str], size: int = SIZE) -> float:
    """Pixels that the longest of these words takes at most, for the room beside an axis."""
    return 0.5 * size * max(map(len, texts), default=0)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts merged; what is above wins."""
    both = {
        name: _over(below[name], value)
        for name, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(name), dict)
    }
    return {**below, **above, **both}


def line(
    colour: str, *, x: float | str | None = None, y: float | None = None, **style: Any
) -> dict[str, Any]:
    """A straight line across a figure at x or at y, for the ``shapes`` of its layout."""
    across = {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "y domain"}
    if x is None:
        across = {"x0": 0, "x1": 1, "xref": "x domain", "y0": y, "y1": y}
    return {"type": "line", **across, "line": {"color": colour, **style}}


def enlarge(figure: go.Figure, factor: float) -> go.Figure:
    """The figure with larger type, lines and height, for a projector; the one given stays as it is.

    One of many rows is made as high as a projector shows, and its words no larger than its rows.
    """
    height = figure.layout.height or TALL
    room = factor * sum(figure.layout.margin[side] or 0 for side in "tb") + LEGEND * (
        figure.layout.showlegend is not False and len(figure.data) > 2
    )
    whole = height > TALLEST and _fitting(figure, TALLEST - room) >= LEAST
    factor = min(
        factor, max(LEAST if whole else 1.0, _fitting(figure, (TALLEST if whole else height) - room))
    )
    large = go.Figure(_larger(figure.to_dict(), factor))
    margin = {side: (figure.layout.margin[side] or 0) * factor for side in "lrtb"}
    for words in large.layout.annotations:
        words.yshift = None if words.yshift is None else words.yshift * factor
    # Half of the uppermost tick's label stands above the axis; Plotly leaves out what would be cut.
    large.update_layout(margin={**margin, "t": max(SIZE * factor, margin["t"])})
    # Up to what a projector of 720 lines shows below a page's question and its choice.
    usual = max(height, min(height * (1 + factor) / 2, TALLEST))
    return large.update_layout(height=TALLEST if whole else usual)


def _fitting(figure: go.Figure, height: float) -> float:
    """How much larger its type may be in so many pixels before the words of its rows lie on each other."""
    words = figure.layout.yaxis.ticktext or ()
    lines = max((1 + str(word).count("<br>") for word in words), default=1)
    return height / ((1.2 if lines == 1 else 1.3) * SIZE * lines * len(words)) if words else math.inf


def _larger(part: Any, factor: float) -> Any:
    """A part of a figure with every font size multiplied."""
    if isinstance(part, list | tuple):
        return [_larger(child, factor) for child in part]
    if not isinstance(part, dict):
        return part
    scaled = {name: _larger(child, factor) for name, child in part.items()}
    for name, font in scaled.items():
        if name.endswith("font") and isinstance(font, dict) and isinstance(font.get("size"), int | float):
            font["size"] *= factor
    return scaled


def on_white(figure: go.Figure) -> go.Figure:
    """The figure as papers print it: white behind it, dark words, the page's own fonts left out."""
    plain = go.Figure(_darker(figure.to_dict()))
    return plain.update_layout(
        template="plotly_white",
        paper_bgcolor="white",
        plot_bgcolor="white",
        font_family=SANS,
        font_color=DARK,
    )


def _darker(part: Any) -> Any:
    """A part of a figure with the grey that reads on both backgrounds made dark."""
    if isinstance(part, list | tuple):
        return [_darker(child) for child in part]
    if isinstance(part, dict):
        return {name: _darker(child) for name, child in part.items()}
    return DARK if isinstance(part, str) and part == INK else part


def fade(colour: str, alpha: float) -> str:
    """``#rrggbb`` with an opacity.

    >>> fade("#0072B2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
