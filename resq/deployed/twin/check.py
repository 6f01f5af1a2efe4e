"""How far a twin is from the runtime: answers, and layer by layer where the two part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.twin import taps
from resq.deployed.twin.module import Twin

BATCH = 50
LAYERED = 20  # images that are compared layer by layer


@dataclass(frozen=True)
class Layer:
    """One value of the graph, computed by both.

    Attributes:
        op: the operator that makes it.
        same: share of the numbers that are equal.
        largest, mean: difference, in steps of integers, else in shares of the range.
        unit: "steps" or "of the range".
    """

    name: str
    op: str
    same: float
    largest: float
    mean: float
    unit: str


@dataclass(frozen=True)
class Check:
    """The runtime and the twin on the same images.

    Attributes:
        n: images; ``layered``: those of them that were compared layer by layer.
        span: from the smallest to the largest of the runtime's answers; the differences are beside it.
        largest, mean: difference of the answers.
        same: share of the answers' numbers that are equal; ``agree``: of images with the same class.
        right, twin_right: images that each names rightly.
        layers: in the order of the graph; empty where the runtime does not give them.
        undisturbed: whether the runtime answers the same when it also gives the values in between; where not,
            it computed other than it does by itself.
        said: why there are no layers; "" where there are.
    """

    runtime: str
    n: int
    layered: int
    span: float
    largest: float
    mean: float
    same: float
    agree: float
    right: int
    twin_right: int
    layers: tuple[Layer, ...]
    undisturbed: bool
    said: str = ""

    @property
    def parting(self) -> Layer | None:
        """The first layer in which not all numbers are equal."""
        return next((layer for layer in self.layers if layer.same < 1), None)


def compare(network: Network, twin: Twin, x: np.ndarray, y: np.ndarray) -> Check:
    """The runtime's answers beside the twin's.

    Args:
        x: images (N, C, H, W), uint8 or float32 in [0, 1]; ``y`` their labels.
    """
    own, made = network.logits(x), logits(twin, x)
    apart = np.abs(own.astype(np.float64) - made)
    part = np.ascontiguousarray(x[:LAYERED])
    reason = ""
    try:
        layers, undisturbed = _layers(network, twin, part, own[: len(part)])
    except ValueError as error:
        layers, undisturbed, reason = (), False, str(error)[:300]
    answers, guesses = own.argmax(1), made.argmax(1)
    return Check(
        network.runtime, len(x), len(part), float(own.max() - own.min()), float(apart.max()),
        float(apart.mean()),
        float((own == made).mean()), float((answers == guesses).mean()), int((answers == y).sum()),
        int((guesses == y).sum()), layers, undisturbed, reason,
    )  # fmt: skip


def logits(twin: Twin, x: np.ndarray) -> np.ndarray:
    """The twin's answers to images (N, C, H, W), uint8 or float32 in [0, 1]: float32 (N, classes)."""
    with torch.inference_mode():
        parts = [twin(part) for part in _batches(twin, x)]
    return torch.cat(parts).float().numpy()


def _batches(twin: Twin, x: np.ndarray) -> Iterator[torch.Tensor]:
    for begin in range(0, len(x), BATCH):
        yield torch.from_numpy(twin.pixels.unit(x[begin : begin + BATCH]))


def _layers(network: Network, twin: Twin, x: np.ndarray, own: np.ndarray) -> tuple[tuple[Layer, ...], bool]:
    wanted = taps.names(twin.program)
    answers, *theirs_all = taps.values(network, twin.program, wanted, x)
    with torch.inference_mode():
        made = twin.held(next(_batches(twin, x)), wanted)
    ops = {out: step.op for step in twin.program.steps for out in step.outputs}
    layers = [
        _layer(name, ops[name], theirs, made[name]) for name, theirs in zip(wanted, theirs_all, strict=True)
    ]
    return tuple(layers), _answered(twin, answers).tobytes() == own.tobytes()


def _answered(twin: Twin, raw: np.ndarray) -> np.ndarray:
    """An output as the network's answers are given."""
    about, flat = twin.network.parsed.output, raw.reshape(len(raw), -1)
    if not about.scale or raw.dtype.kind == "f":
        return flat.astype(np.float32)
    return (flat.astype(np.float32) - np.float32(about.zero)) * np.float32(about.scale)


def _layer(name: str, op: str, theirs: np.ndarray, ours: torch.Tensor) -> Layer:
    own, made = theirs.astype(np.float64).reshape(-1), ours.double().numpy().reshape(-1)
    if len(own) != len(made):
        raise ResqError(f"the runtime gives {len(own)} numbers of {name}, the twin {len(made)}")
    apart, whole = np.abs(own - made), theirs.dtype.kind in "iu"
    unit = 1.0 if whole else float(own.max() - own.min()) or 1.0
    near = apart == 0 if whole else apart <= 1e-5 * unit
    return Layer(name, op, float(near.mean()), float(apart.max() / unit), float(apart.mean() / unit),
                 "steps" if whole else "of the range")  # fmt: skip
