"""Images drawn anew for each map from one test set: intervals that hold for others, and what is said."""

import numpy as np
import pandas as pd
import pytest

import resq
from dashboard.format import sentences
from resq import data
from resq.claims import methods, points
from resq.measure.analysis import choose, drawn_images, intervals, stats, stopping_rule
from resq.measure.store import table
from resq.protect import at_rate
from tests.analysis.test_stats import row

REPLICATIONS = 200
# Images of the test set, of a map, maps, mean accuracy, spread of maps; fixed before the first run.
SETTINGS = [
    ("signs", 4000, 20, 0.9, 0.005),
    ("signs", 2000, 20, 0.9, 0.005),
    ("signs", 500, 40, 0.9, 0.005),
    ("signs", 100, 200, 0.9, 0.005),
    ("signs", 50, 20, 0.9, 0.0),
    ("signs", 50, 20, 0.99, 0.0),
    ("cifar10", 500, 60, 0.6, 0.02),
]


def _counts(rng: np.random.Generator, whole: int, n: int, maps: int, mean: float, spread: float) -> list[int]:
    """Right answers of each map on its own n of one test set, whose images are of unlike difficulty."""
    share = rng.beta(0.2 * mean, 0.2 * (1 - mean), whole)
    clean = rng.random(whole) < share
    counts = []
    for effect in spread * rng.standard_normal(maps):
        seen = rng.permutation(whole)[:n]
        # Without flips a network answers an image always alike.
        right = clean[seen] if not spread else rng.random(n) < np.clip(share[seen] + effect, 0, 1)
        counts.append(int(right.sum()))
    return counts


def _truth(rng: np.random.Generator, mean: float, spread: float) -> float:
    share = rng.beta(0.2 * mean, 0.2 * (1 - mean), 10**6)
    return float(np.clip(share + spread * rng.standard_normal(10**6), 0, 1).mean()) if spread else mean


@pytest.mark.parametrize(("name", "n", "maps", "mean", "spread"), SETTINGS)
def test_the_interval_over_maps_and_images_holds_the_accuracy_on_all_other_images(
    name, n, maps, mean, spread
):
    rng, whole = np.random.default_rng(0), drawn_images.WHOLE[name]
    each = [_counts(rng, whole, n, maps, mean, spread) for _ in range(REPLICATIONS)]
    ber = 0.01 if spread else 0.0
    rows = [
        row(checkpoint=f"{i:03}", data=name, ber=ber, n=n, map=m, correct=count, sample="random")
        for i, counts in enumerate(each)
        for m, count in enumerate(counts)
    ]
    lines = stats.curve(table.frame(rows))
    truth = _truth(rng, mean, spread)
    assert ((lines["low"] <= truth) & (truth <= lines["high"])).mean() >= 0.94
    # No wider than what the means really scatter by would ask for, but for what Wilson's is cautious by.
    assert (lines["high"] - lines["low"]).mean() / 2 <= 1.3 * 1.96 * lines["mean"].std()
    shares = np.array(each) / n
    ruled = [intervals.drawn(own.mean(), stopping_rule.interval(list(own)), n, maps, whole) for own in shares]
    assert np.mean([low <= truth <= high for low, high in ruled]) >= 0.94


def test_on_all_images_drawn_anew_the_interval_is_that_of_the_same_images_once(tmp_path):
    """Twice the 60 images of one test set are not 120 images; the real runtime, on a set without a name."""
    asked = {"images": _file(tmp_path), "ber": 0, "n": 60, "encoding": "int4"}
    first = resq.sweep("signs/resnet20/base", **asked).curve.iloc[0]
    drawn = resq.sweep("signs/resnet20/base", **asked, sample="random", maps=2).curve.iloc[0]
    assert (drawn["n"], drawn["maps"], drawn["mean"]) == (60, 2, first["mean"])
    for end in ("low", "high", "image_low", "image_high"):
        assert drawn[end] == pytest.approx(first[end])


def test_the_size_of_a_test_set_is_counted_where_it_is_here_and_else_the_fewest_that_it_can_have(
    tmp_path,
):
    file = _file(tmp_path)
    rows = resq.sweep("signs/resnet20/base", file, ber=0, n=20, sample="random", maps=2).rows
    asked = rows[0]["data"], rows[0]["images"], 20
    assert drawn_images.set_size(*asked) == 60
    assert drawn_images.set_size(asked[0], "of other images", 20) == 20
    assert drawn_images.set_size("gone@00000000", asked[1], 20) == 20


