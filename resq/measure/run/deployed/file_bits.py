"""Which stored bits of a deployed file matter: gradients from its twin, decisions from its runtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resq.attacks.bit_search import Step, flips_of
from resq.core import seeds
from resq.core.errors import ResqError
from resq.deployed import quantizers, words
from resq.deployed.network import Network
from resq.deployed.twin.module import Twin
from resq.deployed.words import Stored
from resq.measure.run.taylor import CAP, WORST, Derivatives, derivatives

LEAST = 2.0**-9  # a probability that an 8-bit softmax gives as 0 lies below it


@dataclass(frozen=True, eq=False)
class Words:
    """The words of one tensor of the file and what they stand for before any scale."""

    tensor: Stored
    words: np.ndarray

    def numbers(self, bit: int = -1) -> np.ndarray:
        """The numbers, float64 (words,), with this bit of every word flipped; -1: none."""
        struck = self.words if bit < 0 else self.words ^ self.words.dtype.type(1 << bit)
        return read(struck, self.tensor).astype(np.float64)

    def moves(self, bit: int) -> np.ndarray:
        """How far each number moves when this bit flips, float64 (words,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self.numbers(bit) - self.numbers()


def read(unsigned: np.ndarray, tensor: Stored) -> np.ndarray:
    """Words as unsigned integers -> the numbers that they are.

    (n,) unsigned -> (n,) in the type of the tensor.
    """
    if tensor.width < 8:
        top = 0 if tensor.dtype.startswith("u") else 1 << (tensor.width - 1)
        return (unsigned.astype(np.int16) ^ top) - top
    if tensor.dtype == "bfloat16":
        return (unsigned.astype(np.uint32) << 16).view(np.float32)
    return unsigned.view(np.dtype(tensor.dtype))


def computed(network: Network, twin: Twin) -> dict[str, Words]:
    """The chosen words that the twin has gradients for.

    Raises:
        ValueError: none of the targets has any.
    """
    raw = np.frombuffer(network.parsed.memory, np.uint8)
    by_tensor = {s.name: Words(s, words.unsigned(raw, s)) for s in network.stored if s.name in twin.numbers}
    if not by_tensor:
        raise ResqError(
            f"{network.file.name}: no gradient reaches its {network.targets}, which are shapes and places"
        )
    return by_tensor


def estimated(
    network: Network, twin: Twin, x: Tensor, y: Tensor, *, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """One row per tensor and bit, columns as in ``layers.COLUMNS``: what a flipped bit adds to the loss.

    Args:
        x, y: images (N, C, H, W) in [0, 1] and labels (N,).
        seed: decides the random signs of the curvature.
    """
    held = computed(network, twin)
    known, loss = derivatives(_bench(twin, held), x, y, rng=seeds.rng(seed, "signs"))
    none = {"map": 0, "flips": 1, "share": 0.0, "n": len(y), "loss": loss, "linear": 0.0, "usual": 0.0,
            "clean": -1, "correct": -1}  # fmt: skip
    for name, one in held.items():
        for bit in range(one.tensor.width - 1, -1, -1):
            costs = _costs(known[name], one.moves(bit))
            worst = np.argsort(-costs, kind="stable")[:WORST]
            yield {
                "kind": "instant", "layer": name, "bit": bit, "words": one.tensor.count, **none,
                "change": float(costs.mean()), "channels": _by_channel(costs, one.tensor).tolist(),
                "worst": worst.tolist(), "costs": costs[worst].tolist(),
            }  # fmt: skip


def _bench(twin: Twin, held: dict[str, Words]) -> Any:
    """The twin as ``taylor.derivatives`` takes a network: parameters are numbers, no norm is folded."""

    class Scores:
        body = SimpleNamespace(named_parameters=lambda: twin.numbers)

        def __call__(self, x: Tensor) -> Tensor:
            return twin.scores(x)

    return SimpleNamespace(network=Scores(), model=SimpleNamespace(weights=held), factors={})


def _costs(slope: Derivatives, move: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        costs = slope.first * move + slope.second * move**2 / 2
    return np.clip(np.nan_to_num(costs, nan=CAP, posinf=CAP, neginf=-CAP), -CAP, CAP)


def _by_channel(costs: np.ndarray, tensor: Stored) -> np.ndarray:
    """Means over each output channel, float32; channels are those of the scales, or the first axis."""
    if not tensor.shape:
        return costs.astype(np.float32)
    axis = max(0, tensor.axis)
    return (
        np.moveaxis(costs.reshape(tensor.shape), axis, 0)
        .reshape(tensor.shape[axis], -1)
        .mean(1)
        .astype(np.float32)
    )


def search(network: Network, twin: Twin, x: np.ndarray, y: np.ndarray, flips: int) -> Iterator[Step]:
    """The most harmful flips found, one after the other: proposed by the twin, chosen by the runtime.

    In every tensor the bit is taken whose flip raises the twin's loss most to first order; each is tried on
    the runtime, and the one that raises its loss most is kept (Rakin, He and Fan 2019, arXiv:1903.12269).

    Args:
        x: the attacker's images (N, C, H, W), uint8 or float32, read-only to be sent once; ``y`` labels.

    Raises:
        ValueError: the words are floating-point, where one exponent bit ends the search.
    """
    held = computed(network, twin)
    floats = [name for name, one in held.items() if "float" in one.tensor.dtype]
    if floats:
        raise ResqError(
            f"progressive bit search is for integers, got {held[floats[0]].tensor.dtype} in {floats[0]}"
        )
    done: list[int] = []
    for _ in range(flips):
        proposals = sorted(_proposed(network, twin, held, x, y, done), key=lambda pair: -pair[0])
        if not proposals:
            return
        tried = [loss(network, twin, x, y, [*done, address]) for _, address in proposals]
        best = int(np.argmax(tried))  # of equal losses the one that the twin holds for the worst
        yield _step(network, held, done, proposals[best][1], tried[best], len(proposals))
        done.append(proposals[best][1])


def _proposed(
    network: Network, twin: Twin, held: dict[str, Words], x: np.ndarray, y: np.ndarray, done: list[int]
) -> list[tuple[float, int]]:
    """(first-order gain, address) of the best bit of each tensor that has one."""
    slope = _gradients(network, twin, held, x, y, done)
    proposals = []
    for name, one in held.items():
        first, width = network.layout.address(name, 0, 0), one.tensor.width
        own = [a - first for a in done if first <= a < first + one.tensor.count * width]
        now = Words(one.tensor, _struck(one.words, own, width))
        best, place = 0.0, -1
        for bit in range(width):
            gain = slope[name] * now.moves(bit)
            gain[[a // width for a in own if a % width == bit]] = -np.inf  # a bit flips once
            word = int(np.argmax(gain))
            if gain[word] > best:
                best, place = float(gain[word]), first + word * width + bit
        if place >= 0:
            proposals.append((best, place))
    return proposals


def _struck(unsigned: np.ndarray, local: list[int], width: int) -> np.ndarray:
    now = unsigned.copy()
    for address in local:
        now[address // width] ^= now.dtype.type(1 << address % width)
    return now


def _gradients(
    network: Network, twin: Twin, held: dict[str, Words], x: np.ndarray, y: np.ndarray, done: list[int]
) -> dict[str, np.ndarray]:
    """Gradient of the twin's mean loss by each number, float64 (words,), under the flips so far."""
    chosen = [twin.numbers[name].requires_grad_(True) for name in held]
    images, labels = torch.from_numpy(network.pixels.unit(x)), torch.from_numpy(y)
    try:
        with twin.flipped(flips_of(done)), torch.enable_grad():
            gradients = torch.autograd.grad(F.cross_entropy(twin.scores(images), labels), chosen)
    finally:
        for parameter in chosen:
            parameter.requires_grad_(False)
    return {name: g.double().numpy().reshape(-1) for name, g in zip(held, gradients, strict=True)}


def loss(
    network: Network, twin: Twin, x: np.ndarray, y: np.ndarray, addresses: list[int] | None = None
) -> float:
    """Mean cross-entropy of the runtime's answers with these bits flipped; infinite where it is no number.

    Where the file ends with a softmax, its answers are taken as probabilities, at least 1/512.
    """
    with network.flipped(flips_of(addresses or [])):
        answers = network.logits(x).astype(np.float64)
    if not np.isfinite(answers).all():
        return float("inf")
    if twin.soft:
        return float(-np.log(np.maximum(answers[np.arange(len(y)), y], LEAST)).mean())
    return F.cross_entropy(torch.from_numpy(answers), torch.from_numpy(y)).item()


def _step(
    network: Network, held: dict[str, Words], done: list[int], address: int, loss: float, tried: int
) -> Step:
    i = int(np.searchsorted(network.layout.starts, address, side="right")) - 1
    name, first = network.layout.layers[i], int(network.layout.starts[i])
    one = held[name]
    word, bit = divmod(address - first, one.tensor.width)
    own = [a - first for a in done if first <= a < network.layout.starts[i + 1]]
    scale, zero = quantizers.of_word(one.tensor, word) or (float("nan"), 0)  # of no word without a quantizer
    both = [
        (float(read(_struck(one.words, local, one.tensor.width), one.tensor)[word]) - zero) * scale
        for local in (own, [*own, address - first])
    ]
    return Step(address, name, word, bit, both[0], both[1], loss, tried)
