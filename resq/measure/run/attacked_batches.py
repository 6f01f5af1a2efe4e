"""What a long attack has moved so far, a file for each batch of images: a cell that was killed goes on there.

The standard AutoAttack on 1,000 images takes hours of one core on a network that withstands something. Each
batch has random numbers of its own (``joint_attack.perturb``), so that one which is read again is the one
that would be made again.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from resq.attacks.linf import Logits
from resq.core import files, paths
from resq.core.errors import ResqError
from resq.measure.run import joint_attack
from resq.measure.run.joint_attack import AttackConfig

LONG = ("apgd", "autoattack", "square")  # PGD of a few steps is made again sooner than a file is worth


def perturb(
    network: Logits, x: Tensor, y: Tensor, threat: AttackConfig, made_of: str, *, early_stop: bool = True
) -> Tensor:
    """``joint_attack.perturb``, which goes on after the last batch of a long attack that was written.

    Args:
        network: images (N, C, H, W) in [0, 1] -> logits (N, classes).
        made_of: what decides ``network``, ``x`` and ``y``, and the code: another begins anew.

    Returns:
        The moved images, like ``x``; the files of their batches are gone then.

    Raises:
        ValueError: as the attack does, or a file holds images of another shape.
    """
    if threat.attack not in LONG:
        return joint_attack.perturb(network, x, y, threat, early_stop=early_stop)
    name = hashlib.sha256(f"{made_of} {threat}".encode()).hexdigest()[:16]
    folder = paths.work() / "attacked" / name
    parts = []
    for i, (images, labels) in enumerate(joint_attack.batches(x, y)):
        file = folder / f"{i}.safetensors"
        moved = _read(file, images)
        if moved is None:
            moved = joint_attack.of_batch(network, images, labels, threat, i)
            _write(file, moved)
        parts.append(moved)
    shutil.rmtree(folder, ignore_errors=True)
    return torch.cat(parts)


def _write(file: Path, moved: Tensor) -> None:
    with suppress(OSError):  # a full disk costs the file, not the hour
        files.write_with(file, lambda path: save_file({"moved": moved.cpu().contiguous()}, path))


def _read(file: Path, like: Tensor) -> Tensor | None:
    try:
        moved = load_file(file)["moved"]
    except FileNotFoundError:  # not made yet, or another process was done with it
        return None
    if moved.shape != like.shape:
        was, wanted = tuple(moved.shape), tuple(like.shape)
        raise ResqError(f"{file} holds images of shape {was}, expected {wanted}: delete the file")
    return torch.empty_like(like).copy_(moved)  # in the order in memory that the network reads fast
