"""A figure as the values that are sent of it: what a page draws again at every click needs no more.

Plotly checks every value that it is given, and copies all of them when they are sent: 11 ms of the processor
for the two figures of the Bit lab, next to 0.3 as they are here. A test holds both ways to the same values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.basedatatypes import BaseFigure


class PlainFigure(BaseFigure):
    """Traces, layout and frames, not checked; like every cached figure it is shared, so never written.

    Plotly and Streamlit ask a figure of any kind for ``to_dict`` alone before they send it.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        layout: Mapping[str, Any],
        frames: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.__dict__["spec"] = {
            "data": list(data),
            "layout": {"template": template(pio.templates.default), **layout},
        } | ({"frames": list(frames)} if frames else {})

    def to_dict(self) -> dict[str, Any]:
        """The values themselves, not a copy."""
        spec: dict[str, Any] = self.__dict__["spec"]
        return spec

    def whole(self) -> go.Figure:
        """The same as a figure of Plotly's, every value of it checked."""
        return go.Figure(self.to_dict())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} is of a whole figure: this one has to_dict() and whole()")


_templates: dict[str, dict[str, Any]] = {}


def template(name: str) -> dict[str, Any]:
    """Plotly's values of a template, read once and shared."""
    if name not in _templates:
        _templates[name] = pio.templates[name].to_plotly_json()
    return _templates[name]


def plain(figure: go.Figure) -> PlainFigure:
    """The values that are sent of a figure."""
    spec = figure.to_dict()
    layout = {name: value for name, value in spec["layout"].items() if name != "template"}
    own = spec["layout"].get("template")
    if own != template(pio.templates.default):
        layout["template"] = own
    return PlainFigure(spec["data"], layout, spec.get("frames", ()))


def whole(figure: go.Figure | PlainFigure) -> go.Figure:
    """A figure of Plotly's, whatever it was."""
    return figure.whole() if isinstance(figure, PlainFigure) else figure
