"""Figures in texts: a place names one measured figure in full, or is refused. No streamlit.

    {acc checkpoint=signs/resnet20/base encoding=int8 fault=random ber=1e-2}
    {acc checkpoint=signs/resnet20/base encoding=int8 attack=pgd steps=20 restarts=1 eps=8}
    {drop ...}           points lost against the same network without faults or attack
    {more ... | ...}     by how many points the first is more accurate than the second
    {of ...}             the images and fault maps of a figure; {of ... | ...}: those that a difference is on

The first two become a share with its 95 % interval over maps and images; the next two are differences on
common maps and images. Of cells of one point ``choose.speaking`` says which one speaks; how many images and
maps it has, its seed, the rate its maps were drawn at and its weights are told under the text
(``rests_on``).
``n=`` names the images: the first n, cut from a longer measurement where none was of so many.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage import rests_on
from dashboard.model.storage.place_cells import compared, lines
from dashboard.model.storage.place_names import DIFFERENCES, At, places
from dashboard.model.storage.rests_on import Behind
from resq.core.errors import ResqError

ABSENT = "(not measured here)"
__all__ = ["ABSENT", "At", "Filled", "cell", "fill", "lines", "places", "share", "value"]


@dataclass(frozen=True)
class Filled:
    """A text with its places filled.

    Attributes:
        figures: what is behind each figure in it.
        whole: whether all of its figures are measured here.
    """

    text: str
    figures: tuple[Behind, ...]
    whole: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """What each figure in it is, one sentence per cell."""
        return tuple(figure.text for figure in self.figures)

    @property
    def full(self) -> str:
        """The text, and on what its figures rest."""
        return " ".join(filter(None, (self.text, rests_on.sentence(self.figures))))


def fill(text: str, rows: pd.DataFrame, comparisons: int = 0) -> Filled:
    """The text with its places filled from measured rows; what was not measured says so.

    Args:
        comparisons: of how many those of this text are some, so that their intervals hold for all together;
            0: of its own alone.

    Raises:
        ResqError: a place that cannot be one, or that more than one measured figure answers.
    """
    listed = places(text)
    comparisons = comparisons or sum(kind in DIFFERENCES for kind, _ in listed)
    filled, sources, whole = iter([_filled(kind, at, rows, comparisons) for kind, at in listed]), [], True
    parts = []
    for piece in re.split(r"\{[^{}]+\}", text):
        parts.append(piece)
        if len(parts) <= len(listed):
            value, of = next(filled)
            parts[-1] += value
            sources += of
            whole &= value != ABSENT
    return Filled("".join(parts), tuple(dict.fromkeys(sources)), whole)


def value(text: str, rows: pd.DataFrame) -> float:
    """The accuracy, in percent, at the one place {acc ...} of a text; NaN where it was not measured.

    Raises:
        ResqError: not one place of an accuracy, or one that more than one measured figure answers.
    """
    line = cell(text, rows)
    return math.nan if line is None else 100 * float(line["mean"])


def cell(text: str, rows: pd.DataFrame) -> pd.Series | None:
    """The cell that speaks at the one place {acc ...} of a text, of ``stats.curve``; None: not measured.

    Raises:
        ResqError: as of ``value``.
    """
    listed = places(text)
    if [kind for kind, _ in listed] != ["acc"]:
        raise ResqError(f"{text!r} names {len(listed)} figures; one accuracy is wanted: {{acc ...}}")
    cells = lines(rows, listed[0][1][0])
    return None if cells.empty else cells.iloc[0]


def _filled(kind: str, at: list[At], rows: pd.DataFrame, comparisons: int) -> tuple[str, list[Behind]]:
    """What stands in a place, and what is behind it."""
    if kind == "acc":
        cells = lines(rows, at[0])
        return (ABSENT, []) if cells.empty else (share(cells.iloc[0]), [rests_on.of_cell(cells.iloc[0])])
    if kind == "of":
        return _of(rows, at), []
    both = [at[0], at[1]] if kind == "more" else [_clean(at[0]), at[0]]
    matched = compared(rows, both[0], both[1], comparisons)
    if matched is None:
        return ABSENT, []
    gain, pair = matched
    alone = ", its interval 95 % of its own"
    together = f", and for all {comparisons} comparisons of this text together" if comparisons > 1 else alone
    span = f"{100 * gain.low:.1f} to {100 * gain.high:.1f}"
    known = "one map, no interval" if math.isnan(gain.low) else span
    difference = f"{100 * gain.mean:.1f} points ({known})"
    return difference.replace("-", "−"), [rests_on.of_difference(gain, pair, both, together)]


def _of(rows: pd.DataFrame, at: list[At]) -> str:
    """The images and fault maps of one figure, or those that the difference of two is on."""
    if len(at) == 2:
        matched = compared(rows, at[0], at[1], 1)
        return ABSENT if matched is None else _images_and_maps(matched[0].n, matched[0].maps, at[0])
    cells = lines(rows, at[0])
    return ABSENT if cells.empty else _images_and_maps(int(cells.iloc[0]["n"]), cells.iloc[0]["maps"], at[0])


def _images_and_maps(n: int, maps: int, at: At) -> str:
    struck = "eps" not in at and float(at["ber"]) > 0
    return f"{n:,} images, {maps} fault maps" if struck else f"{n:,} images"


def share(line: pd.Series) -> str:
    """An accuracy with its interval.

    >>> share(pd.Series({"mean": 0.8, "low": 0.7, "high": math.nan})).replace(numbers.THIN, " ")
    '80.0 % (one map, no interval)'
    """
    if math.isnan(line["high"]):
        return f"{numbers.percent(line['mean'])} (one map, no interval)"
    return f"{numbers.percent(line['mean'])} ({100 * line['low']:.1f} to {100 * line['high']:.1f})"


def _clean(at: At) -> At:
    """The same network without faults or attack."""
    return {key: at[key] for key in ("checkpoint", "encoding") if key in at} | {"fault": "random", "ber": "0"}
