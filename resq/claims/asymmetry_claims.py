"""Verdicts on claims of an asymmetry, from the rows of studies: five networks or more, each trained anew."""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from resq.claims.judged import MISSED, NONE, REPRODUCED, Judged, Verdict
from resq.claims.registry import Claim, Reading
from resq.core import commands
from resq.core.paths import ASSETS, beside
from resq.measure.analysis import asymmetry

# What a study of the asymmetry says -> the word for the claim; all else cannot tell.
LAMBDA = {
    "asymmetric as claimed": REPRODUCED,
    "asymmetric": REPRODUCED,  # "does not necessarily": help the other way round is not excluded
    "reversed": MISSED,
}
# What a study is made of: it is taken apart network by network, which costs by the column.
STUDIED = [
    "checkpoint", "encoding", "fault", "region", "axis", "ber", "eps", "map", "seed", "n", "correct",
    "images", "right",
]  # fmt: skip


def judge(claim: Claim, rows: pd.DataFrame) -> Verdict:
    """Lambda of the first study of a network on the claim's menu, in the words of ``measure.asymmetry``.

    Studies of other networks stand beside it and decide nothing.
    """
    judged = [judgement for network in claim.networks if (judgement := _study(rows, network))]
    others = [network for network in _studied(rows) if network not in claim.networks]
    others_judged = [judgement for network in others if (judgement := _study(rows, network))]
    readings = (*judged, *(_aside(claim, judgement) for judgement in others_judged))
    if not readings:
        return Verdict(claim, NONE, "not measured yet", None, (), ())
    if not judged:
        return Verdict(claim, NONE, f"only beside the claim: {readings[0].why}", None, readings, ())
    own = judged[0]
    tested = tuple(one.why for one in others_judged if one.value is not None or one.alike)
    return Verdict(claim, own.verdict, own.why, own, readings, (), tested if own.verdict == NONE else ())


def commands_of(verdict: Verdict) -> list[str]:
    """What prints each study's table, and what trains it anew where it was written down; else none."""
    made: list[Path] = []
    for reading in verdict.readings:
        name = reading.reading.label.partition(",")[0].replace("/", "-")
        rows = ASSETS / "results" / f"{name}-asymmetry.parquet"
        design = ASSETS / "specs" / "asymmetry" / f"{name}.toml"
        if rows.is_file():
            made += [rows, design] if _made_by(design, rows.with_suffix(".json")) else [rows]
    near = [os.path.relpath(file, beside()) if file.is_relative_to(beside()) else file for file in made]
    return [commands.line(["asymmetry", str(file)]) for file in near]


def _made_by(design: Path, summary: Path) -> bool:
    """Whether a summary is of the study that a design describes: a network may have another one beside it."""
    if not (design.is_file() and summary.is_file()):
        return False
    written = {k: v for k, v in tomllib.loads(design.read_text(encoding="utf-8")).items() if k != "about"}
    study = json.loads(summary.read_text(encoding="utf-8"))["study"]
    return all(study.get(name) == value for name, value in written.items())


def _aside(claim: Claim, study: Judged) -> Judged:
    """The study of a network that the claim does not name: it decides nothing."""
    network = study.reading.label.partition(",")[0]
    aside = (
        f"not on the claim's menu of data sets ({claim.data})"
        if network.split("/")[0] not in claim.data
        else f"not on the claim's networks ({', '.join(claim.networks)})"
    )
    reading = replace(study.reading, aside=aside)
    return replace(study, reading=reading, verdict=NONE, why=f"{aside}: {study.why}")


def _studied(rows: pd.DataFrame) -> list[str]:
    """The networks with rows of a study, data/network."""
    names = rows["checkpoint"].str.extract(r"^(.+)/asym-\w+-s\d+$")[0].dropna()
    return sorted(set(names))


def _study(rows: pd.DataFrame, network: str) -> Judged | None:
    """One network's study, or None where it has no rows."""
    study = rows.loc[rows["checkpoint"].str.match(rf"{re.escape(network)}/asym-\w+-s\d+$"), STUDIED]
    if study.empty:
        return None
    lacking = asymmetry.lacking(study)
    if lacking:
        return Judged(Reading(network, ()), NONE, f"the rows of {network} are not whole: {lacking}")
    by_seed, by_image = asymmetry.effects(asymmetry.resilience(study)), asymmetry.each_network(study)
    each = asymmetry.answers(by_image)
    effect = asymmetry.asymmetry(by_seed, each)
    outcome = asymmetry.verdict(effect)
    seeds = f"{effect['seeds']} seed{'s' * (effect['seeds'] != 1)}"
    over = f"intervals over {effect['over']}" if effect["seeds"] > 1 else "one seed has no interval"
    figure = _figure(effect["Lambda"])
    why = f"Lambda over {seeds} of {network}{figure}: {outcome}, {asymmetry.WORDS[outcome]} ({over})"
    alike = asymmetry.at_one_accuracy(study, each) if effect["seeds"] > 1 else None
    mean, low, high = _known(effect["Lambda"]) or (None, None, None)
    same = _known(alike["effects"]["Lambda"]) if alike else None
    why += _at_one_accuracy(alike) if alike else ""
    return Judged(
        Reading(f"{network}, {seeds}", ()), _word(effect, outcome), why, mean, low, high, alike=same
    )


def _word(effect: Mapping[str, Any], outcome: str) -> str:
    """The word for the claim: where F helps under attack, a larger share of the reverse denies none of it."""
    helps = effect["X_FA"]["low"] > 0
    return NONE if outcome == "reversed" and helps else LAMBDA.get(outcome, NONE)


def _at_one_accuracy(alike: Mapping[str, Any]) -> str:
    images = f"on the {alike['n']:,} images that 00, A and F of every seed get right"
    meaning = asymmetry.WORDS[alike["verdict"]]
    figure = _figure(alike["effects"]["Lambda"])
    return (
        f", and at one clean accuracy ({images}) it{figure or ' is undefined'}: {alike['verdict']}, {meaning}"
    )


def _figure(value: Mapping[str, float]) -> str:
    """What it is, with its interval; "" where there is none."""
    known = _known(value)
    return f" is {known[0]:.2f} ({known[1]:.2f} to {known[2]:.2f})" if known else ""


def _known(value: Mapping[str, float]) -> tuple[float, float, float] | None:
    """A figure and its interval; None where it has none."""
    return None if math.isnan(value["low"]) else (value["mean"], value["low"], value["high"])
