"""A line joins dots of the same images and maps: a step between others is the images' as well."""

import numpy as np
import pandas as pd
import pytest

from dashboard import cached, charts
from dashboard.format import sentences
from resq.measure.analysis import stats, tradeoff
from resq.measure.store import table
from tests.analysis.test_tradeoff import both
from tests.dashboard.test_charts import attacked, faulty, row


def mixed() -> pd.DataFrame:
    """Three rates on 100 images, one between them on 1,000 that are easier."""
    cells = [(1e-4, 100, (80, 82)), (1e-3, 100, (78, 80)), (3e-3, 1000, (900, 920)), (1e-2, 100, (60, 50)),
             (2e-2, 100, (40, 44))]  # fmt: skip
    return table.frame(
        row(ber=ber, n=n, map=m, correct=right, top=0.1, images=str(n) * 4)
        for ber, n, counts in cells
        for m, right in enumerate(counts)
    )


def traces(figure, **wanted):
    return [t for t in figure.data if all(getattr(t, name) == value for name, value in wanted.items())]


def test_no_solid_line_or_band_leads_to_a_dot_of_other_images():
    figure = charts.accuracy_vs_ber(stats.curve(mixed()), {})
    (dots,) = traces(figure, mode="lines+markers")
    assert dots.x == (1e-4, 1e-3, 3e-3, 1e-2, 2e-2)
    assert (dots.line.dash, dots.line.width) == ("dot", 1.5)
    solid = [t.x for t in traces(figure, mode="lines") if t.fill is None]
    assert solid == [(1e-4, 1e-3), (1e-2, 2e-2)]
    assert [sorted(set(t.x)) for t in figure.data if t.fill == "toself"] == [[1e-4, 1e-3], [1e-2, 2e-2]]


def test_a_dot_that_no_band_reaches_has_its_interval_upright():
    lines = stats.curve(mixed())
    (dots,) = traces(charts.accuracy_vs_ber(lines, {}), mode="lines+markers")
    alone = lines[lines["x"] == 3e-3].iloc[0]
    assert dots.error_y.array == pytest.approx((0, 0, alone["high"] - alone["mean"], 0, 0))
    assert dots.error_y.arrayminus == pytest.approx((0, 0, alone["mean"] - alone["low"], 0, 0))


def test_a_curve_of_one_set_is_one_solid_line():
    for figure in (
        charts.accuracy_vs_ber(stats.curve(faulty()), {}),
        charts.accuracy_vs_eps(stats.curve(attacked(), "eps"), {}),
    ):
        dots = traces(figure, mode="lines+markers")[0]
        assert (dots.line.dash, dots.line.width, dots.error_y.array) == ("solid", 3, None)


def test_in_a_shipped_curve_that_seemed_to_rise_no_line_does():
    """VGG16's `plus` was right on 72.0 % at 10⁻³ of 500 images and 76.6 % at 3·10⁻³ of 250."""
    rows = cached.rows().query("checkpoint == 'cifar10/vgg16/plus' and encoding == 'int4-tmr2'")
    lines = cached.curves(rows[rows["fault"].isin(["none", "random"])], "ber")
    drawn = charts.accuracy_vs_ber(lines, {})
    for trace in traces(drawn, mode="lines"):
        if trace.fill is None:
            assert np.diff(trace.y).max() < 0.01


def surface() -> pd.DataFrame:
    """At a BER of 0.01 and every budget, two maps that lie far apart."""
    cells = [(0.0, (90, 90)), (1e-2, (90, 30))]
    return tradeoff.cells(
        table.frame(
            both(ber, eps, right, map=m)
            for ber, counts in cells
            for eps in (0.0, 8.0)
            for m, right in enumerate(counts)
        ),
        "transfer",
    )


def test_a_row_of_the_map_has_the_interval_of_its_cells_over_maps_too():
    row_of_map = surface().query("ber == 0.01").assign(x=lambda cells: cells["eps"])
    (band,) = (t for t in charts.accuracy_vs_eps(row_of_map, {}).data if t.fill == "toself")
    assert (max(band.y), min(band.y)) == pytest.approx((row_of_map["high"].max(), row_of_map["low"].min()))
    assert row_of_map["high"].max() - row_of_map["low"].min() > 0.9  # over images alone: a fifth


def test_cells_of_a_single_map_have_no_interval_in_a_row_of_the_map():
    cells = tradeoff.cells(table.frame(both(1e-2, eps, 50) for eps in (0.0, 8.0)), "transfer")
    drawn = charts.accuracy_vs_eps(cells.assign(x=cells["eps"]), {})
    (dots,) = traces(drawn, mode="lines+markers")
    assert "one map so far: no interval" in dots.text[0]
    assert not [t for t in drawn.data if t.fill == "toself"]


def test_a_dot_of_a_slice_tells_what_its_axis_does_not():
    cell = surface().query("ber == 0.01 and eps == 8").iloc[0]
    along_eps, along_ber = (
        sentences.hover(cell.to_dict() | {"x": cell[axis]}, name).replace("\u202f", " ")
        for axis, name in (("eps", "eps"), ("ber", "BER"))
    )
    assert "pgd, eps 8/255, BER 10⁻²: <b>60.0 %" in along_eps
    assert "BER 10⁻², pgd, eps 8/255: <b>60.0 %" in along_ber
    for told in (along_eps, along_ber):
        assert "95 % over maps and images" in told
        assert "over 2 maps alone" in told
        assert "20 steps, 1 start" in told
        assert "95 % over 100 images" not in told


def shaped(rising: tuple[float, ...], alone: tuple[float, ...]) -> pd.DataFrame:
    """Cells at three rates: under an attack, and without one."""
    return pd.DataFrame(
        [
            {"ber": ber, "eps": eps, "mean": mean, "low": mean - 0.05, "image_high": mean + 0.05}
            for eps, means in ((0.0, alone), (8.0, rising))
            for ber, mean in zip((0.0, 1e-2, 5e-2), means, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("rising", "alone", "said"),
    [
        ((0.05, 0.3, 0.06), (0.98, 0.6, 0.06), True),  # between the ends
        ((0.0, 0.02, 0.12), (0.93, 0.8, 0.11), False),  # only where it guesses without an attack too
        ((0.10, 0.15, 0.05), (0.98, 0.6, 0.06), False),  # the intervals overlap
    ],
)
def test_that_faults_seem_to_help_is_told_where_they_do(rising, alone, said):
    assert sentences.rises(shaped(rising, alone), 0.1) is said
