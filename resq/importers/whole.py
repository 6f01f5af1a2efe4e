"""The accuracy of an ONNX file, its activations in codes, beside that of its weights with them in floats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from resq import data, networks
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding
from resq.core.errors import ResqError
from resq.importers.onnx import onnx_check, onnx_file
from resq.measure.engine.faulty_network import network_of

IMAGES, FEW = 1000, 100  # test images; fewer where only onnx's own reference is here, which is slow
APART = 0.01  # of the images: more, and the file's activations decide its accuracy


def compared(file: Path, brought: Any, checkpoint: Checkpoint, allowed: bool) -> dict[str, Any]:
    """For the card: what the file itself answers, or an empty dict where it has no codes of activations.

    Args:
        allowed: whether its weights may be measured though its own activations give another accuracy.

    Raises:
        ValueError: they do, and it was not allowed.
    """
    if not brought.quantized:
        return {}
    images = data.load(checkpoint.data, "test")
    images = images.first(min(len(images), IMAGES if onnx_check.quick() else FEW))
    theirs = onnx_check.answers(onnx_file.loaded(file), _given(images, brought, checkpoint))
    if theirs.logits is None or theirs.logits.shape[0] != len(images):
        return {"file": {"measured": f"not run: {theirs.runtime}"}}
    own, here = _right(theirs.logits, images), _right(_answers(checkpoint, images), images)
    if abs(own - here) > APART and not allowed:
        raise ResqError(
            f"{file.name} itself, its activations in codes, is right on {_percent(own)} of "
            f"{len(images)} test images ({theirs.runtime}), its weights with activations in floats on "
            f"{_percent(here)}: "
            "the codes of its activations decide, and only weights are measured here. Calibrate it on images "
            f"normalised as those of {checkpoint.data} are, import the model from before it was quantized, "
            "or take its weights alone with --float-activations"
        )
    return {"file": {"accuracy": own, "here": here, "n": len(images), "runtime": theirs.runtime}}


def sentence(card: dict[str, Any]) -> list[str]:
    """The same for people."""
    found = card.get("file")
    if not found:
        return []
    if "accuracy" not in found:
        return [f"the file itself with its activations in codes: {found['measured']}"]
    return [
        f"the file itself, activations in codes, is right on {_percent(found['accuracy'])} of "
        f"{found['n']} test images ({found['runtime']}), with activations in floats on "
        f"{_percent(found['here'])}"
    ]


def _given(images: Dataset, brought: Any, checkpoint: Checkpoint) -> np.ndarray:
    x = images.pixels.astype(np.float32) / 255
    if brought.normal is not None:
        return x
    normal = checkpoint.normal
    mean, std = (np.reshape(np.array(v, np.float32), (3, 1, 1)) for v in (normal.mean, normal.std))
    return np.asarray((x - mean) / std, np.float32)


def _answers(checkpoint: Checkpoint, images: Dataset) -> np.ndarray:
    network = network_of(checkpoint, checkpoint.quantized(Encoding.parse("fp32")))
    return networks.logits(network, torch.from_numpy(images.pixels).float() / 255).numpy()


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _right(logits: np.ndarray, images: Dataset) -> float:
    return float((logits.argmax(1) == images.y).mean())
