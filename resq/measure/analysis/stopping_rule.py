"""How many fault maps on how many images: the stopping rule, and the cheapest design for an interval.

The interval that stops is over maps, on the images of one test set; that others would give another accuracy
is counted beside it (``intervals.both``, ``intervals.drawn``), since no number of maps takes it away: with
90 % right of 4,000 images it is 0.9 points to either side.

With every map on random images of its own, the mean of M maps on n images has at most the variance
t_map^2 / M + (t_img^2 + t_int^2) / (M n) on that test set. A pilot tells the components, a stop-watch what a
map and an image cost; then the interval that is asked for has a cheapest M and n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from resq.core.errors import ResqError
from resq.measure.analysis import drawn_images, intervals
from resq.measure.analysis.stats import KEYS, t_half_width
from resq.measure.analysis.variance import Components

ENDS = ["low", "high", "map_low", "map_high"]
START, MOST, HALF = 20, 200, 0.005  # maps to begin with, maps to end with, half-width to stop at


def enough(values: Sequence[float], half: float = HALF, most: int = MOST) -> bool:
    """Whether these accuracies, one per map in the order of their numbers, are as many as are needed.

    It looks only at the times of ``looks``, and stops where ``interval`` is at most ``half`` to either side:
    looked at after every map, a half-width is small at some moment by luck.
    """
    if len(values) >= most:
        return True
    return len(values) in looks(most) and cautious_half_width(values) <= half


def cautious_half_width(values: Sequence[float]) -> float:
    """Half-width of the t interval, with one map more as far below the mean as the farthest one lies.

    Accuracies under faults are skewed: most maps do little harm, a few much. While those few have not come
    the spread looks small, and a rule that stops there covers too rarely. Measured on 4,000 replications of
    exponential skew: with it 92 to 95 % of the intervals hold the mean, without it
    (looks spaced out, the plain interval) 90 to 93.
    """
    seen = np.asarray(values, dtype=float)
    return t_half_width(np.append(seen, seen.mean() - np.abs(seen - seen.mean()).max()))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval over maps that belongs to ``enough``, cut to [0, 1]; see above what it leaves out."""
    mean, half_width = float(np.mean(values)), cautious_half_width(values)
    return max(0.0, mean - half_width), min(1.0, mean + half_width)


def of_rule(lines: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The lines with the intervals that belong to ``enough``, which chose the number of their maps.

    Args:
        lines: of ``stats.curve`` of these rows over "ber"; those without flips or of one map stay as they
            are.
        rows: those of a measurement that stopped by the rule.
    """
    maps = rows[rows["axis"] == "ber"].sort_values("map").groupby([*KEYS, "ber", "top"])
    values = {key: (part["correct"] / part["n"]).tolist() for key, part in maps}
    ruled = lines.astype(dict.fromkeys(ENDS, float))
    for index, line in lines.iterrows():
        if line["x"] > 0 and line["maps"] > 1:
            over_maps = interval(values[tuple(line[key] for key in [*KEYS, "x", "top"])])
            ruled.loc[index, ENDS] = [*together(_plain(line), over_maps), *over_maps]
    return ruled


def _plain(line: pd.Series) -> dict[str, Any]:
    return {str(name): value for name, value in line.items()}


def together(line: Mapping[str, Any], over_maps: tuple[float, float]) -> tuple[float, float]:
    """The interval over maps and images that belongs to one over maps, of a line of ``stats.curve``.

    Where every map saw images of its own, the spread over maps holds that of the images already.
    """
    if line["sample"] == "random":
        n = int(line["n"])
        whole = drawn_images.set_size(str(line["data"]), str(line["images"]), n)
        return intervals.drawn(line["mean"], over_maps, n, int(line["maps"]), whole)
    return intervals.both(line["mean"], over_maps, (line["image_low"], line["image_high"]))


def looks(most: int = MOST) -> list[int]:
    """After how many maps the rule looks: 20, then a quarter more each time, until ``most``.

    >>> looks(50)
    [20, 25, 32, 40, 50]
    """
    times = [START]
    while times[-1] < most:
        times.append(min(most, math.ceil(times[-1] * 1.25)))
    return times


def best(
    components: Components,
    cost_per_map: float,
    cost_per_image: float,
    half: float = HALF,
    images: int = 10_000,
    fewest: int = START,
) -> tuple[int, int]:
    """The cheapest (maps, images per map) whose 95 % interval is ``half`` to either side.

    Args:
        components: from a pilot; a negative variance counts as none.
        cost_per_map, cost_per_image: in one unit, such as seconds: M maps on n images cost
            M (cost_per_map + n cost_per_image).
        images: the largest n, all images there are.
        fewest: the smallest M, so that a t interval over maps means something.

    Raises:
        ValueError: a half-width or a cost that is not above 0.
    Source: the cheapest n is near sqrt(within cost_per_map / (map cost_per_image)); Cochran 1977, 10.6.

    >>> best(Components(0.0025, 0.05, 0.1), 0.4, 0.0024, half=0.02)
    (42, 93)
    """
    if not (half > 0 and cost_per_image > 0 and cost_per_map >= 0):
        raise ResqError(
            f"expected half and costs above 0, got {half:g}, {cost_per_map:g}, {cost_per_image:g}"
        )
    n = np.unique(np.geomspace(1, images, 300).round())  # 3 % apart: the cost is flat around its minimum
    maps = needed(max(0.0, components.map) + max(0.0, components.within) / n, half, fewest)
    cheapest = int((maps * (cost_per_map + n * cost_per_image)).argmin())
    return int(maps[cheapest]), int(n[cheapest])


def needed(variance: np.ndarray, half: float, fewest: int = START) -> np.ndarray:
    """How many independent values of this variance have a 95 % t interval of ``half`` to either side.

    ``variance`` float64 of any shape, of accuracies in 0..1; the result int64 of the same shape.
    """
    count = np.full(np.shape(variance), float(fewest))
    for _ in range(6):  # t depends on the count it leads to; after a few rounds nothing changes
        t = special.stdtrit(count - 1, 0.975)
        count = np.maximum(fewest, np.ceil(t * t * variance / half**2))
    return count.astype(np.int64)
