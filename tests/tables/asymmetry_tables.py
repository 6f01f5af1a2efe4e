"""Tables of the studies of the asymmetry: those that were tested, the one that is described, the pilots."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resq.core import paths
from resq.measure.analysis import asymmetry, stats
from resq.measure.store import table
from resq.training import study as studies
from tests.tables import conditions

EFFECTS = (*asymmetry.EFFECTS, "Lambda", "Delta")
SPECS = paths.ROOT / "assets" / "specs" / "asymmetry"


def tested() -> list[str]:
    """Of every shipped study with more than one seed the effects, on all images and at one clean accuracy."""
    found = [json.loads(file.read_text()) for file in sorted(table.SHIPPED.glob("*-asymmetry.json"))]
    lines: list[str] = []
    for study in sorted(found, key=lambda one: one["study"]["base"]):
        if study["effects"]["seeds"] > 1:
            lines += [*_one(study), ""]
    return lines[:-1]


def _one(found: dict[str, Any]) -> list[str]:
    study, alike, effects = found["study"], found["alike"], found["effects"]
    name, seeds = study["base"].rpartition("/")[0], f"{effects['seeds']} seeds"
    bases = "a base of its own each" if study.get("recipe") else "one base"
    conditions_of = _studied(f"{name.replace('/', '-')}-asymmetry", study)
    same = f"the {alike['n']:,} that 00, A and F of every seed get right"
    lines = [
        f"**{name}**, {seeds}, {bases}; design `{study['design']}`. {conditions_of}",
        "",
        f"| effect | all images, 95 % over {effects['over']} | {same} | {_own(found['own'])} |",
        "|---|---|---|---|",
    ]
    columns = (effects, alike["effects"], found["own"]["effects"])
    lines += [f"| {one} | {' | '.join(_cell(one, each) for each in columns)} |" for one in EFFECTS]
    for model, own in effects["arrows"].items():
        if model in asymmetry.OWN:
            continue
        other = alike["effects"]["arrows"][model]
        for area in ("R_A", "R_F"):
            lines.append(f"| `{model}`, {area} | {span(own[area], 3)} | {span(other[area], 3)} | |")
    same_word = f"{alike['verdict']} ({asymmetry.WORDS[alike['verdict']]})"
    word = f"{seeds}: {found['verdict']} ({found['meaning']}); at one clean accuracy: {same_word}."
    return [*lines, "", word]


def _own(own: dict[str, Any]) -> str:
    """The head of the column of each seed on images of its own."""
    counts = f"{min(own['n']):,} to {max(own['n']):,}"
    return f"those that the three of one seed get right ({counts}), 95 % over seeds"


def _cell(name: str, effects: dict[str, Any]) -> str:
    row = effects[name]
    if row["mean"] is None:
        return f"undefined, g = {effects['g']['D_A']:.2f} of D_A and {effects['g']['D_F']:.2f} of D_F"
    return span(row, {"Delta": 4, "Lambda": 2}.get(name, 3))


def span(row: dict[str, float], digits: int) -> str:
    """A change with its interval, in so many digits."""
    return f"{row['mean']:+.{digits}f} ({row['low']:+.{digits}f} to {row['high']:+.{digits}f})".replace(
        "-", "−"
    )


def _studied(file: str, study: dict[str, Any]) -> str:
    """What a study was measured with, from its rows, and over which rates and budgets its areas run."""
    rows = table.read(table.SHIPPED / f"{file}.parquet")
    (said, _) = conditions.sentence([stats.curve(rows), stats.curve(rows, "eps")])
    rates = sorted(set(rows.loc[rows["ber"] > 0, "ber"]))
    budgets = ", ".join(f"{eps:g}" for eps in sorted(set(rows["eps"])))
    return (
        f"{said.partition('. In brackets')[0]}; words `{study['encoding']}`. R_F runs over BER {rates[0]:g} "
        f"to {rates[-1]:g}, R_A over eps {budgets} of 255 under that PGD, an upper bound."
    )


def described() -> list[str]:
    """The study of one seed in a sentence."""
    found = json.loads((table.SHIPPED / "cifar10-resnet18-asymmetry.json").read_text())
    effects, clean = found["effects"], {name: row["clean"] for name, row in found["means"].items()}
    moved, same = (
        {name: f"{each[name]['mean']:+.3f}".replace("-", "−") for name in asymmetry.EFFECTS}
        for each in (effects, found["alike"]["effects"])
    )
    cost = f"{clean['a'] - clean['00']:+.3f}".replace("-", "−")
    return [
        _studied("cifar10-resnet18-asymmetry", found["study"]),
        "",
        f"F moves R_A by {moved['X_FA']} (A itself by {moved['D_A']}), A moves R_F by {moved['X_AF']} (F "
        f"itself by {moved['D_F']}) and clean accuracy by {cost}, from {100 * clean['00']:.1f} to "
        f"{100 * clean['a']:.1f} %. On the {found['alike']['n']:,} images that 00, A and F get right, where "
        f"all have one clean accuracy, A moves R_F by {same['X_AF']} and F R_A by {same['X_FA']}. One seed "
        "has no interval, and no Lambda.",
    ]


def pilots() -> list[str]:
    """One line for each pilot whose rows are here: the direct gains, and whether they are clear of 0."""
    lines = [
        "| pilot, design | seeds, epochs | held-out images, maps | D_A | D_F | both clear of 0 "
        "| D_A at one clean accuracy | D_F | both clear |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return [*lines, *map(_pilot, sorted(SPECS.glob("*-pilot*.parquet"), key=lambda file: file.stem))]


def _pilot(file: Path) -> str:
    study, rows = studies.read(file.with_suffix(".toml")), table.read(file)
    found = asymmetry.summary(rows, {})
    size = f"{found['effects']['seeds']}, {study.epochs} | {study.n:,}, {study.maps}"
    both = " | ".join(_direct(one["effects"]) for one in (found, found["alike"]))
    return f"| `{file.stem}`, `{study.hash}` | {size} | {both} |"


def _direct(effects: dict[str, Any]) -> str:
    """Both direct gains, and whether each lies above the whole of its interval."""
    clear = all(effects[name]["low"] > 0 for name in ("D_A", "D_F"))
    return f"{span(effects['D_A'], 3)} | {span(effects['D_F'], 3)} | {'yes' if clear else 'no'}"


TABLES: dict[str, Callable[[], list[str]]] = {
    "asymmetry": tested,
    "described": described,
    "pilots": pilots,
}
