"""Whether a cell that was measured again is the stored one.

The same maps on the same images give the same rows, so these are compared one by one. Other maps, seeds or
images have noise of their own: the difference of both means is then held against 0, with an interval that
counts the noise of both. Held against the stored interval alone, two runs of one thing on as many maps seem
different in 16 of 100 cases, and one of 20 maps and one of 2 in every second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd

from resq.claims import points
from resq.claims.points import Cell
from resq.measure.analysis import intervals, paired
from resq.measure.store import table

# What decides a row: two rows that are alike in it are one measurement, made twice.
ASKED = [name for name in table.COLUMNS if name not in table.FOUND]


@dataclass(frozen=True)
class Gap:
    """The mean of the fresh cell less that of the stored one, shares.

    Attributes:
        low, high: its 95 % interval; -1 and 1 where a single fault map tells nothing of others.
        over: what the interval is over, in words.
    """

    mean: float
    low: float
    high: float
    over: str

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return self.high - self.low < 2

    @property
    def holds_zero(self) -> bool:
        """Whether both cells may be one thing."""
        return self.low - 1e-12 <= 0 <= self.high + 1e-12


@dataclass(frozen=True)
class Again:
    """A stored cell and the same one measured again.

    Attributes:
        rows: how many rows of the fresh cell are of maps and images that are stored too, ``of`` that many.
        equal: how many of these came out as stored: the same flips and the same right answers.
        gap: of the means; where ``rows`` is above 0, on these maps alone.
        within: whether nothing tells the fresh cell from the stored one: all such rows are equal, or 0 lies
            within the interval of ``gap``.
        same: whether the weights' and images' hashes are those of the stored cell.
        says: the comparison as a sentence.
    """

    stored: Cell
    fresh: Cell
    rows: int
    of: int
    equal: int
    gap: Gap
    within: bool
    same: bool
    says: str


def against(
    reference: Cell, fresh: Cell, stored: pd.DataFrame, measured: pd.DataFrame, comparisons: int = 1
) -> Again:
    """Two cells of one point, the fresh one held against the stored one.

    Args:
        stored, measured: rows in which those of ``reference`` and of ``fresh`` are, among others.
        comparisons: of how many this is one; intervals then hold for all of them together.
    """
    own, other = points.rows_of(fresh, measured), points.rows_of(reference, stored)
    both = _same_rows(own, other)
    equal, pictures = _equal(both)
    if len(both):
        alike, beside = (rows[rows["map"].isin(both["map"])] for rows in (own, other))
        gap = _on_same_maps(alike, beside, comparisons)
    else:
        gap = _of_others(fresh, reference, own, other, comparisons)
    within = gap.holds_zero or (len(both) > 0 and equal == len(both))
    same = (fresh.weights, fresh.images) == (reference.weights, reference.images)
    again = Again(reference, fresh, len(both), len(other), equal, gap, within, same, "")
    return replace(again, says=_says(again, _farthest(both), pictures))


def _same_rows(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Rows of the same maps and images beside each other; what they found ends in _x and _y."""
    sides = []
    for rows in (own, other):
        free = rows["fault"].where(rows["ber"] > 0, "none")  # without flips it does not matter which
        sides.append(rows.assign(fault=free).drop_duplicates(ASKED))
    return sides[0].merge(sides[1], on=ASKED)


def _equal(both: pd.DataFrame) -> tuple[int, bool]:
    """How many of these pairs of rows are equal, and whether all of them keep their answers per image."""
    answered = both["right_x"].map(len).gt(0) & both["right_y"].map(len).gt(0)
    same = ~answered | (both["right_x"] == both["right_y"])
    for name in ("flips", "correct", "due"):
        same &= both[f"{name}_x"] == both[f"{name}_y"]
    return int(same.sum()), bool(answered.all())


def _farthest(both: pd.DataFrame) -> int:
    """By how many right images the two rows of a pair differ at most."""
    return int((both["correct_x"] - both["correct_y"]).abs().max()) if len(both) else 0


def _on_same_maps(own: pd.DataFrame, other: pd.DataFrame, comparisons: int) -> Gap:
    """The difference on maps that both were measured on: these are no noise, the images are."""
    if gap := _paired(own, other, comparisons):
        return gap
    a, b = (replace(_cell(rows), error=0.0) for rows in (own, other))
    difference = points.apart(a, b, comparisons)
    maps = f", on the same {a.maps} fault map{'s' * (a.maps != 1)}" if a.ber else ""
    return Gap(difference.mean, difference.low, difference.high, f"over images{maps}")


