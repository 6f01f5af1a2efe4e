"""When to stop and what to buy: rules that keep their promise on maps whose mean is known."""

import numpy as np
import pytest
from scipy import stats as distributions

from resq.measure.analysis import stopping_rule, variance
from resq.measure.analysis.stats import t_half_width
from resq.measure.analysis.variance import Components


def _skewed(sd: float) -> np.ndarray:
    """200 accuracies with a tail of bad maps (a mirrored exponential), mean 0.8 and this spread."""
    tail = distributions.expon.ppf((np.arange(200) + 0.5) / 200)
    return 0.8 - sd * (tail - tail.mean()) / tail.std()


def _stop(values: np.ndarray, half: float = 0.005) -> np.ndarray:
    """The maps that the rule looks at."""
    for count in stopping_rule.looks(len(values)):
        if stopping_rule.enough(values[:count], half):
            return values[:count]
    raise AssertionError("the rule never stops")


def _coverage(population: np.ndarray, replications: int, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    runs = [_stop(rng.choice(population, 200)) for _ in range(replications)]
    inside = [low <= population.mean() <= high for low, high in map(stopping_rule.interval, runs)]
    return float(np.mean(inside))


def test_no_fewer_than_twenty_maps_and_no_more_than_two_hundred():
    assert not stopping_rule.enough([0.9] * 19)
    assert stopping_rule.enough([0.9] * 20)
    assert stopping_rule.enough([0.0, 1.0] * 100)
    assert not stopping_rule.enough([0.0, 1.0] * 99)
    assert stopping_rule.enough([0.0, 1.0] * 15, most=30)


def test_the_rule_looks_at_set_times_only():
    assert stopping_rule.looks(200) == [20, 25, 32, 40, 50, 63, 79, 99, 124, 155, 194, 200]
    assert not stopping_rule.enough([0.9] * 21)


def test_where_it_stops_the_t_interval_is_as_narrow_as_was_asked():
    seen = _stop(np.random.default_rng(0).choice(_skewed(0.02), 200))
    assert 20 < len(seen) < 200
    assert t_half_width(seen) < stopping_rule.cautious_half_width(seen) <= 0.005


def test_the_cautious_half_width_counts_one_more_bad_map():
    # 0.8 four times and 0.6: mean 0.76, the farthest lies 0.16 off, so 0.60 comes once more.
    assert stopping_rule.cautious_half_width([0.8] * 4 + [0.6]) == t_half_width(
        np.array([0.8] * 4 + [0.6, 0.6])
    )


@pytest.mark.parametrize("sd", [0.004, 0.012, 0.02, 0.035])
def test_its_intervals_hold_the_mean_of_skewed_maps_nine_times_in_ten(sd):
    assert _coverage(_skewed(sd), 200) >= 0.9


def test_normal_maps_are_no_harder():
    assert _coverage(np.random.default_rng(1).normal(0.85, 0.024, 200), 200, seed=1) >= 0.9


def test_the_cheapest_design_is_the_one_that_trying_all_finds():
    c, per_map, per_image, half = Components(0.004, 0.06, 0.12), 0.4, 0.002, 0.01
    maps, images = stopping_rule.best(c, per_map, per_image, half, images=400)
    tried = {}
    for m in range(20, 700):
        t = distributions.t.ppf(0.975, m - 1)
        for n in range(40, 200):
            if t * np.sqrt(c.map / m + c.within / (m * n)) <= half:
                tried[m, n] = m * (per_map + n * per_image)
                break  # more images would cost more
    assert maps * (per_map + images * per_image) == pytest.approx(min(tried.values()), rel=0.01)
    assert images == pytest.approx(np.sqrt(c.within * per_map / (c.map * per_image)), rel=0.1)  # 95


def test_free_maps_want_one_image_each_and_maps_that_do_not_differ_want_all_images():
    assert stopping_rule.best(Components(0.01, 0.1, 0.1), 0, 1, 0.05)[1] == 1
    maps, images = stopping_rule.best(Components(-0.001, 0.1, 0.1), 1, 1e-6, 0.005, images=10_000)
    assert maps == stopping_rule.START
    assert 390 < images < 10_000  # 0.2 x 2.09^2 / 0.005^2 answers, on 20 maps


def test_impossible_costs_are_refused():
    with pytest.raises(ValueError, match=r"above 0, got 0, 1, 1"):
        stopping_rule.best(Components(0.1, 0.1, 0.1), 1, 1, half=0)


def test_a_pilot_then_a_plan_then_an_interval_of_the_width_that_was_asked_for():
    # Truth: map effects with s.d. 0.06, images with their own difficulty; 2,000 of them.
    rng = np.random.default_rng(3)
    difficulty = rng.normal(0, 0.25, 2000)

    def look(maps, images):
        """Answers of maps on random images of their own."""
        effect = rng.normal(0, 0.06, (maps, 1))
        seen = difficulty[rng.integers(0, 2000, (maps, images))]
        return rng.random((maps, images)) < np.clip(0.6 + effect + seen, 0, 1)

    truth = np.clip(0.6 + rng.normal(0, 0.06, (500, 1)) + difficulty, 0, 1).mean()
    halves, inside = [], []
    for _ in range(40):
        pilot = variance.nested(look(20, 100))
        maps, images = stopping_rule.best(pilot, cost_per_map=0.2, cost_per_image=0.002, half=0.02)
        seen = look(maps, images).mean(axis=1)
        halves.append(t_half_width(seen))
        inside.append(abs(seen.mean() - truth) <= halves[-1])
    assert np.mean(halves) == pytest.approx(0.02, rel=0.15)
    assert np.mean(inside) >= 0.9
