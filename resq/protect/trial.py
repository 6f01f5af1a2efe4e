"""What a network keeps on held-out images, map by map, remembered in a file; what the guards cost in time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq import checkpoints, data
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding, seeds
from resq.data.held_out import held_out
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import score
from resq.measure.run import sweep, taylor
from resq.memory import faults, quant
from resq.memory.guards.layers import written
from resq.protect import decoder
from resq.protect.mixtures import Mixture


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


class Trial:
    """Measures mixtures at one rate on held-out images; every pass is written down and never done again.

    Attributes:
        passes: forward passes over the images, those of earlier runs included.
    """

    def __init__(
        self, checkpoint: Checkpoint, held: Dataset, rate: float, maps: int, file: Path,
        fault: str = "random", progress: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.checkpoint, self.rate, self.maps, self.fault, self.progress = (
            checkpoint,
            rate,
            maps,
            fault,
            progress,
        )
        self.held, self._file = held, file
        self._x, self._y = sweep.pixels(held), torch.from_numpy(held.y)
        self._known = _known(file)
        self._bench = lru_cache(2)(self._made)

    @property
    def passes(self) -> int:
        """Forward passes over the images so far."""
        return len(self._known)

    def _made(self, encoding: str) -> FaultyNetwork:
        return FaultyNetwork(self.checkpoint, Encoding.parse(encoding))

    def accuracy(self, encoding: Encoding, rate: float | None = None) -> list[float]:
        """Accuracy under each map at a rate, by default the trial's; one value where nothing flips."""
        rate = self.rate if rate is None else rate
        return [self._one(str(encoding), rate, number) for number in range(self.maps if rate else 1)]

    def keeps(self, mixture: Mixture, rate: float | None = None) -> float:
        """Mean accuracy at the rate over that of the base without faults."""
        clean = self.accuracy(mixture.base, 0.0)[0]
        return float(np.mean(self.accuracy(mixture.encoding, rate))) / clean if clean else 0.0

    def _one(self, encoding: str, rate: float, number: int) -> float:
        key = json.dumps([encoding, self.fault, rate, number, self.held.hash, self.checkpoint.hash])
        if key not in self._known:
            self._known[key] = self._measured(encoding, rate, number)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "accuracy": self._known[key]}) + "\n")
            self.progress()
        return self._known[key]

    def _measured(self, encoding: str, rate: float, number: int) -> float:
        bench = self._bench(encoding)
        where, rng = faults.region(bench.model), seeds.rng(0, "protect", number)
        with bench.flipped(faults.FAULTS[self.fault](where, rate, rng=rng)) as network:
            return score(network, self._x, self._y)[0] / len(self.held)


def _known(file: Path) -> dict[str, float]:
    """What earlier runs wrote down; a last line that was cut off is measured again."""
    measured = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        measured[row["key"]] = float(row["accuracy"])
    return measured


def slower(checkpoint: Checkpoint) -> Callable[[Mixture], float]:
    """The time of a pass of one image with all words decoded by the C decoder, over that of the pass alone.

    Both are measured here, the least of five; the decoding once for each guard on the largest layer.

    Raises:
        LackingError: no C compiler here.
    """
    network = FaultyNetwork(checkpoint, Encoding.parse(checkpoints.default_encoding(checkpoint.name))).network
    image = sweep.pixels(data.load(checkpoint.data, "test").first(1))

    def look() -> Tensor:
        with torch.inference_mode():
            return network(image)

    alone = _least(look)

    @cache
    def decoding(encoding: Encoding) -> float:
        """Seconds a weight."""
        name = max(checkpoint.weights, key=lambda w: checkpoint.state[w].size)
        q = quant.quantize(checkpoint.state[name], encoding)
        words, checks = packed(q)
        zero = quant.zeros(q)[:1]
        return _least(lambda: decoder.read(words, checks, q.words.size, encoding, zero)) / q.words.size

    def ratio(mixture: Mixture) -> float:
        each = [mixture.encoding.of(i).bare for i in range(len(mixture.sizes))]
        return 1 + sum(n * decoding(e) for n, e in zip(mixture.sizes, each, strict=True)) / alone

    return ratio


def _least(run: Callable[[], Any], times: int = 5) -> float:
    run()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def packed(q: Any) -> tuple[np.ndarray, np.ndarray]:
    """What lies in memory for a layer, as bytes: its words, all copies, and the bits that guard them."""
    words, checks = written(q)
    _, width = q.encoding.checks(q.words.size)
    bits = (checks[:, None] >> np.arange(width).astype(checks.dtype) & 1).astype(np.uint8).reshape(-1)
    return np.tile(words, q.encoding.copies), np.packbits(bits, bitorder="little")
