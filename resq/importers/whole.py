"""The accuracy of a file with its activations in codes, beside that of its weights with them in floats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from resq import networks
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding
from resq.core.errors import ResqError
from resq.data.normal import spelled
from resq.importers.onnx import onnx_check, onnx_file
from resq.measure.engine.faulty_network import network_of

FEW = 100  # test images where only onnx's own reference is here, which is slow
APART = 1e-3  # of the images: more, and what is measured here is not what the file answers
EDGE = 1e-9  # of a share, lost in dividing


def compared(
    file: Path, brought: Any, checkpoint: Checkpoint, images: Dataset, allowed: bool
) -> dict[str, Any]:
    """For the card: what the file itself answers, or an empty dict where it has no codes of activations.

    Args:
        images: those on which both are right or wrong; the first of them, where time or the runtime are slow.
        allowed: whether its weights may be measured though its own accuracy is another or not known.

    Raises:
        ValueError: it is, and that was not allowed.
    """
    if not brought.quantized:
        return {}
    images = images.first(min(len(images), len(images) if onnx_check.quick() else FEW))
    result = _file(file, brought, checkpoint, images)
    if not allowed and ("accuracy" not in result or abs(result["accuracy"] - result["here"]) > APART + EDGE):
        raise ResqError(f"{file.name} {_refusal(file, brought, checkpoint, result)}")
    return {"file": result}


def _file(file: Path, brought: Any, checkpoint: Checkpoint, images: Dataset) -> dict[str, Any]:
    """How often the file is right, and its weights on the same images; or why it was not run."""
    if file.suffix.lower() != ".onnx":
        return {"measured": "not run: such a file holds no graph"}
    theirs = onnx_check.answers(
        onnx_file.loaded(file), _normalised_images(images, brought, checkpoint), own=True
    )
    if theirs.logits is None or not len(theirs.logits):
        return {"measured": f"not run: {theirs.runtime}"}
    same = images.first(len(theirs.logits))
    here = _right(_answers(checkpoint, same), same)
    return {"accuracy": _right(theirs.logits, same), "here": here, "n": len(same), "runtime": theirs.runtime}


def _refusal(file: Path, brought: Any, checkpoint: Checkpoint, result: dict[str, Any]) -> str:
    what = (
        f"quantizes its activations too ({', '.join(brought.quantized)}), and an import keeps weights alone"
    )
    alone = "--float-activations imports its weights alone"
    if "accuracy" not in result:
        return f"{what}; its own accuracy is not known ({result['measured']}): {alone}, activations in floats"
    way = ["", "--range 0..1 "][brought.normal is not None]
    if brought.normal is None:
        normal = checkpoint.normal
        way = f"--mean={spelled(normal.mean)} --std={spelled(normal.std)} "
    return (
        f"{what}: the file itself is right on {_percent(result['accuracy'])} of {result['n']} test images "
        f"({result['runtime']}), its weights with activations in floats on {_percent(result['here'])}. "
        f"It is measured as it is by: python -m resq evaluate {file.name} --data {checkpoint.data} {way}"
        f"(or sweep, or the page Your network); {alone}"
    )


def sentence(card: dict[str, Any]) -> list[str]:
    """The same for people."""
    result = card.get("file")
    if not result:
        return []
    if "accuracy" not in result:
        return [f"the file itself, activations in codes: {result['measured']}"]
    return [
        f"the file itself, activations in codes, is right on {_percent(result['accuracy'])} of "
        f"{result['n']} test images ({result['runtime']}), with activations in floats on "
        f"{_percent(result['here'])}"
    ]


def _normalised_images(images: Dataset, brought: Any, checkpoint: Checkpoint) -> np.ndarray:
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
