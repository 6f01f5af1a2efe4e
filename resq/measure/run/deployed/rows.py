"""Rows of deployed networks: the file's own words flip, its own runtime answers.

No torch, but for attacks.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from functools import lru_cache
from typing import Any

import numpy as np

from resq import data
from resq.core import BitFlips, Encoding, QuantizedModel, seeds
from resq.deployed import canary, remembered
from resq.deployed.guarded import GuardedFile
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.run import machine
from resq.measure.run.deployed import file_classes
from resq.measure.run.deployed.file_answers import Answers, answered, probable
from resq.measure.specs import cells, sdc_rates
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import AS_STORED
from resq.memory import faults

KEPT = 2  # files that are open at a time
NO_FLIPS = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))


class Files:
    """Cells of deployed files -> what a row counts; files stay open for the cells that follow."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Any, ...], Network] = OrderedDict()
        self._pictures = lru_cache(2)(pictures)
        self._map = lru_cache(2)(_drawn)
        self._guarded = lru_cache(2)(_guarded)
        self._logged: set[str] = set()
        self._clean: dict[tuple[str, str, str], tuple[np.ndarray, Answers]] = {}
        self._aimed: tuple[tuple[Any, ...], np.ndarray, np.ndarray] | None = None

    def forget(self) -> None:
        """Keeps nothing but the open files: what names mean has changed."""
        for cached in (self._pictures, self._map, self._guarded):
            cached.cache_clear()
        self._clean, self._aimed = {}, None

    def counts(self, cell: Cell) -> dict[str, Any]:
        """What the row of a cell says beside the cell: the network, hashes, counts.

        Raises:
            ValueError: a file that cannot be measured, or data of other classes.
            FileNotFoundError: the images are not on this machine.
        """
        network = self.network(cell)
        x, y, images = self._pictures(*_which(cell))
        guarded = self._guarded(network, cell.encoding)
        flips = self.flips(cell, guarded.model if guarded else network)
        if cell.attack != "none":
            x = self._moved(cell, network, x, y, flips)
        clean = self._fault_free(cell, network, x)
        with network.flipped(guarded.misread(flips) if guarded else flips):
            answers = network.logits(x)
        seen = answered(answers, y, probable(network, answers) if clean is None else clean.chances)
        self._say(network)
        silent = dict.fromkeys(sdc_rates.SILENT) if clean is None else sdc_rates.silent(seen, clean)
        return {
            "checkpoint": network.name, "network": network.parsed.carrier, "weights": network.hash,
            "images": images, "flips": len(flips), "correct": int(seen.right.sum()),
            "due": int(seen.broken.sum()), "right": np.packbits(seen.right).tobytes(), **silent,
            "bits": _bits(cell, guarded.model if guarded else network),
            "software": f"{network.runtime}, numpy {np.__version__}",
        }  # fmt: skip

    def _moved(
        self, cell: Cell, network: Network, x: np.ndarray, y: np.ndarray, flips: BitFlips
    ) -> np.ndarray:
        """The images as the attack moves them; kept for the cells that differ in the map alone."""
        from resq.measure.run.deployed import aimed  # torch, which faults alone do not need

        key = (network, cell.attack, cell.eps, cell.steps, cell.restarts, cell.seed)
        if cell.mode == "adaptive":
            return aimed.moved(cell, network, x, y, flips)
        if self._aimed is None or self._aimed[0] != key or self._aimed[1] is not x:
            self._aimed = key, x, aimed.moved(cell, network, x, y, NO_FLIPS)
        return self._aimed[2]

    def _fault_free(self, cell: Cell, network: Network, x: np.ndarray) -> Answers | None:
        """What the faults of a cell are compared with; None under attack and for images of a map."""
        if cell.axis != "ber" or cell.sample == "random":
            return None
        key = (network.hash, cell.inputs, cell.encoding)
        known = self._clean.get(key)
        if known is None or known[0] is not x:
            guarded = self._guarded(network, cell.encoding)
            with network.flipped(guarded.misread(NO_FLIPS) if guarded else NO_FLIPS):
                answers = network.logits(x)
            known = x, answered(answers, np.zeros(len(x), np.int64), probable(network, answers))
            self._clean = {key: known}
        return known[1]

    def network(self, cell: Cell) -> Network:
        """The cell's file, opened, its words known to be computed with."""
        key = (
            cell.checkpoint,
            cells.weights_of(cell.checkpoint),
            cell.targets,
            cell.inputs,
            cell.data,
            cell.layers,
        )
        if key not in self._open:
            while len(self._open) >= KEPT:
                self._open.popitem(last=False)[1].close()
            self._open[key] = opened(cell)
        self._open.move_to_end(key)
        return self._open[key]

    def flips(self, cell: Cell, memory: Network | QuantizedModel) -> BitFlips:
        """The flips of a cell: its map's, as far as they turn at its rate."""
        if cell.fault == "none":
            return NO_FLIPS
        drawn = self._map(memory, cell.fault, cell.layers, cell.planes, cell.top, cell.seed, cell.map)
        return drawn.at_rate(cell.ber)

    def _say(self, network: Network) -> None:
        """Says once of each kind why a runtime gave no answer."""
        for refusal in network.refusals:
            if refusal not in self._logged and len(self._logged) < 5:
                self._logged.add(refusal)
                logging.getLogger(__name__).warning("with flips, %s %.300s", network.file.name, refusal)
        network.refusals.clear()


