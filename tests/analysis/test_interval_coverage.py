"""The stopping rule on real curves: of stored maps, as many as it asks for, drawn anew again and again."""

import numpy as np
import pandas as pd
import pytest

from resq.measure.analysis import stopping_rule
from resq.measure.store import table

SEEDS, REPLICATIONS = range(10), 50  # fixed before the first run, so that no seed is chosen by what it gives
MAPS = 200


def _curves() -> dict[str, np.ndarray]:
    """Accuracies under the 200 maps of every shipped point that has as many, by its name."""
    rows = table.shipped()
    rows = rows[(rows["axis"] == "ber") & (rows["ber"] > 0)]
    keys = ["checkpoint", "weights", "encoding", "fault", "sample", "n", "seed", "ber"]
    found: dict[str, np.ndarray] = {}
    for key, part in rows.groupby(keys):
        if part["map"].nunique() >= MAPS:
            found[f"{key[0]} {key[2]} BER {key[-1]:g}"] = (part["correct"] / part["n"]).to_numpy()[:MAPS]
    return found


CURVES = _curves()


def _inside(accuracy: np.ndarray, half: float, seed: int) -> np.ndarray:
    """Whether each replication's interval holds the mean of all maps, bool (REPLICATIONS,)."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(REPLICATIONS):
        drawn = rng.choice(accuracy, MAPS)
        count = next(c for c in stopping_rule.looks(MAPS) if stopping_rule.enough(drawn[:c], half))
        low, high = stopping_rule.interval(drawn[:count])
        found.append(low <= accuracy.mean() <= high)
    return np.array(found)


def test_there_are_curves_from_flat_to_collapsed():
    means = pd.Series({name: accuracy.mean() for name, accuracy in CURVES.items()})
    assert means.max() > 0.9
    assert means.min() < 0.6


@pytest.mark.parametrize("maps", [30, 60, 120, 0])
@pytest.mark.parametrize("name", CURVES)
def test_its_intervals_hold_the_mean_of_all_maps_nine_times_in_ten(name, maps):
    # Half-widths that some 30, 60 or 120 of these maps reach; and 0.5 pp, which is the default.
    accuracy = CURVES[name]
    half = 1.96 * accuracy.std(ddof=1) / np.sqrt(maps) if maps else stopping_rule.HALF
    inside = np.concatenate([_inside(accuracy, half, seed) for seed in SEEDS])
    assert inside.mean() >= 0.9, f"{inside.mean():.3f} of {len(inside)} at ±{100 * half:.2f} pp"
