"""The dashboard's figures and sentences, from tables that can be checked with a pencil."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from dashboard import charts
from dashboard.charts import theme
from dashboard.format import asymmetry_sentences, encodings, numbers, sentences, tables
from dashboard.model import bit_view, select_rows
from resq.core import Encoding
from resq.measure.analysis import stats, tradeoff
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

NAME = "signs/resnet20/base"


def row(**changes: object) -> dict[str, object]:
    """One measured cell."""
    return {
        "checkpoint": NAME, "network": "resnet20", "data": "signs", "encoding": "int8", "fault": "random",
        "region": "all", "axis": "ber", "ber": 0.0, "map": 0, "flips": 0, "attack": "none", "eps": 0.0,
        "steps": 0, "restarts": 0, "seed": 0, "n": 100, "correct": 90, "due": 0, "weights": "a" * 16,
        "images": "b" * 16, "code": "c" * 16, **changes,
    }  # fmt: skip


def faulty(encoding: str = "int8", n: int = 100) -> pd.DataFrame:
    """Clean 90 %; at 1e-3 two maps of 80 and 60 %; at 1e-2 two of 20 %."""
    cells = [(0.0, 0, 90), (1e-3, 0, 80), (1e-3, 1, 60), (1e-2, 0, 20), (1e-2, 1, 20)]
    return table.frame([row(encoding=encoding, ber=b, map=m, correct=c, n=n) for b, m, c in cells])


def attacked() -> pd.DataFrame:
    """PGD at 0, 2 and 8 / 255: 90, 50, 10 %."""
    cells = [(0.0, 90), (2.0, 50), (8.0, 10)]
    return table.frame(
        [row(axis="eps", attack="pgd", steps=20, restarts=1, eps=e, correct=c) for e, c in cells]
    )


def lines(figure):
    return [t for t in figure.data if t.mode == "lines+markers"]


def bands(figure):
    return [t for t in figure.data if t.fill == "toself"]


@pytest.mark.parametrize(
    ("targets", "fault", "said"),
    [
        ("weights", "random", "only the words of the weights flip here: scales, zero points, norms"),
        ("all", "random", "all that is stored flips here"),
        ("floats", "random", "only scales, zero points, norms and biases flip here: the words"),
        ("biases", "random", "only the biases flip here: all else that is stored, the weights too, is"),
        ("weights,biases", "random", "only the weights and biases flip here"),
        ("weights", "activations", "only bits of the 8-bit activations flip here"),
    ],
)
def test_where_a_curve_comes_from_tells_what_was_struck_and_what_was_spared(targets, fault, said):
    curves = stats.curve(faulty().assign(targets=targets, fault=fault))
    assert f" · {said}" in sentences.provenance(curves, "Stored rows")
    assert "spared" not in charts.CHARTS["ber"].caption  # which stands under curves of all targets


def test_where_nothing_flips_nothing_is_said_of_what_is_spared():
    for curves in (stats.curve(attacked(), "eps"), stats.curve(faulty().query("ber == 0"))):
        assert "flip" not in sentences.provenance(curves, "Stored rows")


def test_a_ber_curve_has_its_means_its_band_and_a_zero_apart_on_a_log_axis():
    figure = charts.accuracy_vs_ber(stats.curve(faulty()), {"signs": 1 / 16})
    line, clean = lines(figure)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.ticktext[0] == "0"
    assert line.x == (1e-3, 1e-2)
    assert line.y == pytest.approx((0.7, 0.2))
    assert clean.x[0] < 1e-3 / 2
    assert clean.y == (0.9,)
    assert len(bands(figure)) == 1


def test_guessing_is_a_dashed_line_at_one_in_sixteen():
    figure = charts.accuracy_vs_ber(stats.curve(faulty()), {"signs": 1 / 16})
    dashed = [s for s in figure.layout.shapes if s.line.dash == "dash"]
    assert [s.y0 for s in dashed] == [1 / 16]


def test_a_dot_says_n_interval_seed_and_hashes():
    figure = charts.accuracy_vs_ber(stats.curve(faulty()), {})
    text = lines(figure)[0].text[0]
    for part in (
        "n = 100",
        "seed 0",
        "95",
        "2 maps",
        "worst map 60.0",
        "weights aaaa",
        "images bbbb",
        "code cccc",
    ):
        assert part in text


def test_a_first_cell_alone_is_a_figure_too():
    first = stats.curve(faulty().iloc[:1])
    assert lines(charts.accuracy_vs_ber(first, {}))[0].y == (0.9,)


def test_one_map_has_no_band_and_says_so():
    one = stats.curve(faulty().query("map == 0"))
    figure = charts.accuracy_vs_ber(one, {})
    assert not bands(figure)
    assert "no interval" in lines(figure)[0].text[0]


def test_curves_differ_in_colour_dash_and_symbol_and_keep_them_when_one_is_missing():
    both = stats.curve(pd.concat([faulty(), faulty("fp32")]))
    order = [(NAME, "int8"), (NAME, "fp32")]
    int8, fp32 = (t for t in lines(charts.accuracy_vs_ber(both, {}, order)) if t.showlegend)
    assert (int8.name, fp32.name) == ("int8", "fp32")
    assert int8.line.color != fp32.line.color
    assert int8.line.dash != fp32.line.dash
    assert int8.marker.symbol != fp32.marker.symbol
    alone = lines(charts.accuracy_vs_ber(stats.curve(faulty("fp32")), {}, order))[0]
    assert alone.line.color == fp32.line.color


def test_an_attack_curve_is_linear_in_255ths_with_the_wilson_band():
    curve = stats.curve(attacked(), "eps")
    figure = charts.accuracy_vs_eps(curve, {})
    assert lines(figure)[0].x == (0.0, 2.0, 8.0)
    assert figure.layout.xaxis.type is None
    assert bands(figure)[0].y[0] == pytest.approx(stats.wilson(0.9, 100)[1])


def test_probabilities_are_one_bar_per_class_solid_before_and_hatched_after():
    figure = charts.CHARTS["probabilities"].draw(
        ("stop", "yield"), np.array([0.9, 0.1]), np.array([0.2, 0.8]), 0
    )
    before, after, labels = figure.data
    assert before.x == (0.9, 0.1)
    assert after.x == (0.2, 0.8)
    assert (before.marker.pattern.shape, after.marker.pattern.shape) == ("", "/")
    assert before.y[0] == "<b>stop</b>"
    assert "90.0 → 20.0 %" in labels.text[0]


def test_of_many_classes_the_ten_likeliest_are_shown():
    before = np.linspace(0, 1, 43)
    figure = charts.CHARTS["probabilities"].draw([f"class {i}" for i in range(43)], before)
    assert list(figure.data[0].y) == [f"class {i}" for i in range(33, 43)]


def test_an_answer_that_is_no_number_has_no_bars():
    figure = charts.CHARTS["probabilities"].draw(("a", "b"), np.array([1.0, 0.0]), np.full(2, np.nan))
    assert figure.data[1].x == (0.0, 0.0)


def test_a_weight_far_outside_its_layer_is_named_at_the_edge():
    edges = np.linspace(-1, 1, 5)
    figure = charts.CHARTS["weight"].draw(edges, np.array([1, 5, 4, 0]), 0.25, 1.7e38)
    assert [s.x0 for s in figure.layout.shapes] == [0.25]
    assert [a.text for a in figure.layout.annotations] == ["<b>before 0.25</b>", "<b>after 1.7·10³⁸ →</b>"]


@pytest.mark.parametrize("name", charts.CHARTS)
def test_every_chart_says_how_to_read_it(name):
    chart = charts.CHARTS[name]
    assert chart.title
    assert chart.caption.endswith(".")


@pytest.mark.parametrize(
    ("before", "after", "flipped", "kind", "headline"),
    [
        ([0.99, 0.01], [0.29, 0.71], True, "wrong", "stop → yield"),
        ([0.991, 0.009], [0.987, 0.013], True, "same", "still stop"),
        ([0.991, 0.009], [np.nan, np.nan], True, "none", "stop → no answer"),
        ([0.991, 0.009], [0.991, 0.009], False, "same", "stop"),
    ],
)
def test_a_verdict_says_what_became_of_the_answer(before, after, flipped, kind, headline):
    said = sentences.verdict(("stop", "yield"), np.array(before), np.array(after), 0, flipped)
    assert (said.kind, said.headline) == (kind, headline)
    assert "The picture shows: stop." in said.detail or kind == "none"


def test_a_verdict_holds_the_numbers():
    said = sentences.verdict(("stop", "yield"), np.array([0.99, 0.01]), np.array([0.29, 0.71]), 0, True)
    assert said.detail.replace(numbers.THIN, " ").startswith("71.0 % sure; stop fell 99.0 % → 29.0 %")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([255 / 256, 1 / 256], [255 / 256, 0.0], "the next has 0.4 % → 0.0 %, and a share of 0 tells no"),
        ([0.0, 0.0], [0.5, 0.5], "the next has 0.0 % → 50.0 %, and a share of 0 tells no"),
        ([0.9, 0.1], [0.8, 0.2], "lead over the next 2.2 → 1.4 logits"),
    ],
)
def test_a_share_of_zero_tells_no_lead_in_logits(before, after, told):
    """An int8 softmax answers in steps of 1/256, so its least share is 0, of which no logit is known."""
    said = sentences.verdict(("stop", "yield"), np.array(before), np.array(after), 0, True)
    assert told in said.detail.replace(numbers.THIN, " ")
    assert "708" not in said.detail


def test_stored_rows_answer_on_however_many_images_and_measured_ones_on_those_asked_for():
    frame = pd.concat([faulty(n=100), faulty(n=200)])
    assert set(select_rows.select_rows(frame, SweepSpec(NAME, n=100), "ber")["n"]) == {100, 200}
    assert set(select_rows.select_rows(frame, SweepSpec(NAME, n=100), "ber", measured=True)["n"]) == {100}
    assert select_rows.select_rows(frame, SweepSpec(NAME, encoding="fp32"), "ber").empty


def test_a_cancelled_measurement_does_not_hide_a_whole_stored_one():
    stored, live = faulty(), faulty(n=50).iloc[:2]
    spec = SweepSpec(NAME, n=50)
    after = select_rows.together(stored, live, [spec], "ber")[0]
    assert set(after[after["ber"] > 0]["n"]) == {100}, "of its rates one map of ten was measured"
    now = select_rows.together(stored, live, [spec], "ber", running=True)[0]
    measured = set(live["ber"])
    assert set(now[now["ber"].isin(measured)]["n"]) == {50}
    assert set(now[~now["ber"].isin(measured)]["n"]) == {100}, "what is not measured yet stays as stored"


def test_specs_without_rows_are_named():
    specs = [SweepSpec(NAME), SweepSpec(NAME, encoding="fp32")]
    assert select_rows.together(faulty(), faulty().iloc[:0], specs, "ber")[1] == specs[1:]


def test_a_finding_says_where_a_curve_begins_and_ends():
    said = sentences.finding(stats.curve(faulty()), "ber").replace(numbers.THIN, " ")
    curve = stats.curve(faulty())
    clean, last = (
        f"{100 * line['mean']:.1f} % ({100 * line['low']:.1f} to {100 * line['high']:.1f})"
        for line in (curve.iloc[0], curve.iloc[-1])
    )
    assert said == f"{NAME} in int8: {clean} without faults, {last} at BER 10⁻²."
    assert clean.startswith("90.0 % (")
    assert last.startswith("20.0 % (")


def test_areas_say_that_near_ones_are_not_told_apart():
    line = {
        **{"checkpoint": NAME, "encoding": "int8", "bers": (1e-3, 1e-2), "budgets": (0.0, 8.0)},
        **{"faults": 0.5, "attack": 0.2, "clean": 0.9, "steps": 20, "restarts": 1, "n": 9, "seed": 0},
        **{"weights": "a" * 16, "clean_n": 2000},
    }
    assert "near ones are not told apart" in sentences.areas(line)
    assert "upper bound" in sentences.areas(line)
    assert "near ones are not told apart" in sentences.shields(pd.DataFrame([line]))
    assert all("not told apart" in charts.CHARTS[name].caption for name in ("shields", "pareto"))


def test_the_corners_of_a_map_have_their_intervals():
    cells = tradeoff.cells(pd.concat([faulty(), attacked()]), "transfer")
    said = sentences.corners(cells).replace(numbers.THIN, " ")
    assert len(re.findall(r"\d\.\d % \(\d+\.\d to \d+\.\d\)", said)) == said.count("BER ")


@pytest.mark.parametrize("name", bit_view.ENCODINGS)
def test_the_fields_of_a_word_are_all_its_bits_once(name):
    encoding = Encoding.parse(name)
    bits = [bit for field in bit_view.fields(encoding) for bit in field.bits]
    assert sorted(bits) == list(range(encoding.word_bits))


def test_a_protected_word_shows_its_copies_apart():
    kinds = [(field.kind, field.bits) for field in bit_view.fields(Encoding.parse("int4-tmr2"))]
    assert kinds == [("code", (3, 2, 1, 0)), ("copy", (5, 4)), ("copy", (7, 6))]


def test_in_floating_point_the_digits_flip_the_exponent_and_the_sign():
    keys = bit_view.keys(Encoding.parse("fp32"))
    assert (keys[23], keys[30], keys[31]) == ("0", "7", "8")
    assert 0 not in keys


def test_a_surface_draws_a_line_at_the_threshold_hatches_what_was_not_run_and_frames_the_chosen_cell():
    cells = tradeoff.cells(pd.concat([faulty(), attacked()]), "transfer")
    figure = charts.CHARTS["surface"].draw(cells, (1e-3, 2.0), 0.45)
    under, border, hatch, frame = figure.layout.shapes
    assert under.path == border.path  # dark below white, to be seen on every tile
    # Clean at 0, 2, 8: 90, 50, 10 %, so the line runs between eps 2 and 8; down, between 70 and 20 %.
    assert border.path == "M1.5,-0.5L1.5,0.5 M-0.5,1.5L0.5,1.5"
    assert hatch.path.count("M") == 4 * 8, "two rates at two budgets were not run"
    assert (frame.x0, frame.y0) == (0.5, 0.5)
    assert "not run" in figure.data[-1].text[4]
    assert figure.data[-1].customdata[4] == [1e-3, 2.0]


def test_a_landscape_names_its_rates_by_powers_of_ten_alone():
    five = table.frame([row(ber=5e-3, map=m, correct=40) for m in (0, 1)])
    cells = tradeoff.cells(pd.concat([faulty(), five, attacked()]), "transfer")
    axis = charts.CHARTS["relief"].draw(cells).layout.scene.yaxis
    bers, _, _ = tradeoff.grid(cells)
    named = {bers[j]: text for j, text in zip(axis.tickvals, axis.ticktext, strict=True)}
    assert named == {ber: numbers.power(ber) for ber in bers if "·" not in numbers.power(ber)}
    assert len(named) < len(bers)
    assert "tiles" not in charts.CHARTS["relief"].caption


def trace(figure, name):
    """The trace of that name."""
    return next(t for t in figure.data if t.name == name)


def test_arrows_lead_from_the_base_to_each_of_its_variants():
    base = {
        "encoding": "int8",
        "seed": 0,
        "weights": "a" * 16,
        "bers": (1e-3, 1e-2),
        "budgets": (0.0, 8.0),
        "n": 9,
        "steps": 20,
        "restarts": 1,
    }
    lines = [
        {
            **base,
            "checkpoint": f"signs/resnet20/{variant}",
            "faults": f,
            "attack": a,
            "clean": 0.9,
            "clean_n": 100,
            "megabytes": 1,
        }
        for variant, f, a in (("base", 0.2, 0.1), ("fault", 0.8, 0.3))
    ]
    arrows = trace(charts.CHARTS["shields"].draw(pd.DataFrame(lines)), "arrows")
    assert (arrows.x, arrows.y) == ((0.2, 0.8, None), (0.1, 0.3, None))
    joined = charts.CHARTS["pareto"].draw(pd.DataFrame(lines), "attack").data[0]
    assert joined.y == (0.3,), "the base is beaten in one and equalled in the other"
    lines[1]["megabytes"] = float("nan")  # its weights are not on this machine
    assert trace(charts.CHARTS["pareto"].draw(pd.DataFrame(lines)), "models").marker.size == (20.0, 9.0)


def test_arrows_of_a_study_lead_from_the_mean_of_its_own_unshielded_seeds():
    base = {
        "encoding": "int8",
        "seed": 0,
        "weights": "a" * 16,
        "bers": (1e-3, 1e-2),
        "budgets": (0.0, 8.0),
        "n": 9,
        "steps": 20,
        "restarts": 1,
    }
    places = {
        "base": (0.1, 0.1), "asym-00-s1": (0.2, 0.2), "asym-00-s2": (0.4, 0.2), "asym-f-s1": (0.8, 0.3),
        "asym-f-s2": (0.6, 0.3),
    }  # fmt: skip
    lines = [
        {
            **base,
            "checkpoint": f"signs/resnet20/{variant}",
            "faults": f,
            "attack": a,
            "clean": 0.9,
            "clean_n": 9,
        }
        for variant, (f, a) in places.items()
    ]
    figure = charts.CHARTS["shields"].draw(pd.DataFrame(lines))
    arrows = trace(figure, "arrows")
    assert (arrows.x[:2], arrows.y[:2]) == (pytest.approx((0.3, 0.7)), pytest.approx((0.2, 0.3)))
    assert len(arrows.x) == 3, "the base has its study's arrow alone"
    assert list(trace(figure, "models").customdata) == ["base", "00", "f"]
    assert trace(figure, "seeds").x == (0.2, 0.4, 0.8, 0.6)


def test_a_network_in_other_words_is_compared_with_the_base_as_well():
    base = {"seed": 0, "weights": "a" * 16, "bers": (1e-3, 1e-2), "budgets": (0.0, 8.0), "n": 9, "clean": 0.9,
            "clean_n": 9, "steps": 20, "restarts": 1}  # fmt: skip
    lines = [
        {**base, "checkpoint": f"signs/resnet20/{variant}", "encoding": enc, "faults": f, "attack": f}
        for variant, enc, f in (("base", "int8", 0.1), ("fault", "int8", 0.2), ("plus", "int4-tmr2", 0.8))
    ]
    figure = charts.CHARTS["shields"].draw(pd.DataFrame(lines))
    assert trace(figure, "arrows").x == (0.1, 0.2, None, 0.1, 0.8, None)
    assert list(trace(figure, "models").text) == ["base", "fault", "plus"]


def _arrow(attacks, faults, together):
    """What a model changes of R_A and of R_F, each (mean, low, high)."""
    areas = {
        area: dict(zip(("mean", "low", "high"), v, strict=True))
        for area, v in (("R_A", attacks), ("R_F", faults))
    }
    return {**areas, "seeds": 5, "together": together}


def test_an_ellipses_shadows_are_the_intervals_and_its_tilt_how_their_noise_goes_together():
    against_attacks = _arrow((0.3, 0.2, 0.4), (0.1, 0.0, 0.2), 0.6)
    against_faults = _arrow((0.0, -0.1, 0.1), (0.2, 0.1, 0.3), 0.0)
    figure = charts.gains({"signs": {"a": against_attacks, "f": against_faults}})
    drawn = {t.name: t for t in figure.data}
    a, f = (np.array([drawn[f"95 % of {m}"].x, drawn[f"95 % of {m}"].y]) for m in "AF")
    for points, (low, high) in (
        (a[0], (0.2, 0.4)),
        (a[1], (0, 0.2)),
        (f[0], (-0.1, 0.1)),
        (f[1], (0.1, 0.3)),
    ):
        assert (points.min(), points.max()) == pytest.approx((low, high), abs=2e-3)
    right = a[1][a[0].argmax()]
    assert right == pytest.approx(0.1 + 0.6 * 0.1, abs=2e-3)  # furthest right, it is up by the correlation
    assert drawn["A of signs"].x == (0, 0.3)
    assert drawn["F of signs"].y == (0, 0.2)
    assert "hardened against faults (F):<br>R_A +0.000 (95 % −0.100 to" in drawn["F of signs"].hovertext[1]


def test_a_further_network_is_an_arrow_with_its_name():
    area = (0.3, 0.2, 0.4)
    drawn = {t.name: t for t in charts.gains({"signs": {"flat": _arrow(area, area, 0.0)}}).data}
    assert drawn["flat of signs"].x == (0, 0.3)
    assert drawn["flat of signs"].text == ("", "flat")
    assert max(drawn["95 % of flat"].y) == pytest.approx(0.4, abs=2e-3)


def test_a_study_of_one_seed_has_arrows_and_no_ellipse():
    study = {"a": _arrow((0.1, None, None), (0.1, None, None), None)}
    figure = charts.gains({"cifar10": study})
    assert not bands(figure)
    assert "one seed, no interval" in asymmetry_sentences.gains({"cifar10": study})


def test_lambda_is_told_with_its_interval_or_why_there_is_none():
    effects = {"Lambda": {"mean": 0.5, "low": -0.1, "high": 1.1}, "seeds": 5, "over": "5 seeds"}
    told = asymmetry_sentences.asymmetry(
        {"effects": effects, "verdict": "undecided", "meaning": "too few seeds"}
    )
    assert told == "Lambda +0.50 (95 % −0.10 to +1.10 over 5 seeds): **undecided**. Too few seeds."
    # Of one seed the effects are told: D_F is next to nothing, and Lambda a share of it.
    gains = {"X_FA": 0.037, "D_A": 0.188, "X_AF": -0.266, "D_F": 0.002, "Lambda": 136.0}
    alone = {name: {"mean": value, "low": None, "high": None} for name, value in gains.items()}
    study = {"encoding": "int8", "n": 500, "maps": 5, "steps": 10}
    means = {"00": {"clean": 0.904}, "a": {"clean": 0.684}}
    said = {"verdict": "descriptive", "meaning": "x", "study": study, "means": means}
    told = asymmetry_sentences.asymmetry({"effects": {**alone, "seeds": 1}, **said})
    on = "int8 on the first 500 test images, 5 fault maps of independent bits, PGD of 10 steps"
    assert f"One seed, no interval ({on}" in told
    assert "from 90.4\u202f% to 68.4\u202f%" in told
    assert "R_A moves by +0.037" in told
    assert "R_F by −0.266 (against faults: +0.002)" in told
    assert "136" not in told
    open_gain = {"mean": 0.01, "low": -0.01, "high": 0.03}
    clear = {"mean": 0.2, "low": 0.1, "high": 0.3}
    none = {"mean": None, "low": None, "high": None}
    undefined = {
        "D_A": clear,
        "D_F": open_gain,
        "Delta": open_gain,
        "Lambda": none,
        "seeds": 15,
        "over": "seeds",
    }
    told = asymmetry_sentences.asymmetry({"effects": undefined, **said})
    assert f"undefined (15 seeds; {on}" in told


@pytest.mark.parametrize("pair", list(itertools.combinations(theme.SERIES, 2)))
def test_two_series_differ_to_eyes_without_green_cones(pair):
    one, two = (deuteranope(colour) for colour in pair)
    # Distance in CIELAB, of which 2.3 is just noticeable; dash and symbol differ as well (theme.style).
    assert np.linalg.norm(one - two) >= 20


@pytest.mark.parametrize("colour", theme.SERIES)
@pytest.mark.parametrize("background", ["#FFFFFF", "#12161D"])
def test_a_series_has_a_contrast_of_three_on_light_and_on_dark(colour, background):
    low, high = sorted(luminance(c) for c in (colour, background))
    assert (high + 0.05) / (low + 0.05) >= 3


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def deuteranope(colour: str) -> np.ndarray:
    """CIELAB of a colour as seen without green cones (Machado et al. 2009, severity 1)."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    )
    linear = np.clip(seen @ linear, 0, 1)
    rgb_to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = rgb_to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_a_label_stands_where_it_is_whole_and_encodings_are_told_by_shape():
    base = {"seed": 0, "weights": "a" * 16, "bers": (1e-3, 1e-2), "budgets": (0.0, 8.0), "n": 9, "clean": 0.9,
            "clean_n": 9, "steps": 20, "restarts": 1}  # fmt: skip
    lines = [
        {**base, "checkpoint": f"signs/resnet20/{variant}", "encoding": enc, "faults": f, "attack": a}
        for variant, enc, f, a in (
            ("base", "int8", 0.1, 0.1), ("base", "int4-tmr2", 0.9, 0.1),
            ("attack-fault", "int4-tmr2", 0.9, 0.8),
        )
    ]  # fmt: skip
    figure = charts.CHARTS["shields"].draw(pd.DataFrame(lines))
    dots = trace(figure, "models")
    assert list(dots.customdata) == ["base · int8", "base · int4-tmr2", "attack-fault"]
    assert dots.text == ("base", "base", "attack-fault")
    assert dots.textposition[2] == "middle left", "at the right edge it would be cut off"
    assert dots.marker.symbol == ("diamond", "square", "square")
    assert [trace(figure, name).marker.symbol for name in ("int8", "int4-tmr2")] == ["diamond", "square"]


