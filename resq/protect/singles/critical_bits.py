"""Single flips of a real network, cell by cell, until the share of critical bits is known as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq.core import BitFlips, lookup, seeds
from resq.core.types import CHECKS
from resq.measure.engine import graph_split
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.kept_values import values_before
from resq.measure.run.sensitivity import BATCH, top_classes
from resq.measure.run.taylor import moves
from resq.measure.specs.sdc_rates import leveugle
from resq.memory import faults
from resq.memory.regions import Region
from resq.protect.singles import single_faults
from resq.protect.singles.single_faults import Share

Cell = tuple[str, int]
"""(layer, bit): a bit plane of a layer's words, all copies of them; or of the check words that guard them,
under the layer's name and CHECKS."""


def guesses(bench: FaultyNetwork) -> dict[Cell, float]:
    """A first guess of every cell's share of critical bits, from how far flips move the stored weights.

    Of check words it is 0: the guards whose single flips can be guessed at all undo one of those too.
    """
    far = {
        cell: 0.0 if cell[0].endswith(CHECKS) else _distance(bench, cell)
        for layer in bench.model.weights
        for cell in _places(bench, layer)
    }
    return dict(zip(far, single_faults.guesses(list(far.values())).tolist(), strict=True))


def _distance(bench: FaultyNetwork, cell: Cell) -> float:
    """How far a flip of the cell moves a weight on average."""
    q = bench.model.weights[cell[0]]
    return float(np.abs(moves(q, np.arange(q.words.size), cell[1])).mean())


def _places(bench: FaultyNetwork, layer: str) -> dict[Cell, Region]:
    """The cells of a layer, each with its stored bits: all copies of its words, then its check words."""
    model, layout = bench.model, bench.model.layout
    whole = faults.region(model, [layer])
    return {
        (layout.layers[i], bit): replace(whole, layers=(i,), planes=(bit,))
        for i in whole.layers
        for bit in range(int(layout.lengths[i]))
    }


def count(bench: FaultyNetwork) -> int:
    """How many cells there are."""
    return int(bench.model.layout.lengths.sum())


def shares(
    bench: FaultyNetwork, x: Tensor, y: Tensor, *, error: float, aware: bool = True, seed: int = 0
) -> Iterator[tuple[Cell, Share]]:
    """Every cell with its share of critical bits, its interval no wider than twice ``error``, by layer.

    A flip is critical where it changes the answer to any of these images.

    Args:
        aware: by data-aware sampling; else by as many flips as where nothing is known.
    """
    guess = guesses(bench)
    for cell, tried in _cells(bench, x, list(bench.model.weights), seed):
        if aware:
            share = single_faults.aware([tried.bits], [guess[cell]], error, tried)
        else:
            share = single_faults.plain([tried.bits], error, tried)
        yield cell, share[0]


def every(bench: FaultyNetwork, x: Tensor, layers: Sequence[str]) -> Iterator[tuple[Cell, np.ndarray]]:
    """Every cell of these layers with whether each stored word's flip is critical: all are tried.

    bool (words x copies,), one whole copy after the other; of the check words, bool (check words,).

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
        for cell, where in _places(bench, layer).items():
            order = seeds.rng(seed, "critical", *cell).permutation(where.n_bits)
            yield cell, _Tried(bench, after, activations, usual, where, order)


class _Tried:
    """Tries flips of one cell, each alone, never one twice."""

    def __init__(
        self, bench: FaultyNetwork, after: Callable[..., Tensor], activations: list[tuple[Tensor, ...]],
        usual: Tensor, where: Region, order: np.ndarray,
    ) -> None:  # fmt: skip
        self._bench, self._after, self._activations, self._usual = bench, after, activations, usual
        self._where, self._order, self._done = where, order, 0

    @property
    def bits(self) -> int:
        """The stored bits of the cell."""
        return self._where.n_bits

    def __call__(self, cell: int, n: int) -> int:
        """How many of n further flips change an answer."""
        chosen = np.sort(self._order[self._done : self._done + n])
        self._done += n
        return sum(map(self._changes, self._where.addresses(chosen)))

    def every(self) -> np.ndarray:
        """Whether the flip of each stored word's bit changes an answer, bool (bits of the cell,)."""
        return np.array([self._changes(a) for a in self._where.addresses(np.arange(self._where.n_bits))])

    def _changes(self, address: int) -> bool:
        flip = BitFlips(np.array([address]), np.zeros(1))
        with self._bench.flipped(flip), torch.inference_mode():
            return bool((top_classes(self._after, self._activations) != self._usual).any())


def summary(cell_shares: Mapping[Cell, Share], error: float) -> dict[str, Any]:
    """The memory's share of critical bits, the flips to the first, and what plain sampling would take.

    A cell counts by its stored bits, copies and check bits among them: a random flip strikes any of these.
    ``critical_low`` and ``critical_high`` are the shares where every cell's is at that end of its interval,
    and ``flips_to_first_least`` the flips to the first critical one at the latter; ``flips_to_first`` is
    infinite where no flip that was tried was critical, which does not say that none is.
    """
    bits = np.array([s.bits for s in cell_shares.values()], float)
    ends = np.array([(s.low, s.value, s.high) for s in cell_shares.values()])
    low, value, high = (bits @ ends / bits.sum()).tolist()
    return {
        "critical": value, "critical_low": low, "critical_high": high,
        "flips_to_first": single_faults.flips_to_first(value),
        "flips_to_first_least": single_faults.flips_to_first(high),
        "injections": sum(s.injections for s in cell_shares.values()),
        "plain": sum(leveugle(s.bits, error) for s in cell_shares.values()),
    }  # fmt: skip
