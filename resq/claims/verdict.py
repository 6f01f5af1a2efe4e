"""Verdicts on claims by a stated rule, from rows alone: alter a row and the verdict follows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from resq import data
from resq.claims import asymmetry_claims
from resq.claims import points as measured
from resq.claims.judged import EXCEEDED, MISSED, NONE, REPRODUCED, Judged, Verdict
from resq.claims.points import Cell
from resq.claims.registry import Claim, Reading
from resq.measure.analysis import choose, intervals

FALL = 0.05  # the unhardened network falls as quoted where its whole interval lies this near to the figure
GUESS = 0.01  # a quoted accuracy this near to chance is what any network gives that only guesses

RULE = (
    "The 95 % interval of the measured value decides, over fault maps and images together (over maps alone "
    "where the claim is on the same whole test split). It lies within the claim's margin of the quoted "
    "figure, two points where nothing else is said: reproduced. It lies above the figure, where more is "
    "better: exceeded. It does not hold the figure: not reproduced. It holds the figure and is wider than "
    "the margin, no cell is under the claim's conditions, its unit or reference is open, or the figure is "
    "what guessing gives: not comparable. A gain is counted within the same words, on the same fault maps "
    "and images where they are common. Where conditions are open every reading is judged and their number is "
    "told; the claim takes the best of them, so their intervals hold 95 % for all together (Bonferroni), "
    "and if it starts from an unhardened figure, only of those under which the unhardened network falls to "
    "that figure too: its whole interval lies within five points of it. A reading that is shown beside the "
    "others says why and decides nothing. An asymmetry is reproduced where Lambda and what bit-error "
    "training gives under attack lie above 0, not reproduced where Lambda lies below 0 and the latter is "
    "not above. What no interval counts: versions of training recipes here were compared by test "
    "accuracy, a bias of at most 0.3 points by the estimate on each network's card, which does not say of "
    "how many versions."
)


def compare(quoted: float, low: float, high: float, aim: str, margin: float = 0.02) -> str:
    """The word for a quoted figure and a measured interval; NONE where the interval cannot tell.

    >>> compare(0.7471, 0.80, 0.84, "at least"), compare(0.0999, 0.09, 0.11, "equal")
    ('exceeded', 'reproduced')
    >>> compare(0.80, 0.75, 0.85, "at least")
    'not comparable'
    """
    if quoted - margin - 1e-9 <= low and high <= quoted + margin + 1e-9:
        return REPRODUCED
    if low <= quoted <= high:
        return NONE
    return EXCEEDED if aim == "at least" and low > quoted else MISSED


def judge(claim: Claim, rows: pd.DataFrame, book: Mapping[str, Claim]) -> Verdict:
    """The verdict on one claim, from these rows and nothing else.

    Args:
        book: all claims: one of them may be the figure that this claim starts from.
    """
    return judge_all([claim], rows, book)[0]


def judge_all(claims: Iterable[Claim], rows: pd.DataFrame, book: Mapping[str, Claim]) -> list[Verdict]:
    """The verdicts on several claims; arguments as for ``judge``."""
    cells = measured.cells(rows)
    return [_judge(claim, cells, rows, book) for claim in claims]


def _judge(claim: Claim, cells: list[Cell], rows: pd.DataFrame, book: Mapping[str, Claim]) -> Verdict:
    if claim.kind == "asymmetry":
        return asymmetry_claims.judge(claim, rows)
    count = max(1, sum(not r.aside and _there(claim, r, cells) for r in claim.readings))
    evidence = Evidence(cells, rows, count)
    readings = tuple(_fits(_read(claim, r, evidence), claim, evidence, book) for r in claim.readings)
    word, why, decides = _decide(claim, readings)
    return Verdict(claim, word, why, decides, readings, tuple(measured.nearest_cells(cells, claim)))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a claim is judged from: the cells, the rows behind them, of how many readings it is the best."""

    cells: list[Cell]
    rows: pd.DataFrame
    readings: int

    @property
    def level(self) -> float:
        """The level of each reading's interval."""
        return intervals.level_of(self.readings)


def _there(claim: Claim, reading: Reading, cells: list[Cell]) -> bool:
    """Whether a reading was measured."""
    return bool(_answering(claim, reading, cells, claim.networks))


def _answering(
    claim: Claim, reading: Reading, candidates: list[Cell], networks: tuple[str, ...]
) -> list[Cell]:
    """The cells that answer, those that speak first; of a claim on the whole split those on it."""
    cells = measured.every(candidates, reading, claim, (reading.network,) if reading.network else networks)
    return list(filter(_on_all_images, cells)) if claim.whole and not claim.other else cells


def _on_all_images(cell: Cell) -> bool:
    """Whether a cell is on the whole test split."""
    return cell.n >= choose.WHOLE.get(cell.data, math.inf)


def _read(claim: Claim, reading: Reading, evidence: Evidence) -> Judged:
    """The reading beside its measured cell, where there is one."""
    cells = _answering(claim, reading, evidence.cells, claim.networks)
    if not cells:
        return Judged(reading, NONE, "not measured yet")
    if claim.kind != "gain":
        images = not (
            claim.whole and _on_all_images(cells[0])
        )  # the nearest of other networks may be on fewer
        low, high = measured.over(cells[0], evidence.level, images=images)
        return _word(claim, Judged(reading, "", "", cells[0].mean, low, high, cells[0]))
    return _gain(claim, reading, cells, evidence)