def _file(folder):
    """60 images of signs, in a file of one's own."""
    whole = data.load("signs", "test")
    np.savez(folder / "own.npz", x=whole.pixels[1:61], y=whole.y[1:61])
    return folder / "own.npz"


def test_a_claims_cell_has_the_interval_that_its_line_has():
    rows = table.frame(_random([85, 90, 92, 88]))
    line, cell = stats.curve(rows).iloc[0], points.cells(rows)[0]
    assert points.over(cell, 0.95) == pytest.approx((line["low"], line["high"]))
    assert points.over(cell, 0.99)[0] < line["low"]


def test_maps_on_images_of_their_own_and_maps_on_shared_ones_are_no_pair():
    first = table.frame([row(data="signs", ber=0.01, map=m, correct=90) for m in range(4)])
    cells = [points.cells(rows)[0] for rows in (first, table.frame(_random([90] * 4)))]
    assert not points.alike(*cells)


def _random(counts, **changes):
    return [
        row(**{"data": "signs", "ber": 0.01, "n": 100, "map": m, "correct": c, "sample": "random", **changes})
        for m, c in enumerate(counts)
    ]


def test_of_random_and_first_images_those_speak_that_give_the_narrower_interval():
    """200 draws of 100 tell as much as nearly all 4,000 images; two draws as much as 200."""
    first = [row(data="signs", ber=0.01, map=m, n=1000, correct=900 + m % 3, images="j") for m in range(20)]
    spread = np.random.default_rng(0).integers(-4, 5, 200)
    for count, speaks in ((200, "random"), (2, "first")):
        lines = stats.curve(table.frame([*first, *_random(90 + spread[:count])]))
        chosen = choose.ranked(lines).iloc[0]
        assert chosen["sample"] == speaks
        widths = (lines["high"] - lines["low"]).set_axis(lines["sample"])
        assert widths.idxmin() == speaks


def test_words_say_that_images_are_random_ones_drawn_anew():
    rows = table.frame([*_random([95] * 3, ber=0.0), *_random([90, 80, 85]), *_random([50, 40, 45], ber=0.1)])
    words = "100 random ones of 4,000 test images, drawn anew for each map"
    assert words in methods.paragraph(rows)
    assert words in at_rate.accuracy(rows, 0.02, 0.02, 0.02).how
    lines = stats.curve(rows)
    note = "100 images (random ones, drawn anew for each map)"
    assert f"n = {note}" in sentences.provenance(lines, "Stored rows")
    assert note in sentences.hover(lines.iloc[1], "BER")
    assert points.cells(rows)[0].drawn.endswith(("each on random images of its own", "random draws"))


def test_words_of_the_first_images_stay():
    rows = table.frame([row(ber=0.01, map=m) for m in range(2)])
    assert "random ones" not in methods.paragraph(rows)
    assert "n = 100 images" in sentences.provenance(stats.curve(rows), "Stored rows")
    assert points.cells(rows)[0].drawn == "2 fault maps"


def test_shipped_rows_are_all_of_the_first_images():
    assert set(table.shipped()["sample"]) == {"first"}
    assert isinstance(choose.speaking(stats.curve(table.shipped())), pd.DataFrame)


def test_the_rules_interval_of_random_images_is_that_of_the_command_in_a_report_too():
    rng = np.random.default_rng(0)
    drawn = [
        row(data="signs", ber=0.01, n=100, map=m, correct=int(rng.binomial(100, 0.985)), sample="random")
        for m in range(60)
    ]
    rows = table.frame(drawn)
    line = stopping_rule.of_rule(stats.curve(rows), rows).iloc[0]
    accuracy = (rows["correct"] / rows["n"]).tolist()
    over_maps = stopping_rule.interval(accuracy)
    assert (line["map_low"], line["map_high"]) == pytest.approx(over_maps)
    joined = intervals.drawn(float(np.mean(accuracy)), over_maps, 100, 60, drawn_images.WHOLE["signs"])
    assert (line["low"], line["high"]) == pytest.approx(joined)
    assert line["low"] < over_maps[0]
