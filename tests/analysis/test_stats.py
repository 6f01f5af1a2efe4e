"""Rows to curves: means over maps, intervals over maps, intervals over images."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats as distributions

from resq.measure.analysis import choose, intervals, stats
from resq.measure.specs.version import NUMBERS
from resq.measure.store import table


def row(**changed):
    given = {
        "checkpoint": "a/b/c", "network": "b", "data": "a", "encoding": "int8", "fault": "random",
        "region": "all", "axis": "ber", "ber": 0.0, "map": 0, "flips": 0, "attack": "none", "eps": 0.0,
        "steps": 0, "restarts": 0, "seed": 0, "n": 100, "correct": 90, "due": 0, "weights": "w",
        "images": "i", "code": "c",
    }  # fmt: skip
    return {**given, **changed}


@pytest.fixture
def rows():
    faulty = [row(ber=0.01, map=m, correct=c, flips=8) for m, c in enumerate([50, 60, 70])]
    return table.frame(
        [row(), *faulty, row(axis="eps", attack="pgd", eps=8.0, steps=20, restarts=1, correct=5)]
    )


def test_a_curve_has_one_line_per_rate_with_the_mean_over_maps(rows):
    curve = stats.curve(rows, "ber")
    assert curve["x"].tolist() == [0.0, 0.01]
    assert curve["mean"].tolist() == [0.9, pytest.approx(0.6)]
    assert curve["maps"].tolist() == [1, 3]
    assert curve["least"].tolist() == [0.9, 0.5]
    assert curve["flips"].tolist() == [0, 8]


def test_nothing_is_random_at_ber_0_so_the_interval_over_maps_has_no_width_and_that_over_images_is_all(rows):
    clean = stats.curve(rows, "ber").iloc[0]
    assert clean["map_low"] == clean["mean"] == clean["map_high"]
    assert (clean["low"], clean["high"]) == pytest.approx((clean["image_low"], clean["image_high"]))
    assert clean["image_low"] < clean["mean"] < clean["image_high"]


def test_the_interval_that_is_shown_is_never_narrower_than_that_over_maps_or_over_images_alone():
    lines = pd.concat([stats.curve(table.shipped(), axis) for axis in ("ber", "eps", "joint")])
    lines = lines.dropna(subset=["low"])
    assert len(lines) > 500
    for source in ("map", "image"):
        assert (lines["low"] <= lines[f"{source}_low"] + 1e-9).all()
        assert (lines["high"] >= lines[f"{source}_high"] - 1e-9).all()


def test_maps_drawn_at_another_rate_are_other_maps():
    drawn = [row(ber=0.01, map=m, top=top, correct=c) for top, c in ((0.05, 80), (0.1, 60)) for m in (0, 1)]
    lines = stats.curve(table.frame(drawn))
    assert lines[["top", "mean", "maps"]].to_numpy().tolist() == [[0.05, 0.8, 2], [0.1, 0.6, 2]]


def test_one_map_alone_says_nothing_about_other_maps():
    line = stats.curve(table.frame([row(ber=0.01)]), "ber").iloc[0]
    assert np.isnan(line["low"])
    assert np.isnan(line["high"])


def test_the_attack_axis_has_its_own_curve(rows):
    curve = stats.curve(rows, "eps")
    assert curve[["x", "mean", "attack", "steps"]].to_numpy().tolist() == [[8.0, 0.05, "pgd", 20]]


def test_no_rows_give_an_empty_curve_with_the_same_columns(rows):
    empty = stats.curve(table.frame([]), "ber")
    assert empty.empty
    assert set(empty.columns) == set(stats.curve(rows, "ber").columns)


def test_the_t_interval_is_scipys():
    values = np.array([0.5, 0.55, 0.7, 0.62])
    expected = distributions.t.interval(0.95, 3, values.mean(), distributions.sem(values))
    assert stats.t_interval(values) == pytest.approx(expected)


def test_the_wilson_interval_is_scipys():
    expected = distributions.binomtest(37, 50).proportion_ci(0.95, method="wilson")
    assert stats.wilson(37 / 50, 50) == pytest.approx((expected.low, expected.high))


def test_the_t_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = np.clip(rng.normal(0.6, 0.05, (2000, 10)), 0, 1)
    inside = np.mean([low <= 0.6 <= high for low, high in map(stats.t_interval, samples)])
    assert inside == pytest.approx(0.95, abs=0.015)


def test_a_table_survives_parquet_and_a_missing_column_is_named(rows, tmp_path):
    table.write(rows, tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(table.read(tmp_path / "rows.parquet"), rows)
    rows.drop(columns="flips").to_parquet(tmp_path / "less.parquet")
    with pytest.raises(ValueError, match=r"less.parquet lacks the columns flips"):
        table.read(tmp_path / "less.parquet")
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"text.parquet is not a readable parquet file"):
        table.read(tmp_path / "text.parquet")


def test_the_shipped_rows_are_of_weights_with_a_card_and_name_their_seed_and_hashes():
    from resq import checkpoints

    shipped = table.shipped()
    if shipped.empty:
        pytest.skip("no rows in assets/results")
    for name, part in shipped.groupby("checkpoint"):
        assert part["weights"].str.fullmatch("[0-9a-f]{16}").all()
        # Of a study only the first seed is shipped, and of one with large networks none.
        first = name.startswith("signs/") and name.endswith("-s10")
        if re.search(r"/asym-\w+-s\d+$", name) and not first:
            continue
        # The network in the middle of hardening is not shipped where it is large: what went on from it
        # names it.
        absent = checkpoints.unshipped()
        if name == "cifar10/resnet18/attack":
            absent[name] = checkpoints.card("cifar10/resnet18/plus")["base"]
        card = absent.get(name) or checkpoints.card(name)
        assert (card["name"], {card["sha256"][:16]}) == (name, set(part["weights"]))
    assert (shipped["correct"] <= shipped["n"]).all()
    assert shipped[["images", "code"]].apply(lambda c: c.str.fullmatch("[0-9a-f]{16}")).all(axis=None)


def test_one_question_has_one_answer_the_one_whose_images_and_maps_tell_most():
    spread = (840, 860, 850)
    few = [row(ber=0.01, map=m, n=200, correct=spread[m % 3] // 5) for m in range(30)]
    many = [row(ber=0.01, map=m, n=1000, correct=spread[m % 3], images="j") for m in range(9)]
    thin = [row(ber=0.01, map=m, n=2000, correct=c, images="k") for m, c in enumerate((1690, 1710))]
    kept = stats.longest_series(stats.curve(table.frame([*few, *many, *thin])))
    assert kept[["n", "maps", "mean"]].to_numpy().tolist() == [[1000, 9, 0.85]]


def test_a_cell_that_came_out_near_the_end_does_not_speak_for_it():
    """Its own interval is narrower, since fewer images are in doubt there; so more images and maps decide."""
    high = [row(ber=0.01, map=m, n=500, correct=495, top=0.05) for m in range(6)]
    more = [row(ber=0.01, map=m, n=500, correct=c, top=0.1) for m, c in enumerate((400, 410, 420, 430) * 5)]
    lines = stats.curve(table.frame([*high, *more]))
    width = (lines["high"] - lines["low"]).to_numpy()
    assert width[0] < width[1]
    assert stats.longest_series(lines)[["maps", "mean"]].to_numpy().tolist() == [[20, pytest.approx(0.83)]]


def test_the_whole_test_split_speaks_where_it_was_measured_whatever_the_interval():
    narrow = [row(ber=0.01, map=m, n=1000, correct=990, data="cifar10") for m in range(9)]
    whole = [row(ber=0.01, map=m, n=10_000, correct=c, data="cifar10") for m, c in enumerate((8000, 8300))]
    kept = stats.longest_series(stats.curve(table.frame([*narrow, *whole])))
    assert kept["n"].tolist() == [10_000]


def test_without_flips_one_answer_stands_for_all_fault_models():
    clean = [row(fault="random", n=10_000, correct=9310), row(fault="sec-ded", n=500, correct=467)]
    kept = stats.longest_series(stats.curve(table.frame([*clean, row(fault="sec-ded", ber=0.01, n=500)])))
    assert kept.loc[kept["x"] == 0, ["fault", "n"]].to_numpy().tolist() == [
        ["random", 10_000],
        ["sec-ded", 10_000],
    ]
    found = choose.rows_of(table.frame([*clean, row(fault="sec-ded", ber=0.01, n=500)]), kept, "ber")
    assert found[["ber", "n"]].to_numpy().tolist() == [[0.0, 10_000], [0.01, 500]]


def test_no_question_that_the_shipped_rows_answer_has_two_answers():
    rows = table.shipped()
    for axis in ("ber", "eps"):
        lines = stats.longest_series(stats.curve(rows, axis))
        assert not lines.duplicated([name for name in choose.QUESTION if name in lines]).any()
        assert len(choose.rows_of(rows, lines, axis))


def test_of_a_series_measured_twice_the_one_on_the_most_images_is_foremost():
    few, many = ([row(ber=x, n=n, correct=n // 2) for x in (0.0, 0.01)] for n in (100, 400))
    other = [row(ber=x, encoding="int4") for x in (0.0, 0.01)]
    kept = stats.longest_series(stats.curve(table.frame([*many, *few, *other])))
    assert sorted(zip(kept["encoding"], kept["x"], kept["n"], strict=True)) == [
        ("int4", 0.0, 100), ("int4", 0.01, 100), ("int8", 0.0, 400), ("int8", 0.01, 400),
    ]  # fmt: skip


def test_code_edited_between_two_halves_of_a_campaign_splits_no_curve():
    halves = [row(ber=0.01, map=m, correct=50 + m, code="before" if m < 2 else "after") for m in range(4)]
    curve = stats.curve(table.frame(halves))
    assert curve["maps"].tolist() == [4]
    assert curve["mean"].tolist() == [pytest.approx(0.515)]
    assert curve["code"].tolist() == ["after, before"]
    assert len(stats.longest_series(curve)) == 1


def test_rows_of_other_numbers_are_other_curves():
    rows = [row(ber=0.01, map=m, numbers=numbers) for m in range(2) for numbers in ("0", NUMBERS)]
    assert stats.curve(table.frame(rows))["maps"].tolist() == [2, 2]


def test_the_rate_that_maps_were_drawn_at_tells_lines_apart():
    rows = [row(ber=0.01, top=top, map=m, correct=c) for top, c in ((0.01, 40), (0.1, 95)) for m in range(3)]
    curve = stats.curve(table.frame([row(), *rows]))
    assert curve["maps"].tolist() == [1, 3, 3]
    # Of as many images and maps the line speaks whose maps were drawn at the higher rate, whatever it found.
    assert stats.longest_series(curve)["mean"].tolist() == [0.9, pytest.approx(0.95)]


COUNTED = [("sdc1", [3, 5, 10]), ("due", [1, 2, 6]), ("sdc20", [0, 0, 9])]


@pytest.mark.parametrize(("metric", "counts"), COUNTED)
def test_sdc_and_due_are_curves_with_both_intervals_and_the_worst_map_has_most(metric, counts):
    rows = [row(ber=0.01, map=m, **{metric: count}) for m, count in enumerate(counts)]
    line = stats.curve(table.frame(rows), metric=metric).iloc[0]
    assert line["mean"] == pytest.approx(np.mean(counts) / 100)
    assert line["least"] == max(counts) / 100
    assert line["low"] <= line["mean"] <= line["high"]
    assert line["image_low"] < line["mean"] < line["image_high"]
    assert (line["map_low"], line["map_high"]) == stats.t_interval(np.array(counts) / 100)


def test_rows_in_which_sdc_was_not_counted_are_in_no_curve_of_it():
    rows = table.frame([row(ber=0.01, map=0), row(ber=0.01, map=1, sdc1=4)])
    assert stats.curve(rows, metric="sdc1")[["mean", "maps"]].to_numpy().tolist() == [[0.04, 1]]
    assert stats.curve(rows)["maps"].tolist() == [2]


def test_a_metric_that_is_not_counted_is_refused_by_name():
    with pytest.raises(ValueError, match="no metric 'f1'; known: accuracy, due, sdc1"):
        stats.curve(table.frame([row()]), metric="f1")


@pytest.mark.parametrize("metric", ["accuracy", "due"])
def test_points_summed_up_together_say_what_each_ones_rows_say_alone(metric):
    """The shipped rows, point by point: one with few maps must not take numbers from its neighbours."""
    rows = table.shipped()
    lines = pd.concat([stats.curve(rows, axis, metric).assign(axis=axis) for axis in ("ber", "eps")])
    assert len(lines) > 1000
    for line in lines.sample(60, random_state=3).to_dict("records"):
        same = (
            (rows["axis"] == line["axis"]) & (rows[line["axis"]] == line["x"]) & (rows["top"] == line["top"])
        )
        for key in stats.KEYS:
            same &= rows[key] == line[key]
        part = rows[same]
        shares = (part[stats.METRICS[metric]] / part["n"]).to_numpy(float)
        exact = line["axis"] == "eps" or line["x"] == 0
        mean = float(shares.mean())
        maps = (mean, mean) if exact else stats.t_interval(shares)
        assert line["sample"] == "first"  # of random images see test_drawn_images.py
        joined = intervals.both(mean, maps, stats.wilson(mean, int(part["n"].iloc[0])))
        assert (line["mean"], line["maps"], line["map_low"]) == pytest.approx(
            (mean, len(part), maps[0]), nan_ok=True
        )
        assert (line["low"], line["high"]) == pytest.approx(joined, nan_ok=True)
        assert line["q50"] == pytest.approx(np.median(shares))
        assert line["code"] == ", ".join(sorted(set(part["code"])))


def test_the_interval_of_a_card_counts_its_maps_and_where_only_the_worst_is_kept_is_as_wide_as_can_be():
    counts = [200, 210, 220, 230]
    kept = {"mean": 0.5375, "least": 0.5, "maps": 4, "correct": counts}
    maps = stats.t_interval(np.array(counts) / 400)
    assert intervals.of_looks(kept, 400) == pytest.approx(
        intervals.both(0.5375, maps, stats.wilson(0.5375, 400))
    )
    less = {key: kept[key] for key in ("mean", "least", "maps")}
    low, high = intervals.of_looks(less, 400)
    assert low < intervals.of_looks(kept, 400)[0]
    assert high > intervals.of_looks(kept, 400)[1]


@pytest.mark.parametrize("seed", range(20))
def test_no_accuracies_with_a_mean_and_a_least_vary_more_than_the_widest(seed):
    rng = np.random.default_rng(seed)
    maps = rng.uniform(rng.uniform(0, 0.9), 1, rng.integers(2, 8))
    widest = intervals.widest(maps.mean(), maps.min(), len(maps))
    assert (widest.mean(), widest.min(), len(widest)) == pytest.approx((maps.mean(), maps.min(), len(maps)))
    assert widest.std() >= maps.std() - 1e-9
