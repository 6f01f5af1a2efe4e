"""Progressive bit search: an attacker who knows the network picks the stored bits that hurt it most.

Source: Rakin, He and Fan, ICCV 2019, arXiv:1903.12269 (the bit-flip attack, BFA). Each round computes one
gradient, finds in every layer the bit whose flip raises the loss most to first order (in-layer search), tries
these one by one with a forward pass, and keeps the best (cross-layer search).

The effect of a bit is that on what its word is read as, so protected words need no special care: while
copies outvote it, a flipped copy changes nothing and is never chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resq.core import FLOATS, BitFlips, QuantizedModel, QuantizedTensor
from resq.core.errors import ResqError
from resq.memory import flipping, quant


class Memory(Protocol):
    """What is attacked: ``measure.bench.Bench`` is one.

    Attributes:
        network: with a ``body`` whose parameters are read from the words; private to this memory.
        model: the fault-free words.
        factors: what a folded norm multiplies each channel of a weight by; empty where none is folded.
    """

    network: Any
    model: QuantizedModel
    factors: Mapping[str, np.ndarray]

    def flipped(self, flips: BitFlips) -> AbstractContextManager[nn.Module]:
        """The network with these bits flipped."""


@dataclass(frozen=True)
class Step:
    """One flip of the sequence.

    Attributes:
        address: of the bit, in the model's layout.
        before, after: the weight as it was read before and after this flip.
        loss: mean cross-entropy on the attacker's images, all flips so far included.
        tried: layers whose best bit was tried in this round.
    """

    address: int
    layer: str
    word: int
    bit: int
    before: float
    after: float
    loss: float
    tried: int


def search(memory: Memory, x: Tensor, y: Tensor, flips: int) -> Iterator[Step]:
    """The most harmful flips found, one after the other; ends early where no bit raises the loss.

    Args:
        x: the attacker's images (N, 3, H, W) in [0, 1], which decide the search; ``y`` their labels.
        flips: how many at most.

    Raises:
        ValueError: the words are floating-point, where one exponent bit ends the search.
    """
    encoding = next(iter(memory.model.weights.values())).encoding
    if encoding.code in FLOATS:
        raise ResqError(f"progressive bit search is for integer codes, got {encoding}")
    done: list[int] = []
    for _ in range(flips):
        candidates = _in_layers(memory, x, y, done)
        losses = [loss(memory, x, y, [*done, address]) for address in candidates]
        if not candidates:
            return
        best = int(np.argmax(losses))
        yield _step(memory, done, candidates[best], losses[best], len(candidates))
        done.append(candidates[best])


def flips_of(addresses: list[int]) -> BitFlips:
    """These addresses as flips."""
    return BitFlips(np.array(sorted(addresses), dtype=np.int64), np.zeros(len(addresses)))


def _in_layers(memory: Memory, x: Tensor, y: Tensor, done: list[int]) -> list[int]:
    """In every layer that has one, the bit whose flip raises the loss most to first order."""
    slopes, candidates = _gradients(memory, x, y, done), []
    now, layout = flipping.flip(memory.model, flips_of(done)), memory.model.layout
    for i, (name, q) in enumerate(now.weights.items()):
        first = int(layout.starts[i])
        taken = [a - first for a in done if first <= a < layout.starts[i + 1]]
        gain, local = _best_bit(q, slopes[name], memory.factors.get(name), taken)
        if gain > 0:
            candidates.append(first + local)
    return candidates


def _best_bit(
    q: QuantizedTensor, slope: np.ndarray, factor: np.ndarray | None, taken: list[int]
) -> tuple[float, int]:
    """(first-order gain, address within the layer) of the bit that raises the loss most."""
    rows, word_bits = q.words.reshape(len(q.scale), -1), q.encoding.word_bits
    per = np.ones(len(q.words), np.float32) if factor is None else factor
    weighted = (slope.reshape(len(q.words), -1) * per[:, None]).reshape(rows.shape)
    read = quant.values(rows, q.scale[:, None], q.zero[:, None], q.encoding)
    best, place = 0.0, 0
    for bit in range(word_bits):
        # A guard may undo the flip or make it worse: the trial with a forward pass knows, this guess not.
        guess = 1 << bit if q.encoding.guard else q.encoding.flip_mask(bit)
        struck = rows ^ rows.dtype.type(guess)
        other = quant.values(struck, q.scale[:, None], q.zero[:, None], q.encoding)
        gain = (weighted * (other - read)).reshape(-1)
        gain[[a // word_bits for a in taken if a % word_bits == bit]] = -np.inf  # a bit flips once
        word = int(np.argmax(gain))
        if gain[word] > best:
            best, place = float(gain[word]), word * word_bits + bit
    return best, place


def _gradients(memory: Memory, x: Tensor, y: Tensor, done: list[int]) -> dict[str, np.ndarray]:
    """Gradient of the mean loss with respect to every stored weight, under the flips so far."""
    parameters = dict(memory.network.body.named_parameters())
    chosen = [parameters[name].requires_grad_(True) for name in memory.model.weights]
    try:
        with memory.flipped(flips_of(done)) as network, torch.enable_grad():
            gradients = torch.autograd.grad(F.cross_entropy(network(x), y), chosen)
    finally:
        for parameter in chosen:
            parameter.requires_grad_(False)
    return {n: g.contiguous().cpu().numpy() for n, g in zip(memory.model.weights, gradients, strict=True)}


def loss(memory: Memory, x: Tensor, y: Tensor, addresses: list[int] | None = None) -> float:
    """Mean cross-entropy with these bits flipped; infinite where it is no number."""
    with memory.flipped(flips_of(addresses or [])) as network, torch.inference_mode():
        value = F.cross_entropy(network(x), y).item()
    return value if np.isfinite(value) else float("inf")


def _step(memory: Memory, done: list[int], address: int, loss: float, tried: int) -> Step:
    layout = memory.model.layout
    i = int(np.searchsorted(layout.starts, address, side="right")) - 1
    word, bit = divmod(address - int(layout.starts[i]), int(layout.lengths[i]))
    name = layout.layers[i]
    read = [
        float(quant.dequantize(flipping.flip(memory.model, flips_of(flips)).weights[name]).reshape(-1)[word])
        for flips in (done, [*done, address])
    ]
    return Step(address, name, word, bit, read[0], read[1], loss, tried)
