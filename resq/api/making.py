"""Harden a network, and write a report of what was measured: what the commands of these names do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from resq import checkpoints, jobs
from resq.api import models
from resq.api.models import Model
from resq.api.results import Result
from resq.core import paths
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.store import table


@torch.inference_mode(mode=False)
def harden(
    model: Model,
    *,
    preset: str = "quick",
    stages: Sequence[str] = (),
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    epochs_scale: float = 1.0,
    n: int | None = None,
    seed: int = 0,
    variant: str = "",
    folder: str | Path = "",
    overwrite: bool = False,
) -> Any:
    """The network after training against attacks and bit errors, stage by stage; also kept as a checkpoint.

    Args:
        model: a checkpoint's name, or what ``resq.load`` gave for one.
        preset: quick, plus, paper, article, protect, or a TOML file.
        stages: only these, in this order; empty: those of the preset.
        changes: options by stage, such as ``{"bit_error": {"rate": 0.05}}``.
        epochs_scale: times the epochs of every stage.
        n: the first so many training images; 0: all; default: as the preset says.
        seed: decides shuffles, faults and random starts.
        variant: name of the result; default: the preset's.
        folder: of checkpoints; default: your own.
        overwrite: whether a checkpoint of the same name is replaced.

    Returns:
        The network, as ``resq.load`` gives it; ``resq.sweep`` measures it under the name of its checkpoint.

    Raises:
        ValueError: no checkpoint, an unknown preset, stage or option, or a result that exists.
        FileNotFoundError: the training images are not on this machine.
    """
    from resq.training import harden as training
    from resq.training import presets

    plan = presets.plan(_trainable(model), preset, only=stages, changes=changes, epochs_scale=epochs_scale,
                        seed=seed, variant=variant, images=n)  # fmt: skip
    where = Path(folder) if folder else paths.work() / "weights"
    file = where / f"{plan.result}.safetensors"
    if file.exists() and not overwrite:
        raise ResqError(f"{file} exists already; variant= keeps both, overwrite=True replaces it")
    training.publish(training.harden(plan), where)
    training.forget(plan)
    return models.load(str(file) if folder else plan.result)


def _trainable(model: Model) -> str:
    name = "" if isinstance(model, deployed.Network) else models.name_of(model)
    if not name or checkpoints.held(name) or deployed.is_file(name):
        raise ResqError(
            "hardening trains a checkpoint of a known architecture on its data set; python -m resq import "
            "FILE --network NAME --data NAME makes one of weights from elsewhere"
        )
    return name


def report(what: Result | str, file: str | Path) -> Path:
    """Writes measured rows as one HTML file that needs no network, or as PDF where Chromium is installed.

    Args:
        what: a result of ``resq.sweep`` or ``resq.attack``, or a checkpoint's name or ``.parquet`` file.
        file: such as report.html or report.pdf.

    Raises:
        ValueError: there are no such rows, or the file cannot be written; the sentence says why.
    """
    out = Path(file).resolve()
    if isinstance(what, str):
        target = str(Path(what).resolve()) if what.endswith(".parquet") else what
        return jobs.report(target, out)
    if not isinstance(what, Result):
        raise ResqError(f"a report is of a sweep's result or a name, got {type(what).__name__}")
    with tempfile.TemporaryDirectory() as folder:
        file_of_rows = Path(folder) / f"{what.rows[0]['network']}.parquet"
        table.write(what.frame, file_of_rows)
        return jobs.report(str(file_of_rows), out)