def opened(cell: Cell) -> Network:
    """The cell's file, after its canary.

    Raises:
        ValueError: it cannot be measured, or its classes are others, as ``file_classes.check`` says.
    """
    network = Network(cell.checkpoint, cell.targets, Asked.parse(cell.inputs))
    whole = data.load(cell.data, "test")
    try:
        file_classes.check(network, whole, cell.data)
        some = whole.first(min(len(whole), canary.TIMED)).pixels
        settled = remembered.settle(network, some, cell.layers, machine.processor())
    except BaseException:
        network.close()
        raise
    log = logging.getLogger(__name__)
    if settled.unread:
        log.warning("%s never computes with %s: they stay among the words", network.runtime,
                     ", ".join(settled.unread)[:500])  # fmt: skip
    return network


def _which(cell: Cell) -> tuple[str, str, int, int, int]:
    """What decides a cell's images."""
    drawn = (cell.seed, cell.map) if cell.sample == "random" else (0, 0)
    return cell.data, cell.sample, cell.n, *drawn


def pictures(name: str, sample: str, n: int, seed: int, number: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Images uint8 (N, C, H, W) that nobody can write into, labels, and the hash that rows carry."""
    whole = data.load(name, "test")
    chosen = cells.images(Cell("", name, "", sample=sample, n=n, seed=seed, map=number), whole)
    pixels = np.ascontiguousarray(chosen.pixels).view()
    pixels.setflags(write=False)
    return pixels, chosen.y, (chosen if sample == "first" else whole).hash


def _guarded(network: Network, encoding: str) -> GuardedFile | None:
    """The memory that the file's words lie in; None where they are its own."""
    return None if encoding == AS_STORED else GuardedFile(network, Encoding.parse(encoding))


def _drawn(
    memory: Network | QuantizedModel,
    fault: str,
    layers: tuple[str, ...],
    planes: tuple[int, ...],
    top: float,
    seed: int,
    number: int,
) -> BitFlips:
    where = faults.region(memory, layers, planes)
    return faults.FAULTS[fault](where, top, rng=seeds.rng(seed, "map", number))


def _bits(cell: Cell, memory: Network | QuantizedModel) -> int:
    """Stored bits that the cell's faults can reach."""
    return 0 if cell.fault == "none" else faults.region(memory, cell.layers, cell.planes).n_bits
