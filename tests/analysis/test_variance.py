"""Map noise and image noise told apart: numbers for a pencil, and simulations whose truth is known."""

import math

import numpy as np
import pytest
from scipy import special

from resq.measure.analysis import crossed, paired, variance
from resq.measure.specs import sdc_rates
from resq.measure.store import table
from tests.analysis.test_stats import row

MAP, IMAGE, REST = 0.01, 0.09, 0.04  # variances


def _answers(rng, maps, images, shared=True):
    """Real-valued answers with the known components."""
    b = rng.normal(0, math.sqrt(IMAGE), (1 if shared else maps, images))
    return (0.6 + rng.normal(0, math.sqrt(MAP), (maps, 1)) + b
            + rng.normal(0, math.sqrt(REST), (maps, images)))  # fmt: skip


def test_maps_that_differ_on_every_image_alike_are_map_noise_alone():
    # Two maps, two images: 1 1 / 0 0. Means of maps 1 and 0, variance 1/2; of images 1/2 and 1/2, variance 0.
    found = variance.crossed(np.array([[1, 1], [0, 0]]))
    assert (found.map, found.image, found.rest) == (0.5, 0, 0)


def test_images_that_are_hard_under_every_map_are_image_noise_alone():
    found = variance.crossed(np.array([[1, 0], [1, 0]]))
    assert (found.map, found.image, found.rest) == (0, 0.5, 0)


def test_what_neither_explains_is_the_rest():
    # 1 0 / 0 1: every mean is 1/2, every residual 1/2; 4 x 1/4 over one degree of freedom.
    found = variance.crossed(np.array([[1, 0], [0, 1]]))
    assert found.rest == 1
    assert found.map == found.image == -0.5  # unbiased, so below 0 it may lie


def test_the_estimates_are_unbiased():
    rng = np.random.default_rng(0)
    many = [variance.crossed(_answers(rng, 6, 8)) for _ in range(2000)]
    means = np.mean([[c.map, c.image, c.rest] for c in many], axis=0)
    assert means == pytest.approx([MAP, IMAGE, REST], rel=0.07)
    own = [variance.nested(_answers(rng, 6, 8, shared=False)) for _ in range(2000)]
    assert np.mean([c.map for c in own]) == pytest.approx(MAP, rel=0.1)
    assert np.mean([c.within for c in own]) == pytest.approx(IMAGE + REST, rel=0.03)


@pytest.mark.parametrize("shared", [True, False])
def test_the_variance_of_a_mean_is_what_simulation_shows(shared):
    rng = np.random.default_rng(1)
    means = [_answers(rng, 5, 10, shared).mean() for _ in range(4000)]
    expected = variance.variance(
        variance.Components(MAP, IMAGE, REST), 5, 10, "first" if shared else "random"
    )
    assert np.var(means) == pytest.approx(expected, rel=0.08)


def test_more_maps_on_the_same_images_do_not_average_the_images_out():
    c = variance.Components(0.01, 0.1, 0.1)
    assert variance.variance(c, 10, 100, "first") == pytest.approx(0.001 + 0.001 + 0.0001)
    assert variance.variance(c, 10, 100, "random") == pytest.approx(0.001 + 0.0002)


def test_the_interval_over_maps_and_images_covers():
    rng = np.random.default_rng(2)
    inside = [low <= 0.6 <= high for low, high in
              (variance.interval(_answers(rng, 12, 40)) for _ in range(500))]  # fmt: skip
    assert np.mean(inside) > 0.92


def test_one_map_or_no_answers_per_image_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 maps on 2 images, got answers of shape \(1, 5\)"):
        variance.crossed(np.ones((1, 5)))
    with pytest.raises(ValueError, match=r"1 bytes hold at most 8 answers, got n = 9"):
        variance.unpack(b"\xff", 9)
    with pytest.raises(ValueError, match="keep no answers per image"):
        variance.answers(table.frame([row(right=b"")]))
    with pytest.raises(ValueError, match=r"one n, got \[50, 100\]"):
        variance.answers(table.frame([row(n=50), row(n=100)]))


