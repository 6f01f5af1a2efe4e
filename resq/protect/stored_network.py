"""A checkpoint as the search sees it: what its layers can be stored as, what is kept, what confirms it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from resq import checkpoints, data
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding, QuantizedModel, seeds
from resq.data.held_out import held_out
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import score
from resq.measure.run import sweep, taylor
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table
from resq.memory import faults
from resq.protect import deploy, mixtures
from resq.protect.wanted import SEED


def images(checkpoint: Checkpoint, n: int) -> Dataset:
    """The first n of the training images that no stage of hardening trains on.

    Raises:
        ValueError: fewer than n.
    """
    return held_out(data.load(checkpoint.data, "train"))[1].first(n)


def order(checkpoint: Checkpoint, encoding: Encoding, held: Dataset) -> list[int]:
    """Layer numbers, those first whose weights a flip is estimated to cost most on average.

    What protecting a layer costs grows with its weights, so what counts is the harm of a bit, not of a layer.
    """
    bench = FaultyNetwork(checkpoint, encoding)
    part = held.first(min(len(held), 256))
    rows = list(taylor.estimate(bench, sweep.pixels(part), torch.from_numpy(part.y)))
    harm = {name: sum(r["change"] for r in rows if r["layer"] == name) for name in bench.model.weights}
    names = list(bench.model.weights)
    return sorted(range(len(names)), key=lambda i: -harm[names[i]])


class StoredNetwork:
    """A checkpoint; attributes as in ``Subject``.

    Args:
        encoding: the only plain words that are mixed; "": all that ``mixtures.bases`` knows.
        n: held-out images.

    Raises:
        ValueError: words that cannot be mixed, or fewer images.
    """

    def __init__(self, name: str, encoding: str, n: int) -> None:
        self.checkpoint = checkpoints.load(name)
        self.name, self.hash = name, self.checkpoint.hash
        self.inputs: str | None = None
        self.own = Encoding.parse(encoding or checkpoints.default_encoding(name))
        mixtures.check(self.own)
        self.sizes = tuple(self.checkpoint.state[weight].size for weight in self.checkpoint.weights)
        self.lengths = [[self.own]] if encoding else mixtures.bases(self.own)
        self.uniform = mixtures.uniform(self.own, only=bool(encoding))
        self._n, self._bench = n, lru_cache(2)(self._made)

    @cached_property
    def held(self) -> Dataset:
        """The images that decide."""
        return images(self.checkpoint, self._n)

    @property
    def images(self) -> str:
        """Which images decide."""
        return self.held.hash

    def _made(self, encoding: str) -> FaultyNetwork:
        return FaultyNetwork(self.checkpoint, Encoding.parse(encoding))

    def order(self, base: Encoding) -> list[int]:
        """As in ``Subject``."""
        return order(self.checkpoint, base, self.held)

    def accuracy(self, encoding: Encoding, fault: str, rate: float, number: int) -> float:
        """As in ``Subject``."""
        bench = self._bench(str(encoding))
        where, rng = faults.region(bench.model), seeds.rng(SEED, "protect", number)
        with bench.flipped(faults.FAULTS[fault](where, rate, rng=rng)) as network:
            right = score(network, sweep.pixels(self.held), torch.from_numpy(self.held.y))[0]
        return right / len(self.held)

    def tested(
        self, encoding: Encoding, fault: str, rates: tuple[float, ...], maps: int, n: int
    ) -> pd.DataFrame:
        """As in ``Subject``."""
        spec = SweepSpec(
            self.name, encoding=str(encoding), fault=fault, bers=rates, maps=maps, n=n, seed=SEED
        )
        return table.frame(sweep.run(spec))

    def write(self, folder: Path, encoding: Encoding) -> None:
        """As in ``Subject``."""
        deploy.write(folder, self.checkpoint, encoding)

    def stored(self, encoding: Encoding) -> QuantizedModel:
        """As in ``Subject``."""
        return self.checkpoint.quantized(encoding)

    def look(self, images: int, encoding: Encoding) -> Callable[[], Any]:
        """As in ``Subject``."""
        network, x = self._bench(str(encoding)).network, sweep.pixels(self.held.first(images))

        def run() -> None:
            with torch.inference_mode():
                network(x)

        return run
