"""Verdicts on claims by a stated rule, from rows alone: alter a row and the verdict follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from resq.claims import cells as measured
from resq.claims.book import Claim, Reading
from resq.claims.cells import Cell
from resq.measure import asymmetry

REPRODUCED, EXCEEDED, MISSED, NONE = "reproduced", "exceeded", "not reproduced", "not comparable"
WIDEST = 0.2  # an interval wider than this holds almost any figure, so it reproduces none

# What a study of the asymmetry says -> the word for the claim.
LAMBDA = {
    "asymmetric as claimed": REPRODUCED,
    "asymmetric": REPRODUCED,  # "does not necessarily": help the other way round is not excluded
    "undecided": MISSED,
    "reversed": MISSED,
    "descriptive": NONE,
    "undefined": NONE,
}
RULE = (
    "The 95 % interval of the measured value, over fault maps and images together, decides. It holds the "
    "quoted figure: reproduced. It lies above, where more is better: exceeded. Else: not reproduced. "
    "No cell under the claim's conditions, or an interval wider than 20 points: not comparable. Where "
    "conditions are open every reading is judged; the claim takes the best of them, and if it starts from "
    "an unhardened figure, only of those under which the unhardened network falls to that figure too. "
    "A reading that is shown beside the others says why and decides nothing."
)


@dataclass(frozen=True)
class Judged:
    """One reading of a claim, judged.

    Attributes:
        value, low, high: the measured quantity and its 95 % interval, shares; None where not measured.
        cell: where it was measured; ``base`` is the base's cell of a gain.
        fits: whether the unhardened network shows the figure that the claim starts from; None: not known.
    """

    reading: Reading
    verdict: str
    why: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cell: Cell | None = None
    base: Cell | None = None
    fits: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """A claim, judged.

    Attributes:
        decides: the reading that the verdict rests on; None where none does.
        readings: all readings, in the claim's order.
        near: the nearest measured cells, for people.
    """

    claim: Claim
    verdict: str
    why: str
    decides: Judged | None
    readings: tuple[Judged, ...]
    near: tuple[Cell, ...]


def compare(quoted: float, low: float, high: float, aim: str) -> str:
    """The word for a quoted figure and a measured interval.

    >>> compare(0.7471, 0.80, 0.84, "at least"), compare(0.0999, 0.09, 0.12, "equal")
    ('exceeded', 'reproduced')
    """
    if high - low > WIDEST:
        return NONE
    if low <= quoted <= high:
        return REPRODUCED
    return EXCEEDED if aim == "at least" and low > quoted else MISSED


def judge(claim: Claim, rows: pd.DataFrame, book: Mapping[str, Claim]) -> Verdict:
    """The verdict on one claim, from these rows and nothing else.

    Args:
        book: all claims: one of them may be the figure that this claim starts from.
    """
    return judge_all([claim], rows, book)[0]


def judge_all(claims: Iterable[Claim], rows: pd.DataFrame, book: Mapping[str, Claim]) -> list[Verdict]:
    """The verdicts on several claims; arguments as for ``judge``."""
    found = measured.cells(rows)
    return [_judge(claim, found, rows, book) for claim in claims]


def _judge(claim: Claim, found: list[Cell], rows: pd.DataFrame, book: Mapping[str, Claim]) -> Verdict:
    if claim.kind == "asymmetry":
        return _asymmetry(claim, rows)
    readings = tuple(_fits(_read(claim, r, found), claim, found, book) for r in claim.readings)
    word, why, decides = _decide(claim, readings)
    return Verdict(claim, word, why, decides, readings, tuple(measured.near(found, claim)))


def _asymmetry(claim: Claim, rows: pd.DataFrame) -> Verdict:
    """Lambda over the seeds of the first study that has rows, in the words of ``measure.asymmetry``."""
    for network in claim.networks:
        study = rows[rows["checkpoint"].str.match(rf"{re.escape(network)}/asym-\w+-s\d+$")]
        if study.empty:
            continue
        try:
            found = asymmetry.asymmetry(asymmetry.effects(asymmetry.resilience(study)))
        except (ValueError, KeyError) as error:
            return Verdict(claim, NONE, f"the rows of {network} are not whole: {error}", None, (), ())
        said, value = asymmetry.verdict(found), found["Lambda"]
        word = LAMBDA[said]
        why = f"Lambda over {found['seeds']} seeds of {network}: {said}, {asymmetry.WORDS[said]}"
        reading = Reading(f"{network}, {found['seeds']} seeds", ())
        judged = Judged(reading, word, why, value["mean"], value["low"], value["high"])
        return Verdict(claim, word, why, judged, (judged,), ())
    return Verdict(claim, NONE, "not measured yet", None, (), ())


def _read(claim: Claim, reading: Reading, found: list[Cell]) -> Judged:
    """The reading beside its measured cell, where there is one."""
    cell = measured.pick(found, reading, claim, claim.networks)
    if cell is None:
        return Judged(reading, NONE, "not measured yet")
    if claim.kind != "gain":
        return _word(claim, Judged(reading, "", "", cell.mean, cell.low, cell.high, cell))
    base = measured.pick(found, reading, claim, (claim.base,))
    if base is None:
        return Judged(reading, NONE, f"{claim.base} is not measured there yet", cell=cell)
    gain, low, high = measured.difference(cell, base)
    return _word(claim, Judged(reading, "", "", gain, low, high, cell, base))


def _word(claim: Claim, judged: Judged) -> Judged:
    """The reading with its word."""
    assert claim.value is not None and judged.low is not None and judged.high is not None
    if claim.other:
        return replace(judged, verdict=NONE, why=claim.other)
    word = compare(claim.value, judged.low, judged.high, claim.aim)
    cell = judged.cell
    where = f"{cell.checkpoint} as {cell.encoding}, {cell.drawn}, {cell.n} images" if cell else ""
    why = "its interval is too wide to tell: " + where if word == NONE else where
    if judged.reading.aside:
        return replace(judged, verdict=NONE, why=f"beside the others, {judged.reading.aside}: {where}")
    return replace(judged, verdict=word, why=why)


def _fits(judged: Judged, claim: Claim, found: list[Cell], book: Mapping[str, Claim]) -> Judged:
    """The reading, with whether the unhardened network falls as the source says it does."""
    if not claim.baseline:
        return judged
    start = book[claim.baseline]
    before = _read(start, judged.reading, found)
    known = before.verdict in (REPRODUCED, EXCEEDED, MISSED)
    return replace(judged, base=before.cell, fits=before.verdict == REPRODUCED if known else None)


def _decide(claim: Claim, readings: tuple[Judged, ...]) -> tuple[str, str, Judged | None]:
    """The word, the reason, and the reading it rests on."""
    if claim.other:
        shown = next((r for r in readings if r.cell), None)
        return NONE, f"other conditions: {claim.other}", shown
    told = [r for r in readings if r.verdict != NONE]
    if not told:
        vague = next((r for r in readings if r.value is not None), None)
        return NONE, vague.why if vague else "not measured yet", vague
    able = [r for r in told if r.fits] if claim.baseline else told
    if not able:
        return NONE, _unfit(told, claim), told[0]
    best = min(able, key=lambda r: (EXCEEDED, REPRODUCED, MISSED).index(r.verdict))
    return best.verdict, _reason(best, able, claim), best


def _reason(best: Judged, able: list[Judged], claim: Claim) -> str:
    same = sum(r.verdict == best.verdict for r in able)
    among = f" ({same} of {len(able)} measured readings)" if len(able) > 1 else ""
    start = ", where the unhardened network falls as quoted" if claim.baseline else ""
    return f"read as {best.reading.label}{start}: {best.why}{among}"


def _unfit(told: list[Judged], claim: Claim) -> str:
    """Why measured readings do not count: the unhardened network does not fall under them."""
    first = told[0]
    stands = f"{100 * first.base.mean:.1f} %" if first.base else "at a figure not measured"
    return (
        f"under no measured reading of the hardened network does the unhardened one fall as quoted "
        f"({first.reading.label}: hardened {100 * (first.value or 0):.1f} %, unhardened {stands})"
    )