def _gain(claim: Claim, reading: Reading, cells: list[Cell], evidence: Evidence) -> Judged:
    """The gain over the base in the words of the hardened network: a better code is no gain of training."""
    stored_alike = replace(reading, network="", encodings=(reading.code or cells[0].encoding,), hardened=())
    base = _answering(claim, stored_alike, evidence.cells, (claim.base,))
    pair = measured.pair(cells, base)
    if pair is None:
        missing = f"{claim.base} is not measured there as {stored_alike.encodings[0]} yet"
        return Judged(reading, NONE, missing, cell=cells[0])
    gain = measured.difference(*pair, evidence.rows, evidence.readings)
    return _word(claim, Judged(reading, "", "", gain.mean, gain.low, gain.high, *pair, how=gain.how))


def _word(claim: Claim, judged: Judged) -> Judged:
    """The reading with its word."""
    assert claim.value is not None and judged.low is not None and judged.high is not None
    cell = judged.cell
    where = f"{cell.checkpoint} as {cell.encoding}, {cell.drawn}, {cell.n} images" if cell else ""
    where += f"; {judged.how}" if judged.how else ""
    if judged.reading.aside:
        return replace(judged, verdict=NONE, why=f"beside the others, {judged.reading.aside}: {where}")
    if closed := claim.other or claim.open or guessed(claim):
        return replace(judged, verdict=NONE, why=f"{closed}: {where}")
    word = compare(claim.value, judged.low, judged.high, claim.aim, claim.margin / 100)
    if judged.high - judged.low < 1e-9 and judged.value is not None:
        apart = 100 * abs(judged.value - claim.value)
        where += f"; {apart:.2f} points from the figure, and the margin is {claim.margin:g}"
    why = (
        f"its interval is too wide to tell within {claim.margin:g} points: {where}" if word == NONE else where
    )
    return replace(judged, verdict=word, why=why)


def guessed(claim: Claim) -> str:
    """Why a figure at chance level gets no verdict; empty where it lies elsewhere."""
    if claim.kind != "accuracy" or claim.value is None or claim.data not in data.DATASETS:
        return ""
    chance_level = 1 / len(data.DATASETS[claim.data].classes)
    if abs(claim.value - chance_level) > GUESS:
        return ""
    guess = f"{100 * chance_level:.0f} % is what guessing gives"
    return f"{guess}: every network agrees that is lost and still answers"


def _fits(judged: Judged, claim: Claim, evidence: Evidence, book: Mapping[str, Claim]) -> Judged:
    """The reading, with whether the unhardened network falls as the source says it does."""
    if not claim.baseline:
        return judged
    start = book[claim.baseline]
    before = _read(start, judged.reading, evidence)
    if before.low is None or before.high is None or start.value is None or before.high - before.low >= 1:
        return replace(judged, base=before.cell)
    off = max(before.high - start.value, start.value - before.low)  # of the interval's farther end
    wide = off > FALL and before.low <= start.value <= before.high  # few maps must not make a reading fit
    return replace(judged, base=before.cell, fits=None if wide else off <= FALL)


def _decide(claim: Claim, readings: tuple[Judged, ...]) -> tuple[str, str, Judged | None]:
    """The word, the reason, and the reading it rests on."""
    shown = next((r for r in readings if r.value is not None and not r.reading.aside), None)
    if claim.other:
        return NONE, f"other conditions: {claim.other}", shown
    if closed := claim.open or guessed(claim):
        return NONE, f"{closed}; {_listed(claim, readings)}", shown
    judged = [r for r in readings if r.value is not None and not r.reading.aside]
    if not judged:
        return NONE, "not measured yet", None
    able = [r for r in judged if r.fits] if claim.baseline else judged
    if not able:
        return NONE, _unfit(judged, claim), judged[0]
    best = min(able, key=lambda r: (EXCEEDED, REPRODUCED, NONE, MISSED).index(r.verdict))
    return best.verdict, _reason(best, able, claim), best


def _listed(claim: Claim, readings: tuple[Judged, ...]) -> str:
    """All measured readings that are not set aside, with their figures: nobody picks one."""
    figures = [
        f"{r.reading.label}: {claim.spell(r.value, r.low, r.high)}"
        for r in readings
        if r.value is not None and not r.reading.aside
    ]
    return f"measured, {'; '.join(figures)}" if figures else "not measured yet"


def _reason(best: Judged, able: list[Judged], claim: Claim) -> str:
    same = sum(r.verdict == best.verdict for r in able)
    among = f" ({same} of {len(able)} measured readings)" if len(able) > 1 else ""
    start = ", where the unhardened network falls as quoted" if claim.baseline else ""
    return f"read as {best.reading.label}{start}: {best.why}{among}"


def _unfit(judged: list[Judged], claim: Claim) -> str:
    """Why measured readings do not count: the unhardened network does not fall under them."""
    first = next((r for r in judged if r.fits is None and r.base), judged[0])
    hardened = _figure(first.cell, first.value, first.low, first.high)
    base = first.base
    stands = "at a figure not measured"
    if base:
        stands = f"{_figure(base, base.mean, base.low, base.high)}, 95 % of its own"
    return (
        f"under no measured reading of the hardened network does the unhardened one fall as quoted "
        f"({first.reading.label}: hardened {hardened}, unhardened {stands}"
        f"{f', too wide an interval to tell within {100 * FALL:.0f} points' * (first.fits is None)})"
    )


def _figure(cell: Cell | None, value: float | None, low: float | None, high: float | None) -> str:
    """An accuracy with its interval, and what it is of."""
    span = f" ({100 * low:.1f} to {100 * high:.1f})" if low is not None and high is not None else ""
    of = f" of {cell.checkpoint}, {cell.drawn}, {cell.n:,} images" if cell else ""
    return f"{100 * (value or 0):.1f} %{span}{of}"
