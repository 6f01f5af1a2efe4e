"""Figures in texts: a place names one measured figure in full, or is refused. No streamlit.

    {acc checkpoint=signs/resnet20/base encoding=int8 fault=random ber=1e-2}
    {acc checkpoint=signs/resnet20/base encoding=int8 attack=pgd steps=20 restarts=1 eps=8}
    {drop ...}           points lost against the same network without faults or attack
    {more ... | ...}     by how many points the first is more accurate than the second
    {of ...}             the images and fault maps of a figure; {of ... | ...}: those that a difference is on

The first two become a share with its 95 % interval over maps and images; the next two are differences on
common maps and images. Of cells of one point ``choose.speaking`` says which one speaks; how many images and
maps it has, its seed, the rate its maps were drawn at and its weights are told under the text
(``Filled.sources``).
``n=`` names the images: the first n, cut from a longer measurement where none was of so many.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage import common_images, rests_on
from resq.core.errors import ResqError
from resq.measure.analysis import choose, paired, stats

NAMED = {
    "ber": ("checkpoint", "encoding", "fault", "ber"),
    "eps": ("checkpoint", "encoding", "attack", "steps", "restarts", "eps"),
}
MORE = ("weights", "seed", "top", "n")  # may be named beside
NUMBERS = ("ber", "eps", "steps", "restarts", "seed", "top", "n")
DIFFERENCES = ("drop", "more")
KINDS = ("acc", *DIFFERENCES, "of")
ABSENT = "(not measured here)"
At = dict[str, str]


@dataclass(frozen=True)
class Filled:
    """A text with its places filled.

    Attributes:
        sources: what each figure in it is, one sentence per cell.
        whole: whether all of its figures are measured here.
    """

    text: str
    sources: tuple[str, ...]
    whole: bool

    @property
    def full(self) -> str:
        """The text, and on what its figures rest."""
        return " ".join(filter(None, (self.text, rests_on.sentence(self.sources))))


def places(text: str) -> list[tuple[str, list[At]]]:
    """(kind, the cells it names) of every place of a text.

    Raises:
        ResqError: a place of an unknown kind, or one that does not name its figure in full.
    """
    return [_place(match[1]) for match in re.finditer(r"\{([^{}]+)\}", text)]


def _place(inside: str) -> tuple[str, list[At]]:
    kind, _, rest = inside.partition(" ")
    if kind not in KINDS:
        raise ResqError(
            f"{{{inside}}} is no place: write {{acc ...}}, {{drop ...}}, {{more ... | ...}} or {{of ...}}"
        )
    figures = [_named(part, inside) for part in rest.split("|")]
    if len(figures) not in {"more": (2,), "of": (1, 2)}.get(kind, (1,)):
        wanted = "two figures, with | between them" if kind == "more" else "one figure"
        raise ResqError(f"{{{inside}}} names {len(figures)} figures; {kind} takes {wanted}")
    return kind, figures


def _named(text: str, inside: str) -> At:
    """What one figure names, checked to be all that decides it."""
    pairs = text.split()
    if not all("=" in pair for pair in pairs):
        raise ResqError(f"{{{inside}}} is no place: what is named is written key=value")
    at = dict(pair.split("=", 1) for pair in pairs)
    wanted = NAMED["eps" if "eps" in at else "ber"]
    lacking = [key for key in wanted if key not in at]
    unknown = sorted(set(at) - {*wanted, *MORE})
    if lacking or unknown:
        fault = f"does not name {', '.join(lacking)}" if lacking else f"has {', '.join(unknown)}"
        raise ResqError(
            f"{{{inside}}} {fault}; a figure names {', '.join(wanted)}, and may name {', '.join(MORE)}"
        )
    for key in set(at) & set(NUMBERS):
        _number(key, at[key], inside)
    return at


def _number(key: str, value: str, inside: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ResqError(f"{{{inside}}}: {key} is a number, got {value!r}") from None


def lines(rows: pd.DataFrame, at: At) -> pd.DataFrame:
    """The measured cells at a place, lines of ``stats.curve``, those that speak first.

    Raises:
        ResqError: they answer more than one question, such as those of two sets of weights.
    """
    return _lines(_behind(rows, at), at)


def _behind(rows: pd.DataFrame, at: At) -> pd.DataFrame:
    """The rows of all cells at a place."""
    same = (rows["checkpoint"] == at["checkpoint"]) & (rows["axis"] == _axis(at)) & (rows["region"] == "all")
    matching = rows[same]
    same = pd.Series(True, index=matching.index)
    for key, value in at.items():
        if key == "n" or (key == "fault" and float(at["ber"]) == 0):
            continue  # without flips it does not matter which bits would have flipped
        same &= (matching[key] - float(value)).abs() < 1e-12 if key in NUMBERS else matching[key] == value
    return _on(matching[same], int(float(at["n"]))) if "n" in at else matching[same]


def _on(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """The rows of n images; where there are none, longer ones cut to their first n."""
    exact = rows[rows["n"] == n]
    noted = (rows["n"] > n) & (rows["sample"] == "first") & (rows["right"].map(len) * 8 >= rows["n"])
    return exact if len(exact) else common_images.first(rows[noted], n)


def _lines(matching: pd.DataFrame, at: At) -> pd.DataFrame:
    """The cells of these rows, those that speak first; see ``lines``."""
    curve = choose.ranked(stats.curve(matching, _axis(at)))
    if len(curve) and curve["weights"].nunique() > 1:
        held = ", ".join(sorted(set(curve["weights"])))
        raise ResqError(f"{at['checkpoint']} was measured with the weights {held}: name those that are meant")
    return curve


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
    listed = places(text)
    if [kind for kind, _ in listed] != ["acc"]:
        raise ResqError(f"{text!r} names {len(listed)} figures; one accuracy is wanted: {{acc ...}}")
    cells = lines(rows, listed[0][1][0])
    return math.nan if cells.empty else 100 * float(cells.iloc[0]["mean"])


def _filled(kind: str, at: list[At], rows: pd.DataFrame, comparisons: int) -> tuple[str, list[str]]:
    """What stands in a place, and what it is."""
    if kind == "acc":
        cells = lines(rows, at[0])
        if cells.empty:
            return ABSENT, []
        return share(cells.iloc[0]), [source(cells.iloc[0])]
    if kind == "of":
        return _of(rows, at), []
    pair = (at[0], at[1]) if kind == "more" else (_clean(at[0]), at[0])
    gain, behind = _compared(rows, *pair, comparisons)
    if gain is None:
        return ABSENT, []
    alone = ", its interval 95 % of its own"
    together = f", and for all {comparisons} comparisons of this text together" if comparisons > 1 else alone
    difference = f"{100 * gain.mean:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    return difference.replace("-", "−"), [
        f"{_cell(pair[0])} less {_cell(pair[1])}: {gain.how}{behind}{together}"
    ]


def _of(rows: pd.DataFrame, at: list[At]) -> str:
    """The images and fault maps of one figure, or those that the difference of two is on."""
    if len(at) == 2:
        gain = compared(rows, at[0], at[1], 1)
        return ABSENT if gain is None else _images_and_maps(gain.n, gain.maps, at[0])
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


def compared(rows: pd.DataFrame, a: At, b: At, comparisons: int) -> paired.Difference | None:
    """The first figure less the second, on common images and maps; None where there are none."""
    return _compared(rows, a, b, comparisons)[0]


def _compared(rows: pd.DataFrame, a: At, b: At, comparisons: int) -> tuple[paired.Difference | None, str]:
    """See ``compared``; and what else decides it: seed, weights, the rate that maps were drawn at."""
    behind = [_behind(rows, at) for at in (a, b)]
    first, second = (_lines(own, at).to_dict("records") for own, at in zip(behind, (a, b), strict=True))
    same = [(i, j) for i in first for j in second if i["n"] == j["n"]]
    for pair in sorted(same, key=lambda pair: pair[0]["maps"] != pair[1]["maps"]):
        own, other = (
            choose.rows_of(rows_at, pd.DataFrame([line]), _axis(at))
            for rows_at, line, at in zip(behind, pair, (a, b), strict=True)
        )
        if paired.comparable(own, other):
            return paired.difference(own, other, comparisons), _decided_by(pair)
    return None, ""


def _decided_by(pair: Sequence[Mapping[Hashable, Any]]) -> str:
    """What a difference's sentence adds about the two cells, as ``source`` says it of one."""
    drawn = dict.fromkeys(f"{line['top']:g}" for line in pair if line["x"] and line["top"])
    maps = f", maps drawn at {' and '.join(drawn)}" if drawn and pair[0]["attack"] == "none" else ""
    seeds = " and ".join(dict.fromkeys(str(line["seed"]) for line in pair))
    weights = " and ".join(dict.fromkeys(str(line["weights"])[:8] for line in pair))
    return f"{maps}, seed {seeds}, weights {weights}"


def _axis(at: At) -> str:
    return "eps" if "eps" in at else "ber"


def _cell(at: At) -> str:
    where = f"{at['attack']} eps {at['eps']}/255" if "eps" in at else f"{at['fault']} BER {at['ber']}"
    return f"{at['checkpoint']} in {at['encoding']}, {where if float(at.get('ber', 1)) else 'BER 0'}"


def source(line: pd.Series) -> str:
    """What one figure is, in full."""
    attacked = line["attack"] != "none"
    where = (
        f"{line['attack']}, {line['steps']} steps, {line['restarts']} start(s), eps {line['x']:g}/255"
        if attacked
        else f"{line['fault']} faults, BER {line['x']:g}" if line["x"] else "no faults"
    )  # fmt: skip
    drawn = f" drawn at {line['top']:g}" if line["top"] else ""
    maps = f"{line['maps']} maps{drawn}, " if line["x"] and not attacked else ""
    return (
        f"{line['checkpoint']} in {line['encoding']}, {where}: {maps}the first {line['n']:,} test "
        f"images, seed {line['seed']}, weights {line['weights'][:8]}"
    )
