"""Figures as plain values: the same, sent to the browser, as those that Plotly has checked."""

import json

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
import streamlit  # noqa: F401 - the template of the pages

from dashboard.charts import bits, layers, theme
from dashboard.charts.plain.figure import PlainFigure, plain, whole

rng = np.random.default_rng(0)
NAMES = [f"class {i}" for i in range(43)]
EDGES, COUNTS = np.linspace(-1, 1, 62), rng.integers(0, 100, 61)


def sent(figure):
    """What Streamlit sends of a figure."""
    return json.loads(pio.to_json(figure.to_dict(), validate=False))


def bars(n, after, label=-1):
    return NAMES[:n], rng.dirichlet(np.ones(n)), after, label


ANSWERS = [
    bars(2, None), bars(10, rng.dirichlet(np.ones(10)), 3), bars(10, np.full(10, np.nan)),
    bars(43, rng.dirichlet(np.ones(43)), 42),
]  # fmt: skip
WEIGHTS = [(0.1, 0.1), (0.1, -0.5), (0.1, 1e38), (0.2, float("nan")), (0.2, -9.0, COUNTS - 50)]


@pytest.mark.parametrize("given", ANSWERS)
def test_bars_of_an_answer_are_sent_as_a_checked_figure_is(given):
    assert sent(bits.answer_bars(*given)) == sent(bits.probabilities(*given))


@pytest.mark.parametrize("marks", WEIGHTS)
def test_marks_of_a_weight_are_sent_as_a_checked_figure_is(marks):
    drawn = bits.weight_marks(EDGES, COUNTS, *marks)
    assert sent(drawn) == sent(bits.weight_histogram(EDGES, COUNTS, *marks))
    assert sent(drawn)["layout"]["template"] == sent(go.Figure())["layout"]["template"]


def test_the_values_of_a_figure_are_sent_as_it_is_arrays_and_templates_included():
    figure = go.Figure(go.Heatmap(z=rng.random((3, 4))), layout={"template": "plotly_white", "title": "a"})
    assert sent(plain(figure)) == sent(figure)
    dressed = theme.dress(go.Figure(go.Bar(x=["a"], y=[1])), height=99)
    assert sent(plain(dressed)) == sent(dressed)
    assert whole(plain(dressed)) == dressed
    assert whole(dressed) is dressed
    moving = go.Figure(go.Scatter(x=[0], y=[0]), frames=[go.Frame(name="a", data=[go.Scatter(x=[1], y=[1])])])
    assert sent(moving)["frames"]
    assert sent(plain(moving)) == sent(moving)
    assert whole(plain(moving)) == moving


def test_an_outline_is_added_to_the_values_and_the_figure_stays_as_it_was():
    layout = {"yaxis": {"ticktext": ["a", "b"]}, "xaxis": {"tickvals": [0, 1]}}
    figure = PlainFigure([{"type": "bar", "x": [0], "y": [1]}], layout)
    drawn = layers.outlined(figure, ("b.weight", 1))
    assert [s["type"] for s in drawn.to_dict()["layout"]["shapes"]] == ["rect"]
    assert "shapes" not in figure.to_dict()["layout"]


def test_what_only_a_whole_figure_has_is_refused_by_name():
    with pytest.raises(AttributeError, match="data is of a whole figure"):
        _ = PlainFigure([], {}).data
