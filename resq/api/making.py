"""Harden a network, and write a report of what was measured: what the commands of these names do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from resq import checkpoints, jobs
from resq.api import arguments, models
from resq.api.kinds import Model
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
    stages: str | Sequence[str] = (),
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

    chosen, seed = arguments.names("stages", stages), arguments.whole("seed", seed)
    n = None if n is None else arguments.whole("n", n, 0)
    plan = presets.plan(_trainable(model), preset, only=chosen, changes=changes, epochs_scale=epochs_scale,
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


def report(what: Result | str | Path, file: str | Path) -> Path:
    """Writes measured rows as one HTML file that needs no network, or as PDF where Chromium is installed.

    Args:
        what: a result of ``resq.sweep`` or ``resq.attack``, a checkpoint's name, or a ``.parquet`` or
            ``.csv`` file of such rows.
        file: such as report.html or report.pdf.

    Raises:
        ValueError: there are no such rows, or the file cannot be written; the sentence says why.
    """
    out = Path(file).resolve()
    if isinstance(what, str | Path):
        what = str(what)
        if not what.endswith(".csv"):
            return jobs.report(str(Path(what).resolve()) if what.endswith(".parquet") else what, out)
        frame = _of_csv(Path(what))
    elif isinstance(what, Result):
        frame = what.frame
    else:
        raise ResqError(f"a report is of a sweep's result, a name or a file, got {type(what).__name__}")
    with tempfile.TemporaryDirectory() as folder:
        file_of_rows = Path(folder) / f"{frame['network'].iloc[0]}.parquet"
        table.write(frame, file_of_rows)
        return jobs.report(str(file_of_rows), out)


def _of_csv(file: Path) -> pd.DataFrame:
    """The rows in a .csv file that a result was saved as.

    Raises:
        ValueError: no such file, or none of such rows.
    """
    texts = {name: str for name, (kind, _) in table.COLUMNS.items() if kind in ("str", "bytes")}
    try:
        read = pd.read_csv(file, dtype=texts)  # a hash of digits alone is a text all the same
        records = read.itertuples(index=False, name=None)
        rows = table.frame(dict(zip(map(str, read), row, strict=True)) for row in records)
    except (OSError, ValueError) as error:
        raise ResqError(f"{file} is not a .csv file of measured rows: {error}") from None
    if not len(rows):
        raise ResqError(f"{file} has no rows")
    return rows
