"""On what the figures of a text rest: cells, images, fault maps, seeds. No streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dashboard.format import numbers
from dashboard.model.storage.place_names import At
from resq.measure.analysis import drawn_images, intervals, paired


@dataclass(frozen=True)
class Behind:
    """What is behind one figure of a text.

    Attributes:
        text: all of it, in a sentence.
        images: test images that it is on.
        maps: fault maps, of a difference the common ones; 0 where none is.
        own: of a difference without common maps those of either cell.
        seeds: of maps and random starts.
    """

    text: str
    images: int
    maps: int
    own: tuple[int, ...]
    seeds: tuple[int, ...]


def sentence(figures: Sequence[Behind]) -> str:
    """What the figures of a text rest on, each kind once; empty where it has none.

    Where there are several kinds each says of which figures it is, counted as they are read.

    >>> sentence([Behind("", 500, 12, (), (0,)), Behind("", 500, 12, (), (0,))])
    'Measured on 500 images, 12 fault maps; seed 0.'
    >>> some, more = Behind("", 500, 10, (), (0,)), Behind("", 500, 20, (), (0,))
    >>> sentence([some, more, some]).partition(";")[0]
    'Measured on 500 images, 10 fault maps (1st and 3rd figure)'
    """
    kinds = "; ".join(_kinds([_kind(figure) for figure in figures]))
    seeds = ", ".join(dict.fromkeys(" and ".join(map(str, figure.seeds)) for figure in figures))
    maps = [count for figure in figures for count in (figure.maps, *figure.own) if count > 1]
    few = intervals.caution(min(maps, default=0))
    return f"Measured on {kinds}; seed {seeds}{'. ' * bool(few)}{few}." if figures else ""


def _kinds(named: Sequence[str]) -> list[str]:
    """Each kind once, with the figures that are of it where there are several."""
    places: dict[str, list[str]] = {}
    for number, kind in enumerate(named, 1):
        places.setdefault(kind, []).append(_ordinal(number))
    if len(places) < 2:
        return list(places)
    return [f"{kind} ({_listed(numbers)} figure)" for kind, numbers in places.items()]


def _ordinal(number: int) -> str:
    """A place in a row.

    >>> _ordinal(1), _ordinal(12), _ordinal(23)
    ('1st', '12th', '23rd')
    """
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 < number % 100 < 20 else ends.get(number % 10, 'th')}"


def _listed(words: Sequence[str]) -> str:
    """Words with commas and an "and" before the last."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _kind(figure: Behind) -> str:
    maps = f", {figure.maps} fault maps" if figure.maps else ""
    own = f", {' and '.join(map(str, figure.own))} fault maps, not common ones" if figure.own else ""
    return f"{figure.images:,} images{maps}{own}"


def of_cell(line: pd.Series) -> Behind:
    """What is behind the figure of one cell, a line of ``stats.curve``."""
    attacked = line["attack"] != "none"
    where = (
        f"{line['attack']}, {line['steps']} steps, {numbers.counted(line['restarts'], 'start')}, "
        f"eps {line['x']:g}/255"
        if attacked
        else f"{line['fault']} faults, BER {line['x']:g}" if line["x"] else "no faults"
    )  # fmt: skip
    struck = line["x"] > 0 and not attacked
    drawn = f" drawn at {rates}" if (rates := _drawn([line])) else ""
    maps = f"{line['maps']} maps{drawn}, " if struck else ""
    text = (
        f"{line['checkpoint']} in {line['encoding']}, {where}: {maps}"
        f"{drawn_images.described(*line[['sample', 'n', 'data', 'images']])}, seed {line['seed']}, "
        f"weights {line['weights'][:8]}"
    )
    return Behind(text, int(line["n"]), int(line["maps"]) if struck else 0, (), (int(line["seed"]),))


def of_difference(gain: paired.Difference, pair: Sequence[pd.Series], at: Sequence[At], level: str) -> Behind:
    """What is behind the difference of two cells.

    Args:
        pair: the lines of both cells.
        at: the places that named them.
        level: what the interval holds for, in words.
    """
    rates = _drawn(pair) if pair[0]["attack"] == "none" else ""
    maps = f", maps drawn at {rates}" if rates else ""
    seeds = tuple(dict.fromkeys(int(line["seed"]) for line in pair))
    weights = " and ".join(dict.fromkeys(str(line["weights"])[:8] for line in pair))
    text = (
        f"{_named(at[0])} less {_named(at[1])}: {gain.how}{maps}, seed {' and '.join(map(str, seeds))}, "
        f"weights {weights}{level}"
    )
    own = () if gain.maps else (int(pair[0]["maps"]), int(pair[1]["maps"]))
    return Behind(text, gain.n, gain.maps if gain.maps > 1 else 0, own, seeds)


def _drawn(lines: Sequence[pd.Series]) -> str:
    """The rates that maps were drawn at, where bits flip and they are noted."""
    return " and ".join(dict.fromkeys(f"{line['top']:g}" for line in lines if line["x"] and line["top"]))


def _named(at: At) -> str:
    where = f"{at['attack']} eps {at['eps']}/255" if "eps" in at else f"{at['fault']} BER {at['ber']}"
    return f"{at['checkpoint']} in {at['encoding']}, {where if float(at.get('ber', 1)) else 'BER 0'}"
