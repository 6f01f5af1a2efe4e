"""A sweep that stops by itself: each rate when its own interval is narrow, and a pilot that chooses n."""

import numpy as np
import pytest

from resq.core import seeds
from resq.measure.analysis import stopping_rule
from resq.measure.run.campaign import until_narrow
from resq.measure.specs.sweep_spec import SweepSpec

SPEC = SweepSpec("signs/resnet20/base", bers=(0.0, 1e-3, 1e-2), maps=60, n=1000)
SPREAD = {0.0: 0.0, 1e-3: 0.001, 1e-2: 0.05}


class Watch:
    """A clock that stands still but for what a measurement says it took."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _measure(watch: Watch, per_map: float = 0.3, per_image: float = 0.002):
    def row(cell):
        watch.now += per_map + per_image * cell.n
        rng = seeds.rng(cell.seed, "fake", cell.map, f"{cell.ber}")
        p = np.clip(0.6 + SPREAD[cell.ber] * rng.standard_normal(), 0, 1)
        right = rng.random(cell.n) < p
        exact = round(p * cell.n)  # of shared images no noise is added here
        correct = int(right.sum()) if cell.sample == "random" else exact
        return {"ber": cell.ber, "map": cell.map, "n": cell.n, "correct": correct,
                "right": np.packbits(right).tobytes()}  # fmt: skip

    return row


def test_a_rate_whose_maps_agree_stops_at_twenty_and_one_whose_maps_differ_goes_on():
    rows = list(until_narrow.run(SPEC, 0.005, _measure(Watch())))
    maps = {ber: [r["map"] for r in rows if r["ber"] == ber] for ber in SPEC.bers}
    assert maps[0.0] == [0]
    assert maps[1e-3] == list(range(stopping_rule.START))
    assert maps[1e-2] == list(range(60))  # s.d. 0.05 wants some 400 maps; 60 were allowed


def test_a_wider_half_width_needs_fewer_maps():
    count = [
        sum(r["ber"] == 1e-2 for r in until_narrow.run(SPEC, half, _measure(Watch())))
        for half in (0.02, 0.05)
    ]
    assert 20 <= count[1] < count[0] < 60


def test_the_pilot_finds_the_n_that_its_costs_and_components_ask_for():
    watch = Watch()
    spec = until_narrow.designed(SPEC, 0.01, _measure(watch), images=4000, clock=watch)
    # n = sqrt(0.24 x 0.3 / (0.0025 x 0.002)) = 120, M = 1.96^2 (0.0025 + 0.24 / 120) / 0.01^2 = 173.
    assert spec.sample == "random"
    assert 70 < spec.n < 220
    assert 200 <= spec.maps < 700
    assert spec.seed == SPEC.seed


def test_the_planned_sweep_reaches_what_was_asked_for():
    watch = Watch()
    spec = until_narrow.designed(SPEC, 0.02, _measure(watch), images=4000, clock=watch)
    rows = [r for r in until_narrow.run(spec, 0.02, _measure(watch)) if r["ber"] == 1e-2]
    accuracy = [r["correct"] / r["n"] for r in rows]
    assert stopping_rule.cautious_half_width(accuracy) <= 0.02
    assert np.mean(accuracy) == pytest.approx(0.6, abs=0.04)


def test_waves_ask_for_more_maps_of_what_differs_until_it_has_enough_or_all():
    measure = _measure(Watch())

    def accuracy(cells):
        return [row["correct"] / row["n"] for row in map(measure, cells)]

    waves = until_narrow.batches(list(SPEC.cells()), 0.005, accuracy)
    asked = [{ber: [c.map for c in wave if c.ber == ber] for ber in SPEC.bers} for wave in waves]
    assert asked[0] == {0.0: [0], 1e-3: list(range(20)), 1e-2: list(range(20))}
    assert asked[1] == {0.0: [], 1e-3: [], 1e-2: list(range(20, 25))}
    assert [m for wave in asked for m in wave[1e-2]] == list(range(60))
