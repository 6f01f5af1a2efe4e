"""Trains 00, A, F and AF of every seed from one base and measures them on the same maps, images and starts.

Every network and every table of rows is a file of its own, so a killed study goes on where it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from resq import checkpoints
from resq.core import paths, validation
from resq.core.errors import ResqError
from resq.measure.analysis import areas
from resq.measure.analysis.asymmetry import MODELS
from resq.measure.run import sweep
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.training import harden
from resq.training.presets import Plan
from resq.training.stages import STAGES
from resq.training.tuning.stage import options
from resq.training.tuning.stage_eval import EvalConfig


@dataclass(frozen=True)
class Study:
    """Every input that decides an asymmetry study.

    Attributes:
        seeds: how many; each trains its own four networks.
        epochs: more epochs of every network, even: AF spends half of them on each of the two.
        images: training images of an epoch; 0: all but the held-out ones.
        attack: the stage of A, ``adversarial`` (one FGSM step from a random start) or ``bpfc``.
        rate: bit error rate that F is trained under, in ``encoding``.
        w_sigma: F's weights are cut to so many standard deviations of their layer; 0: not.
        n, maps, steps: test images, fault maps and PGD steps of the measurement.
    """

    base: str
    seeds: int = 5
    epochs: int = 2
    images: int = 1600
    batch: int = 32
    lr: float = 0.02
    attack: str = "adversarial"
    rate: float = 0.02
    w_sigma: float = 0.0
    encoding: str = "int8"
    n: int = 160
    maps: int = 5
    steps: int = 7

    def __post_init__(self) -> None:
        validation.check_types(self, "study")
        if self.seeds < 1:
            raise ResqError(f"a study needs at least 1 seed, got {self.seeds}")
        if self.epochs < 2 or self.epochs % 2:
            raise ResqError(f"epochs must be even, half for each half of AF, got {self.epochs}")
        if self.attack not in ("adversarial", "bpfc"):
            raise ResqError(f"A is trained by adversarial or bpfc, got {self.attack!r}")

    @property
    def hash(self) -> str:
        """16 hex digits of what decides each network and row; the number of seeds does not.

        ``w_sigma`` is left out at its default: studies from before it was an option keep their hash.
        """
        said = {k: v for k, v in dataclasses.asdict(self).items() if k != "seeds"}
        if not self.w_sigma:
            del said["w_sigma"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def cells(self) -> list[tuple[str, int]]:
        """(model, seed) in the order of the work: what Lambda needs first, AF last."""
        needed = [(model, seed) for seed in range(self.seeds) for model in ("00", "a", "f")]
        return needed + [("af", seed) for seed in range(self.seeds)]


def name(study: Study, model: str, seed: int) -> str:
    """The checkpoint's name, such as signs/resnet20/asym-af-s3."""
    return f"{study.base.rpartition('/')[0]}/asym-{model}-s{seed}"


def plan(study: Study, model: str, seed: int) -> Plan:
    """The stages of one network; all four have the same epochs, images, batches and learning rate."""
    shared = {"batch": study.batch, "lr": study.lr, "drop": 1.0, "n_valid": 200}
    own: dict[str, dict[str, Any]] = {
        "clean": {},
        "adversarial": {"steps": 1},
        "bpfc": {"rates": [study.lr, study.lr / 5], "weights": [9.0, 81.0]},
        "bit_error": {"rate": study.rate, "encoding": study.encoding, "w_sigma": study.w_sigma},
    }
    listed = {"00": ["clean"], "a": [study.attack], "f": ["bit_error"], "af": [study.attack, "bit_error"]}[
        model
    ]
    epochs = study.epochs // len(listed)
    stages = [(s, options(s, STAGES, {**shared, **own[s], "epochs": epochs})) for s in listed]
    few = EvalConfig(n=100, attacked=50, maps=1, steps=3)
    return Plan(study.base, name(study, model, seed), tuple(stages), "asymmetry", study.images, seed, few)


def spec(study: Study, checkpoint: str) -> SweepSpec:
    """What is measured of every network: the cells of R_F and R_A, with one seed for all."""
    return SweepSpec(
        checkpoint,
        encoding=study.encoding,
        bers=(0.0, *areas.BERS),
        maps=study.maps,
        eps=areas.EPS,
        steps=study.steps,
        n=study.n,
    )


def run(study: Study, report: harden.Report = lambda row: None) -> Iterator[tuple[str, pd.DataFrame]]:
    """(checkpoint's name, its rows), as they are done; what an earlier call has done is read."""
    for model, seed in study.cells:
        file = folder(study) / "rows" / f"{model}-s{seed}.parquet"
        checkpoint = name(study, model, seed)
        if not file.is_file():
            _train(study, model, seed, report)
            weights = folder(study) / "weights" / f"{checkpoint}.safetensors"
            measured = table.frame(sweep.run(spec(study, str(weights))))
            table.write(measured.assign(checkpoint=checkpoint), file)
        yield checkpoint, table.read(file)


def folder(study: Study) -> Path:
    """Where the study keeps its networks and rows."""
    return paths.work() / "asymmetry" / f"{study.base.replace('/', '-')}-{study.hash}"


def _train(study: Study, model: str, seed: int, report: harden.Report) -> None:
    made = plan(study, model, seed)
    if not (folder(study) / "weights" / f"{made.result}.json").is_file():
        done = harden.harden(made, lambda row: report({"model": model, "seed": seed, **row}))
        harden.publish(done, folder(study) / "weights", test=False)
        harden.forget(made)


def ship(study: Study, to: Path) -> list[Path]:
    """Writes the first seed's four networks, tested, into a folder of checkpoints."""
    found = [folder(study) / "weights" / f"{name(study, model, 0)}.safetensors" for model in MODELS]
    return [harden.publish(checkpoints.load(str(file)), to) for file in found]
