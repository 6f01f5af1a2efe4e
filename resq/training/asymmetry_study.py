"""Trains 00, A, F and AF of every seed from one base and measures them on the same maps, images and starts.

Every network and every table of rows is a file of its own, so a killed study goes on where it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from resq import checkpoints, data
from resq.core import paths
from resq.measure.analysis import areas
from resq.measure.analysis.asymmetry import MODELS
from resq.measure.run import sweep
from resq.measure.specs import plugged
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.training import harden
from resq.training import recipe as recipes
from resq.training.finish import finish
from resq.training.presets import Plan
from resq.training.shipped_recipes import shipped
from resq.training.stages import STAGES
from resq.training.study import JUDGED_ON, Study
from resq.training.tuning.stage import options
from resq.training.tuning.stage_eval import EvalConfig


def name(study: Study, model: str, seed: int) -> str:
    """The checkpoint's name, such as signs/resnet20/asym-af-s3."""
    return f"{study.base.rpartition('/')[0]}/asym-{model}-s{seed}"


def plan(study: Study, model: str, seed: int) -> Plan:
    """The stages of one network; all four have the same epochs, images, batches and learning rate."""
    shared = {"batch": study.batch, "lr": study.lr, "drop": 1.0, "n_valid": 200, "bf16": study.bf16}
    own: dict[str, dict[str, Any]] = {
        "clean": {},
        "adversarial": {"steps": 1},
        "bpfc": {"rates": [study.lr, study.lr / 5], "weights": [9.0, 81.0]},
        "bit_error": {"rate": study.rate, "encoding": study.encoding, "w_sigma": study.w_sigma},
    }
    for stage, more in ((study.attack, study.a), ("bit_error", study.f)):
        own[stage] |= more
    listed = {"00": ["clean"], "a": [study.attack], "f": ["bit_error"], "af": [study.attack, "bit_error"]}
    names = listed[model] if model in listed else [study.stage(model)]
    if model in study.more:
        own = {names[0]: study.own(model)}
    epochs = study.epochs // len(names)
    stages = [(s, options(s, STAGES, {**shared, **own[s], "epochs": epochs})) for s in names]
    few = EvalConfig(n=100, attacked=50, maps=1, steps=3)
    base = str(_base(study, seed)) if study.recipe else study.base
    return Plan(base, name(study, model, seed), tuple(stages), "asymmetry", study.images, seed, few)


def spec(study: Study, checkpoint: str) -> SweepSpec:
    """What is measured of every network: the cells of R_F and R_A, with one seed for all."""
    return SweepSpec(
        checkpoint,
        encoding=study.encoding,
        data=study.base.split("/")[0] + JUDGED_ON[study.on] if JUDGED_ON[study.on] else "",
        bers=(0.0, *study.bers),
        maps=study.maps,
        eps=areas.EPS,
        steps=study.steps,
        n=study.n,
        precision=study.precision,
    )


def run(study: Study, report: harden.Report = lambda row: None) -> Iterator[tuple[str, pd.DataFrame]]:
    """(checkpoint's name, its rows), as they are done; what an earlier call has done is read."""
    for model, seed in study.cells:
        file = place(study, model) / "rows" / f"{model}-s{seed}.parquet"
        checkpoint = name(study, model, seed)
        if not file.is_file():
            _train(study, model, seed, report)
            weights = place(study, model) / "weights" / f"{checkpoint}.safetensors"
            measured = table.frame(sweep.run(spec(study, str(weights))))
            table.write(measured.assign(checkpoint=checkpoint), file)
        yield checkpoint, table.read(file)


def _base(study: Study, seed: int) -> Path:
    """The base of this seed, where each has one of its own."""
    return folder(study) / "weights" / f"{base_recipe(study, seed).name}.safetensors"


def base_recipe(study: Study, seed: int) -> recipes.Recipe:
    """How the base of a seed is trained."""
    own = shipped(study.base)
    epochs = study.base_epochs or own.epochs
    return dataclasses.replace(own, variant=f"asym-base-s{seed}", seed=seed, epochs=epochs)


def folder(study: Study) -> Path:
    """Where the study keeps its networks and rows."""
    name_of = study.base.split("/")
    dataset, network = (
        name_of[:2]
        if len(name_of) == 3 and not study.base.endswith(".safetensors")
        else (checkpoints.card(study.base)[key] for key in ("data", "network"))
    )
    foreign = plugged.of_training(network, dataset, STAGES)
    made_of = "-".join([study.hash, *[foreign] * bool(foreign)])
    return paths.work() / "asymmetry" / f"{study.base.replace('/', '-')}-{made_of}"


def place(study: Study, model: str) -> Path:
    """Where one kind of network is kept: a further one apart, by what it is made with."""
    own = study.hash_of(model)
    return folder(study) / f"{model}-{own}" if own else folder(study)


def _train(study: Study, model: str, seed: int, report: harden.Report) -> None:
    if study.recipe and not _base(study, seed).is_file():
        recipe = base_recipe(study, seed)
        report({"model": "base", "seed": seed, "epochs": recipe.epochs})
        finish(recipe, data.load(recipe.data, "train"), folder(study) / "weights", candidate=True)
    made = plan(study, model, seed)
    if not (place(study, model) / "weights" / f"{made.result}.json").is_file():
        done = harden.harden(made, lambda row: report({"model": model, "seed": seed, **row}))
        harden.publish(done, place(study, model) / "weights", test=False)
        harden.forget(made)


def ship(study: Study, to: Path) -> list[Path]:
    """Writes the first seed's four networks, tested, into a folder of checkpoints."""
    files = [folder(study) / "weights" / f"{name(study, model, study.first)}.safetensors" for model in MODELS]
    return [harden.publish(checkpoints.load(str(file)), to) for file in files]
