"""Single flips of a real network, cell by cell, until the share of critical bits is known as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq.core import BitFlips, lookup, seeds
from resq.measure.engine import graph_split
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.kept_values import values_before
from resq.measure.run.sensitivity import BATCH, top_classes
from resq.measure.run.taylor import moves
from resq.measure.specs.sdc_rates import leveugle
from resq.memory import faults
from resq.protect.singles import single_faults
from resq.protect.singles.single_faults import Share

Cell = tuple[str, int]


def guesses(bench: FaultyNetwork) -> dict[Cell, float]:
    """A first guess of every cell's share of critical bits, from how far flips move the stored weights."""
    far = {
        (layer, bit): float(np.abs(moves(q, np.arange(q.words.size), bit)).mean())
        for layer, q in bench.model.weights.items()
        for bit in range(bench.model.read.word_bits)
    }
    return dict(zip(far, single_faults.guesses(list(far.values())).tolist(), strict=True))


def shares(
    bench: FaultyNetwork, x: Tensor, y: Tensor, *, error: float, aware: bool = True, seed: int = 0
) -> Iterator[tuple[Cell, Share]]:
    """Every cell with its share of critical bits to within ``error``, layer by layer.

    A flip is critical where it changes the answer to any of these images.

    Args:
        aware: by data-aware sampling; else by as many flips as where nothing is known.
    """
    guess = guesses(bench)
    for cell, tried in _cells(bench, x, list(bench.model.weights), seed):
        n = bench.model.weights[cell[0]].words.size
        if aware:
            share = single_faults.aware([n], [guess[cell]], error, tried)
        else:
            share = single_faults.plain([n], error, tried)
        yield cell, share[0]


def every(bench: FaultyNetwork, x: Tensor, layers: Sequence[str]) -> Iterator[tuple[Cell, np.ndarray]]:
    """Every cell of these layers with whether each word's flip is critical, bool (words,): all are tried.

    Raises:
        ValueError: no such layer.
    """
    for layer in layers:
        lookup("layer", layer, bench.model.weights)
    for cell, tried in _cells(bench, x, layers, seed=0):
        yield cell, tried.every()


def _cells(
    bench: FaultyNetwork, x: Tensor, layers: Sequence[str], seed: int
) -> Iterator[tuple[Cell, _Tried]]:
    """Every cell of these layers with what tries its flips."""
    traced = graph_split.graph(bench.network)
    for layer in layers:
        after, activations = values_before(bench, traced, layer, x, BATCH)
        with torch.inference_mode():
            usual = top_classes(after, activations)
        for bit in range(bench.model.read.word_bits):
            yield (layer, bit), _Tried(bench, after, activations, usual, (layer, bit), seed)


class _Tried:
    """Tries flips of one cell, each alone, never one twice."""

    def __init__(
        self, bench: FaultyNetwork, after: Callable[..., Tensor], activations: list[tuple[Tensor, ...]],
        usual: Tensor, cell: Cell, seed: int,
    ) -> None:  # fmt: skip
        where = faults.region(bench.model, [cell[0]], [cell[1]])
        order = seeds.rng(seed, "critical", *cell).permutation(where.n_bits)
        self._bench, self._after, self._activations, self._usual = bench, after, activations, usual
        self._where, self._order, self._done = where, order, 0

    def __call__(self, cell: int, n: int) -> int:
        """How many of n further flips change an answer."""
        chosen = np.sort(self._order[self._done : self._done + n])
        self._done += n
        return sum(map(self._changes, self._where.addresses(chosen)))

    def every(self) -> np.ndarray:
        """Whether the flip of each word's bit changes an answer, bool (words,)."""
        return np.array([self._changes(a) for a in self._where.addresses(np.arange(self._where.n_bits))])

    def _changes(self, address: int) -> bool:
        flip = BitFlips(np.array([address]), np.zeros(1))
        with self._bench.flipped(flip), torch.inference_mode():
            return bool((top_classes(self._after, self._activations) != self._usual).any())


def summary(cell_shares: Mapping[Cell, Share], sizes: Mapping[str, int], error: float) -> dict[str, Any]:
    """The memory's share of critical bits, the flips to the first, and what plain sampling would take."""
    weight = np.array([sizes[layer] for layer, _ in cell_shares], float)
    value = float(weight @ [s.value for s in cell_shares.values()] / weight.sum())
    return {
        "critical": value, "flips_to_first": single_faults.flips_to_first(value),
        "injections": sum(s.injections for s in cell_shares.values()),
        "plain": sum(leveugle(sizes[layer], error) for layer, _ in cell_shares),
    }  # fmt: skip
