"""Attacks on a deployed network: on its runtime by questions alone, or on its differentiable twin.

Examples made on the twin meet the runtime, so that a row's accuracy is always the runtime's. All steps are
taken: an example that just crossed the twin's border may lie on the right side of the runtime's.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from resq.core import BitFlips
from resq.deployed.network import Network
from resq.deployed.twin.module import Twin
from resq.measure.run import attacked_batches, machine, source_hash
from resq.measure.run.joint_attack import AttackConfig
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import TWIN

EVERY = 30.0  # s after which a person at a terminal is told that a long attack goes on
twin_of = lru_cache(2)(Twin)


def moved(cell: Cell, network: Network, x: np.ndarray, y: np.ndarray, flips: BitFlips) -> np.ndarray:
    """The images as the cell's attack moves them, float32 (N, C, H, W) in [0, 1], in the input's size.

    Args:
        x: images, uint8 or float32 in [0, 1]; ``y`` their labels.
        flips: what the attacker knows to be flipped.

    Raises:
        ValueError: the file has operators that a twin does not compute, or the attack's package is missing.
    """
    images, labels = torch.from_numpy(network.pixels.unit(x)), torch.from_numpy(y)
    threat = AttackConfig(cell.attack.removeprefix(TWIN), cell.eps, cell.steps, cell.restarts, cell.seed)
    origin = made_of(cell, network, x, y, flips)
    if not cell.attack.startswith(TWIN):
        with network.flipped(flips):
            x_adv = attacked_batches.perturb(queried(network), images, labels, threat, origin)
    else:
        with twin_of(network).flipped(flips) as twin:
            x_adv = attacked_batches.perturb(twin.scores, images, labels, threat, origin, early_stop=False)
    return x_adv.contiguous().numpy().copy()


def made_of(cell: Cell, network: Network, x: np.ndarray, y: np.ndarray, flips: BitFlips) -> str:
    """What decides the moved images: file, inputs, images (N, C, H, W), labels, flips, and what computes."""
    digest = hashlib.sha256(f"{x.dtype} {x.shape}".encode())
    for part in (x, y, flips.addresses):
        digest.update(np.ascontiguousarray(part).data)
    computed = f"{network.runtime} {machine.processor()} {machine.software()} {source_hash.code_of([cell])}"
    return f"{cell.attack} {network.hash} {network.asked} {digest.hexdigest()} {computed}"


def queried(network: Network) -> Callable[[Tensor], Tensor]:
    """The runtime as a function: images (N, C, H, W) in [0, 1] -> answers (N, classes), without gradients."""
    began = logged_at = time.monotonic()
    n_queries = 0

    def answers(x: Tensor) -> Tensor:
        nonlocal logged_at, n_queries
        n_queries += len(x)
        if time.monotonic() - logged_at > EVERY and sys.stderr.isatty():
            logged_at = time.monotonic()
            logging.getLogger(__name__).warning(
                "%s has been asked %d times in %.0f s", network.file.name, n_queries, logged_at - began
            )
        return torch.from_numpy(network.logits(x.detach().contiguous().numpy().copy()))

    return answers
