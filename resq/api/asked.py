"""What a measurement is asked for, as a spec has it; refused where it would change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from resq import checkpoints, data
from resq.api import arguments, models
from resq.api import images as pictures
from resq.api.kinds import Model
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.specs import file_encoding
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec
from resq.platform import devices

OF_FLIPS = ("fault", "layers", "planes", "top", "sample", "precision")
OF_CELLS = {"maps": 5, "share": 0.01}  # the usual ones of ``resq.sensitivity``
OF_ATTACKS = ("attack", "steps", "restarts")


def spec_fields(
    model: Model, images: Any, labels: Any, n: int | None, weights: str | Sequence[str],
    encoding: str | Encoding, inputs: str, targets: str, sample: str = "first",
) -> tuple[str, str, int, str, dict[str, Any]]:  # fmt: skip
    """(checkpoint, data, n, encoding, targets and inputs) as a spec has them."""
    encoding = str(encoding)
    name, count = pictures.named(images, labels, n, sample)
    if images is None and models.is_own(model):
        raise ResqError("a module of your own does not say which images it is for; give images and labels")
    seen = pictures.some(name) if name else None
    checkpoint = models.name_of(model, seen, arguments.names("weights", weights))
    if isinstance(model, deployed.Network):
        targets, inputs = targets or model.targets, inputs or str(model.asked)
    of_file = {"targets": targets or "weights", "inputs": inputs}
    if deployed.is_file(checkpoint):
        return checkpoint, name, count, file_encoding.named(checkpoint, encoding), of_file
    if images is None and n is None:
        count = min(count, len(data.load(str(checkpoints.card(checkpoint)["data"]), "test")))
    own = checkpoint.endswith(".safetensors") or checkpoints.held(checkpoint)
    if not own and name == checkpoint.split("/")[0]:
        name = ""  # what a command without --data takes
    return checkpoint, name, count, encoding or checkpoints.default_encoding(checkpoint), of_file


def refuse_unused(spec: SweepSpec, targets: str) -> None:
    """Refuses what is said of bit flips where none is made, and of an attack where there is none.

    Args:
        targets: as it was asked for, "" where it was not.

    Raises:
        ResqError: such a one.
    """
    usual = {field.name: field.default for field in fields(SweepSpec)}
    flips = [name for name in OF_FLIPS if getattr(spec, name) != usual[name]] + ["targets"] * bool(targets)
    attacks = [name for name in OF_ATTACKS if getattr(spec, name) != usual[name]]
    if not spec.bers and flips:
        raise ResqError(
            f"{flips[0]} is said of bit flips, got {getattr(spec, flips[0])!r} of an attack "
            "alone; ber says how many bits flip, mode how faults and attack meet"
        )
    if not spec.eps and attacks:
        raise ResqError(
            f"{attacks[0]} is said of an attack, got {getattr(spec, attacks[0])!r} of bit flips "
            "alone; eps says the budgets of an attack"
        )


def refuse_unmeasured(measured: bool, **options: float) -> None:
    """Refuses what is said of measured cells of a heatmap where they are estimated from gradients.

    Args:
        options: ``maps`` and ``share``, as they were asked for.

    Raises:
        ResqError: one that is not the usual one.
    """
    for name, value in options.items():
        if not measured and value != OF_CELLS[name]:
            raise ResqError(
                f"{name} is said of measured cells, got {value:g} where they are estimated from gradients; "
                "measured=True flips bits and measures"
            )


def check_mapped(file: str, metric: str, encoding: str, device: str) -> None:
    """Refuses what a heatmap of a deployed file cannot be of.

    Raises:
        ResqError: such a thing.
    """
    if metric != "loss" or encoding != AS_STORED:
        raise ResqError(
            f"of a deployed file the loss is measured, its words flipped as stored, got metric {metric!r} "
            f"and encoding {encoding!r}"
        )
    if devices.chosen(device) is not None:  # of a CUDA device
        raise ResqError(f"{Path(file).name} is run by its own runtime on the processor alone, got {device!r}")
