"""Differences of answers to the same images where next to none differs: intervals hold all the same."""

import numpy as np
import pandas as pd
import pytest

from resq.measure.analysis import paired, stats


def rows(right: np.ndarray, ber: float = 0.0) -> pd.DataFrame:
    """One row per map of these answers, bool (maps, images)."""
    maps, n = right.shape
    said = {"seed": 0, "fault": "random", "sample": "first", "ber": ber, "top": ber, "flips": 5, "data": "d"}
    return pd.DataFrame(
        [{**said, "map": i, "n": n, "right": np.packbits(right[i]).tobytes()} for i in range(maps)]
    )


def answers(n: int, wrong: int, maps: int = 1) -> np.ndarray:
    """Answers of which the first so many are wrong under every map, bool (maps, images)."""
    return np.broadcast_to(np.arange(n) >= wrong, (maps, n))


@pytest.mark.parametrize(("maps", "ber"), [(1, 0.0), (10, 1e-3)])
def test_where_no_image_differs_the_interval_is_wilsons_of_a_share_that_none_showed(maps, ber):
    same = rows(answers(500, 0, maps), ber)
    found = paired.difference(same, same)
    limit = stats.wilson(0.0, 500)[1]
    assert (found.mean, found.low, found.high) == pytest.approx((0.0, -limit, limit))
    assert found.p == 1
    share, low, high = paired.retained(same, rows(answers(500, 0)))
    assert (share, low, high) == pytest.approx((1.0, 1 - limit, 1 + limit))


def test_where_all_images_differ_one_way_the_interval_has_a_width_too():
    found = paired.difference(rows(answers(20, 0)), rows(answers(20, 20)))
    assert (found.mean, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - stats.wilson(0.0, 20)[1])
    assert found.p == pytest.approx(2 * 0.5**20)


def test_intervals_of_several_comparisons_are_wider_there_as_elsewhere():
    same = rows(answers(500, 0))
    assert paired.difference(same, same, 5).high > paired.difference(same, same).high


@pytest.mark.parametrize("wrong", [4, 40])
def test_where_four_images_differ_or_more_the_interval_is_that_of_their_spread(wrong):
    found = paired.difference(rows(answers(500, 0)), rows(answers(500, wrong)))
    spread = stats.t_half_width((np.arange(500) < wrong).astype(float))
    assert found.high - found.mean == pytest.approx(spread)


@pytest.mark.parametrize(
    ("n", "maps", "worse", "better"),
    [(500, 1, 0.002, 0.0), (100, 1, 0.01, 0.0), (500, 10, 0.002, 0.0), (100, 10, 0.003, 0.003)],
)
def test_an_interval_holds_the_difference_where_one_differing_image_is_expected(n, maps, worse, better):
    rng, inside = np.random.default_rng(0), []
    for _ in range(200):
        left, right = np.ones((maps, n), bool), np.ones((maps, n), bool)
        right[:, rng.random(n) < worse] = False
        left[:, rng.random(n) < better] = False
        ber = 1e-3 if maps > 1 else 0.0
        found = paired.difference(rows(left, ber), rows(right, ber))
        inside.append(found.low <= worse - better <= found.high)
    assert np.mean(inside) >= 0.95  # 0.64 to 0.67 where a spread of 0 was an interval of no width