def test_a_legend_says_a_long_encoding_in_words_and_hovering_its_exact_name():
    mixed = "int8+int4-tmr2@0-2.4"
    rows = [
        row(encoding=name, ber=ber, map=m) for name in ("int8", mixed) for ber in (0, 1e-2) for m in (0, 1)
    ]
    figure = charts.CHARTS["ber"].draw(stats.curve(table.frame(rows)), {})
    named = [trace for trace in figure.data if trace.name == "int8, 4 layers protected"]
    assert named
    assert any(mixed in str(text) for trace in named for text in (trace.hovertext or trace.text or ()))


def test_encodings_that_would_read_alike_keep_their_exact_names():
    alike = ["int8+int4-tmr2@0", "int8+int4-tmr2@1", "int8+int4-tmr2@0-1"]
    assert list(encodings.told_apart(alike).values()) == [*alike[:2], "int8, 2 layers protected"]


def test_a_table_says_encodings_in_words_and_their_exact_names_in_a_column_of_its_own():
    mixed = "int8+int4-tmr2@0-2.4"
    rows = [row(encoding=name, ber=1e-2, map=m) for name in ("int8", mixed) for m in (0, 1)]
    shown = tables.curves(stats.curve(table.frame(rows)), "ber")
    assert set(shown["stored as"]) == {"int8", "int8, 4 layers protected"}
    assert set(shown["exact name"]) == {"int8", mixed}
    plain = tables.curves(stats.curve(table.frame(rows[:2])), "ber")
    assert "exact name" not in plain, "it would say the same twice"