def test_answers_come_out_of_rows_as_they_went_in():
    right = np.array([[1, 0, 1, 1, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 0, 1, 0]], dtype=bool)
    rows = table.frame([row(n=9, map=m, right=np.packbits(r).tobytes()) for m, r in enumerate(right)])
    assert (variance.answers(rows) == right).all()


def test_leveugles_sample_sizes():
    assert sdc_rates.leveugle(math.inf, 0.05) == 385
    assert sdc_rates.leveugle(math.inf, 0.01) == 9604
    assert sdc_rates.leveugle(1000, 0.05) == 278  # 1000 / (1 + 0.0025 x 999 / 0.9604) = 277.7
    assert sdc_rates.leveugle(10, 0.01) == 10
    with pytest.raises(ValueError, match=r"between 0 and 1, got 5 and 0\.5"):
        sdc_rates.leveugle(1000, 5)


def alone(values):
    """The variance of the mean over each factor alone, the others' noise averaged away."""
    return [
        values.mean(axis=tuple(other for other in range(values.ndim) if other != axis)).var(ddof=1) / size
        for axis, size in enumerate(values.shape)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_variance_over_several_factors_is_never_below_that_over_one(seed):
    rng = np.random.default_rng(seed)
    shape = (2, 4, 50)  # few seeds, few maps: their meetings make the unbiased estimate fall low
    values = rng.normal(0, 1, (2, 4, 1)) + rng.normal(0, 0.1, shape)
    spread, _ = crossed.covariance(values[None])
    assert spread[0, 0] >= max(alone(values)) * (1 - 1e-9) > 0


def test_where_the_estimate_falls_below_that_over_one_factor_this_one_is_taken():
    """Two seeds whose maps go opposite ways: nearly all is their meeting, which is taken off twice."""
    values = np.array([[3.0, -1.0, 1.0, -2.9], [-2.8, 1.0, -0.9, 3.0]])[..., None] + np.linspace(0, 0.1, 5)
    spread, freedom = crossed.covariance(values[None])
    assert spread[0, 0] == pytest.approx(max(alone(values)))
    assert freedom <= 3


def test_degrees_of_freedom_are_those_of_mean_squares():
    """Weighed as components of variance, few maps had too many, and a difference was clear of 0."""
    rng = np.random.default_rng(5)
    maps, n = 6, 200
    d = 0.1 + _answers(rng, maps, n) - 0.6
    between_maps, between_images = n * d.mean(axis=1).var(ddof=1), maps * d.mean(axis=0).var(ddof=1)
    left = d - d.mean(axis=1, keepdims=True) - d.mean(axis=0) + d.mean()
    rest = (left**2).sum() / ((maps - 1) * (n - 1))
    spread = (between_maps + between_images - rest) / (maps * n)
    parts = between_maps**2 / (maps - 1), between_images**2 / (n - 1), rest**2 / ((maps - 1) * (n - 1))
    freedom = (between_maps + between_images - rest) ** 2 / sum(parts)
    half_width = special.stdtrit(freedom, 0.975) * math.sqrt(spread)
    low, high, _ = paired._interval(float(d.mean()), paired._crossed(d), 0.95, d.shape[1], 0.0)
    assert (low, high) == pytest.approx((d.mean() - half_width, d.mean() + half_width))
    total, degrees = crossed.covariance(d[None])
    assert (float(total[0, 0]), degrees) == pytest.approx((spread, freedom))


@pytest.mark.parametrize(("maps", "n"), [(4, 100), (10, 250)])
def test_an_interval_of_a_difference_covers_with_few_maps(maps, n):
    rng = np.random.default_rng(maps)
    held = 0
    for _ in range(400):
        d = _answers(rng, maps, n)
        low, high, _ = paired._interval(float(d.mean()), paired._crossed(d), 0.95, d.shape[1], 0.0)
        held += low <= 0.6 <= high
    assert held / 400 > 0.92
