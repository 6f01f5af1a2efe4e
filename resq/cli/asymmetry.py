"""Does hardening against faults help against attacks more than the reverse? Trains, measures; resumable."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from resq import checkpoints, jobs
from resq.cli import options
from resq.core.errors import ResqError
from resq.measure.analysis import asymmetry as measure
from resq.measure.store import table

if TYPE_CHECKING:
    from resq.training.study import Study

_ABOUT = {
    "seeds": "seeds; below 5 the result is descriptive",
    "epochs": "more epochs of each network, even",
    "images": "training images of an epoch; 0: all",
    "batch": "images of a step",
    "lr": "learning rate, falling along half a cosine",
    "attack": "stage of A: adversarial or bpfc",
    "rate": "bit error rate that F is trained under",
    "w_sigma": "F's weights are cut to so many standard deviations of their layer; 0: not",
    "encoding": "how weights are stored, in training and measuring",
    "n": "test images",
    "maps": "fault maps",
    "steps": "PGD steps of 2/255",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "base",
        help="the checkpoint that all networks go on from; or a study's .toml, whose fields options change; "
        "or rows that a study has left, a .parquet file or a folder: their table, nothing is trained",
    )
    for name, about in _ABOUT.items():
        kind = str if name in ("attack", "encoding") else float if name in ("lr", "rate", "w_sigma") else int
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=about)
    parser.add_argument(
        "--out", type=Path, help="also write the rows to this .parquet file, a .json beside it"
    )
    parser.add_argument("--weights", type=Path, help="write the first seed's networks to this folder")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines")


def run(arguments: argparse.Namespace) -> None:
    """Runs the study and prints it, or prints what rows say."""
    overrides = {k: v for k in _ABOUT if (v := getattr(arguments, k)) is not None}
    if (place := Path(arguments.base)).is_dir() or place.suffix == ".parquet":
        if overrides or arguments.out or arguments.weights or arguments.stream:
            raise ResqError("rows are only read; options of a study go with a checkpoint or a .toml file")
        result = _of_rows(place)
        print(options.dump(result)) if arguments.json else show(result)
        return
    from resq.training import asymmetry_study  # torch

    study = _study(arguments.base, overrides)
    if arguments.out and arguments.out.suffix != ".parquet":
        raise ResqError(f"--out takes a .parquet file, got {arguments.out}")
    if arguments.stream:
        jobs.watch_parent()
        print(json.dumps({"total": len(study.cells)}), flush=True)
    tables = []
    silent = arguments.stream or arguments.json
    for name, rows in tqdm(
        asymmetry_study.run(study), total=len(study.cells), unit="network", disable=silent
    ):
        tables.append(rows)
        if arguments.stream:
            print(json.dumps({"row": {"checkpoint": name, **measure.line(rows)}}), flush=True)
    described = dataclasses.asdict(study) | {"design": study.hash}
    result = measure.summary(pd.concat(tables, ignore_index=True), described)
    if arguments.out:
        table.write(pd.concat(tables, ignore_index=True), arguments.out)
        arguments.out.with_suffix(".json").write_text(options.dump(result) + "\n")
    if arguments.weights:
        asymmetry_study.ship(study, arguments.weights)
    if arguments.stream:
        print(json.dumps({"done": {"verdict": result["verdict"]}}), flush=True)
    else:
        print(options.dump(result)) if arguments.json else show(result)


def _of_rows(place: Path) -> dict[str, Any]:
    """The summary of the rows in a file or a folder, with the study that stands beside them.

    Raises:
        ValueError: no rows of a study, networks that it needs are lacking, or seeds that its design has.
    """
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    if not files or not all(file.is_file() for file in files):
        raise ResqError(f"no rows in {place}; expected a .parquet file, or a folder of them")
    rows = pd.concat([table.read(file) for file in files], ignore_index=True)
    if lacking := measure.lacking(rows):
        raise ResqError(f"{place} holds no whole study: {lacking}")
    result = measure.summary(rows, _beside(place))
    if (there := result["effects"]["seeds"]) < (planned := result["study"].get("seeds", 0)):
        raise ResqError(
            f"{place} holds {there} of the {planned} seeds of its study; no effect is told before all are "
            "there"
        )
    return result


def _beside(place: Path) -> dict[str, Any]:
    """The study of rows, from the .json or the .toml of their name beside them; else none."""
    if (file := place.with_suffix(".json")).is_file():
        return dict(json.loads(file.read_text(encoding="utf-8"))["study"])
    if (file := place.with_suffix(".toml")).is_file():
        from resq.training import study  # torch

        described = study.read(file)
        return dataclasses.asdict(described) | {"design": described.hash}
    return {}


def _study(base: str, overrides: dict[str, Any]) -> Study:
    """The study of a .toml file, or of a checkpoint, with what the options say instead."""
    from resq.training import shipped_recipes, study  # torch

    described = study.read(Path(base)) if base.endswith(".toml") else study.Study(base)
    described = dataclasses.replace(described, **overrides)
    # Nothing begins that cannot end: the base, or the recipe of the bases, is looked up first.
    shipped_recipes.shipped(described.base) if described.recipe else checkpoints.find(described.base)
    return described


def show(result: dict[str, Any]) -> None:
    """Prints the tables and the verdict."""
    means = [
        {"model": m.upper(), **{k: f"{v:.4f}" for k, v in row.items()}} for m, row in result["means"].items()
    ]
    options.print_table(means)
    print()
    seeds = result["effects"]["seeds"]
    _print_effects(result["effects"])
    if of := result.get("study"):
        print(
            f"\nmeasured in {measure.measured_on(of)} (an upper bound), seed 0; the first table: means "
            "over seeds" + (f"; design {of['design']}" if "design" in of else "")
        )
    if alike := result.get("alike"):
        images = f"the {alike['n']:,} images that 00, A and F of every seed get right"
        print(f"\nOn {images} without fault or attack:")
        _print_effects(alike["effects"])
        if seeds > 1:
            print(f"\nAt one clean accuracy: {alike['verdict']} ({measure.WORDS[alike['verdict']]})")
    if own := result.get("own"):
        images = f"{min(own['n']):,} to {max(own['n']):,} images that its own 00, A and F get right"
        print(f"\nEach seed on the {images}, so that more seeds do not leave easier images:")
        _print_effects(own["effects"] | {"arrows": {}})
    print(f"\n{seeds} {'seed' if seeds == 1 else 'seeds'}: {result['verdict']} ({result['meaning']})")


def _print_effects(effects: dict[str, Any]) -> None:
    """The effects with their intervals, as a table."""
    # Of one seed Lambda is left out: without an interval it may be a share of next to nothing.
    named = (*measure.EFFECTS, *(("Lambda", "Delta") if effects["seeds"] > 1 else ()))
    options.print_table(
        [
            {"effect": k, "mean": _mean(effects[k]), f"95 % over {effects['over']}": _span(effects[k])}
            for k in named
        ]
    )

    if others := {name: one for name, one in effects["arrows"].items() if name not in measure.OWN}:
        print()
        options.print_table(
            [
                {"network": name, "seeds": str(one["seeds"])}
                | {f"{area} beside 00": f"{_mean(one[area])} ({_span(one[area])})" for area in ("R_A", "R_F")}
                for name, one in others.items()
            ]
        )


def _mean(effect: dict[str, float]) -> str:
    return f"{effect['mean']:+.4f}" if math.isfinite(effect["mean"]) else "undefined"


def _span(effect: dict[str, float]) -> str:
    if not math.isfinite(effect["low"]):
        return "-"
    return f"{effect['low']:+.4f} to {effect['high']:+.4f}"