def _cell(rows: pd.DataFrame) -> Cell:
    """The cell that these rows alone make."""
    return points.cells(rows, (str(rows["axis"].iloc[0]),))[0]


def _of_others(fresh: Cell, reference: Cell, own: pd.DataFrame, other: pd.DataFrame, comparisons: int) -> Gap:
    """The difference where the seed, the maps, the images or the weights are others."""
    alike = fresh.images == reference.images
    gap = _paired(own, other, comparisons) if alike or fresh.n != reference.n else None
    if gap:
        return gap
    if math.isnan(fresh.error) or math.isnan(reference.error):
        return Gap(fresh.mean - reference.mean, -1.0, 1.0, "")
    if fresh.ber and alike:
        return _over_maps(fresh, reference, comparisons)
    difference = points.apart(fresh, reference, comparisons)
    return Gap(
        difference.mean, difference.low, difference.high, f"over {'fault maps and ' * (fresh.ber > 0)}images"
    )


def _paired(own: pd.DataFrame, other: pd.DataFrame, comparisons: int) -> Gap | None:
    """The difference on common images and maps, where rows keep their answers and there are such maps."""
    if not paired.comparable(own, other):
        return None
    difference = paired.difference(own, other, comparisons)
    known = difference.maps and not math.isnan(difference.low)
    return Gap(difference.mean, difference.low, difference.high, difference.how) if known else None


def _over_maps(fresh: Cell, reference: Cell, comparisons: int) -> Gap:
    """The difference on the same images over maps of its own each: t intervals over maps, put together.

    Distances from the means are added as squares (MOVER): with two maps beside twenty the degrees of freedom
    of a common variance are too many, and 14 of 100 runs of one thing seem different.
    """
    level = intervals.level_of(comparisons)
    (low, high), (least, most) = (points.over(cell, level, images=False) for cell in (fresh, reference))
    mean = fresh.mean - reference.mean
    below = math.hypot(fresh.mean - low, most - reference.mean)
    above = math.hypot(high - fresh.mean, reference.mean - least)
    return Gap(mean, mean - below, mean + above, "over fault maps, on the same images")


def _says(again: Again, farthest: int, pictures: bool) -> str:
    """The comparison as a sentence: how many rows are equal, or what the difference is."""
    fresh, reference = again.fresh, again.stored
    comparison = _of_rows(again, farthest, pictures) if again.rows else _difference(again.gap)
    sentence = (
        f"measured again {100 * fresh.mean:.2f} % ({_counts(fresh)}), stored {100 * reference.mean:.2f} % "
        f"({_counts(reference)}): {comparison}"
    )
    if fresh.weights != reference.weights:
        sentence += f"; other weights: {fresh.weights} now, {reference.weights} then"
    return sentence + ("; other images" if fresh.images != reference.images else "")


def _of_rows(again: Again, farthest: int, pictures: bool) -> str:
    """How many of the rows that are stored came out equal, and how far apart the others are."""
    part = f"of the {again.of} stored rows {again.rows} {'was' if again.rows == 1 else 'were'} measured again"
    where = "image by image" if pictures else "in flips and in how many images are right"
    if again.equal == again.rows:
        whole = (
            "the row equals the stored one" if again.of == 1 else f"all {again.of} rows equal the stored ones"
        )
        return f"{whole if again.rows == again.of else f'{part}, equal'}, {where}"
    return (
        f"{part}, {again.equal} of them equal, {where}; the others differ by up to {farthest} of "
        f"{again.fresh.n:,} right images; {_difference(again.gap)}"
    )


def _difference(gap: Gap) -> str:
    points_apart = f"the difference of {100 * gap.mean:+.2f} points"
    if not gap.bounded:
        return f"{points_apart} has no interval, since one fault map tells nothing of others"
    return (
        f"{points_apart} has a 95 % interval of {100 * gap.low:+.2f} to {100 * gap.high:+.2f} ({gap.over}), "
        f"which {'holds' if gap.holds_zero else 'does NOT hold'} 0"
    )


def _counts(cell: Cell) -> str:
    return f"{cell.drawn}, {cell.n} images, seed {cell.seed}"
