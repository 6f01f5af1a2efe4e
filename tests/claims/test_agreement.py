"""A cell measured again beside the stored one: equal rows are said, and noise is called no difference."""

import numpy as np
import pandas as pd
import pytest

from resq.claims import agreement, leaderboard, points, rerun
from resq.claims.points import Cell
from resq.claims.rerun import Run
from resq.measure.store import table
from tests.claims.test_claims import maps


def shipped(name: str, images: int, top: float) -> pd.DataFrame:
    """The shipped rows of a network in int8 words at BER 1e-2, one per fault map."""
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == name) & (rows["encoding"] == "int8") & (rows["ber"] == 1e-2)]
    rows = rows[(rows["fault"] == "random") & (rows["axis"] == "ber") & (rows["region"] == "all")]
    return rows[(rows["n"] == images) & (rows["top"] == top)].sort_values("map", ignore_index=True)


def cell(rows: pd.DataFrame) -> Cell:
    return points.cells(rows, ("ber",))[0]


def found(stored: list[dict], fresh: list[dict]) -> agreement.Again:
    rows = table.frame(stored)
    return rerun.compare(points.cells(rows)[0], rows, fresh)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_maps_that_come_out_to_the_bit_are_called_equal_however_few_they_are(count: int):
    rows = shipped("cifar10/resnet18/base", 2000, 0.1)
    rows = rows[rows["seed"] == 0]
    assert len(rows) == 20
    part = rows.iloc[:count]
    again = agreement.against(cell(rows), cell(part), rows, part)
    assert (again.within, again.rows, again.equal, again.of) == (True, count, count, 20)
    assert again.gap.mean == 0
    assert "image by image" in again.says
    whole = count == 20
    assert (
        "all 20 rows equal the stored ones" if whole else f"of the 20 stored rows {count} w"
    ) in again.says
    level = leaderboard.board(rows, [Run("2031", "a-claim", "", part)])["level"].item()
    assert level == (leaderboard.AGAIN if whole else f"{leaderboard.PART}, {count} of 20 fault maps")


@pytest.mark.parametrize(("stored", "fresh"), [(20, 20), (20, 2), (10, 3)])
def test_two_runs_of_one_thing_are_told_apart_in_no_more_than_five_of_a_hundred_cases(
    stored: int, fresh: int
):
    rows = shipped("signs/resnet20/base", 200, 0.02).drop_duplicates("map", ignore_index=True)
    assert len(rows) == 200
    rng, apart = np.random.default_rng(28), 0
    for _ in range(80):
        drawn = rng.permutation(len(rows))
        own = rows.iloc[drawn[:stored]].assign(map=range(stored))
        other = rows.iloc[drawn[stored : stored + fresh]].assign(map=range(fresh), seed=7)
        again = agreement.against(cell(own), cell(other), own, other)
        assert again.gap.over == "over fault maps, on the same images"
        apart += not again.within
    assert apart <= 9  # of 80 tries 4 are expected, and 9 or fewer come in 99 of 100 such tests


def test_another_result_is_told_from_the_stored_one():
    rows = shipped("signs/resnet20/base", 200, 0.02).drop_duplicates("map", ignore_index=True)
    own = rows.iloc[:20]
    worse = rows.iloc[20:40].assign(map=range(20), seed=7)
    worse = worse.assign(correct=worse["correct"] - 30, right=b"")
    again = agreement.against(cell(own), cell(worse), own, worse)
    assert not again.within
    assert again.gap.high < 0
    assert "does NOT hold 0" in again.says


def test_rows_of_the_same_maps_that_differ_are_counted_and_their_difference_is_judged():
    stored = maps(850, 860, 840)
    slight = found(stored, maps(850, 861, 838))
    assert (slight.within, slight.rows, slight.equal) == (True, 3, 1)
    assert "1 of them equal" in slight.says
    assert "up to 2 of 1,000 right images" in slight.says
    assert slight.gap.over == "over images, on the same 3 fault maps"
    assert not found(stored, maps(700, 700, 700)).within
    assert not found(maps(850), maps(700)).within  # of one map too: it is the same map
    assert found(maps(850), maps(852)).within


def test_other_weights_and_other_images_are_said():
    stored = maps(850, 860, 840)
    off = found(stored, maps(600, 601, weights="e" * 16))
    assert not off.within
    assert f"other weights: {'e' * 16}" in off.says
    other = found(stored, maps(174, 174, n=200, images="f" * 16))
    assert other.within
    assert other.gap.over == "over fault maps and images"
    assert "; other images" in other.says


def test_one_fault_map_of_another_seed_says_nothing():
    again = found(maps(850, 860, 840), maps(300, seed=1))
    assert again.within
    assert not again.gap.bounded
    assert "one fault map tells nothing of others" in again.says


def test_fewer_images_of_the_same_maps_are_compared_image_by_image():
    rng = np.random.default_rng(3)
    right = rng.random((3, 400)) < 0.9
    stored = [
        {**row, "n": 400, "correct": int(r.sum()), "right": np.packbits(r).tobytes()}
        for row, r in zip(maps(0, 0, 0), right, strict=True)
    ]
    part = [
        {
            **row,
            "n": 80,
            "images": "f" * 16,
            "correct": int(r[:80].sum()),
            "right": np.packbits(r[:80]).tobytes(),
        }
        for row, r in zip(stored[:2], right, strict=False)
    ]
    again = found(stored, part)
    assert again.gap.mean == 0  # on the images and maps that both have, nothing differs
    assert again.gap.over == "paired on 2 common fault maps and 80 common images"
    assert again.within
