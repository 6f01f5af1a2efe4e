"""A cell -> its row; a spec -> rows: the same for the same seed, whatever ran before, wherever it ran."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq import checkpoints
from resq.core import BitFlips, Encoding, seeds
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.engine import activation_faults
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import BATCH, Answers, evaluate, look, row_counts, score
from resq.measure.run import attacked_batches, cell_images, joint_attack, machine
from resq.measure.run.cell_images import images_there, pixels, test_images
from resq.measure.run.deployed.rows import Files
from resq.measure.run.joint_attack import AttackConfig
from resq.measure.run.source_hash import code_hash, code_of, code_of_training
from resq.measure.specs import cells, plugged
from resq.measure.specs.cells import ACTIVATIONS, Cell
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.specs.version import NUMBERS
from resq.memory import faults
from resq.memory.beside import Struck
from resq.networks.activations import Ranges
from resq.platform import devices, malloc
from resq.plugins import sources

__all__ = [
    "BATCH",
    "Measurer",
    "code_hash",
    "code_of",
    "code_of_training",
    "evaluate",
    "images_there",
    "pixels",
    "row_counts",
    "run",
    "score",
    "test_images",
]


def run(spec: SweepSpec, device: torch.device | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a sweep as they are measured, ``spec.total`` of them; columns as in ``table.COLUMNS``.

    Args:
        device: where the network computes, see ``platform.devices``; None: the processor.

    Raises:
        ValueError: an unknown checkpoint, data of other classes, or more images than there are.
        FileNotFoundError: the images are not on this machine.
    """
    measurer = Measurer(device)
    yield from map(measurer.row, spec.cells())


class Measurer:
    """Cells -> rows; what neighbouring cells share is made once: networks, images, maps, moved images.

    A row never depends on which cells came before: what is kept is only what would be made again.

    Args:
        device: where networks compute, see ``platform.devices``; None: the processor.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device
        self._bench = lru_cache(2)(partial(_bench, device=device))
        self._pictures = lru_cache(2)(partial(cell_images.pictures, device=device))
        self._map = lru_cache(2)(_fault_map)
        self._ranges = lru_cache(2)(_ranges)
        self._craft = lru_cache(8)(attacked_batches.perturb)
        self._files = Files()
        self._clean = lru_cache(2)(look)
        self._foreign = sources.digests()

    def row(self, cell: Cell) -> dict[str, Any]:
        """The row of a cell, columns as in ``table.COLUMNS``.

        Raises:
            ValueError, FileNotFoundError: as ``run`` says.
        """
        self._forget_edited()
        if deployed.is_file(cell.checkpoint):
            self._on_processor(f"{Path(cell.checkpoint).name} is run by its own runtime")
            return self._of_file(cell)
        which = (cell.checkpoint, cells.weights_of(cell.checkpoint), cell.encoding, cell.precision,
                 cell.targets != "weights")  # fmt: skip
        bench = self._bench(*which)
        cell_images.check_classes(bench.checkpoint, cell.data)
        x, y, images = self._pictures(*cell_images.decided_by(cell))
        if cell.fault == ACTIVATIONS:
            self._on_processor("bits of activations flip")
            return {**_about(cell, bench, images), **self._in_activations(cell, bench, x, y)}
        flips = self.flips(cell, bench)
        computed = f"{self.device} {machine.processor()} {machine.software()} {code_of([cell])}"
        made_of = f"{which} {cell_images.decided_by(cell)} {images} {computed}"
        answered = self._answers(cell, bench, flips, x, y, made_of)
        return {**_about(cell, bench, images), "flips": len(flips),
                **row_counts(answered, self._fault_free(cell, bench, x, y))}  # fmt: skip

    def _forget_edited(self) -> None:
        """Keeps nothing that was made of a member which a notebook has given another meaning since."""
        foreign = sources.digests()
        if foreign != self._foreign:
            self._foreign = foreign
            self._files.forget()
            for cached in (self._bench, self._pictures, self._map, self._ranges, self._craft, self._clean):
                cached.cache_clear()

    def _on_processor(self, what: str) -> None:
        """Refuses another device for what computes on the processor alone."""
        if self.device is not None and self.device.type != "cpu":
            raise ResqError(f"{what} on the processor alone, got {self.device}; --device cpu")

    def _of_file(self, cell: Cell) -> dict[str, Any]:
        counts = self._files.counts(cell)
        return {
            **{name: getattr(cell, name) for name in SAME},
            **counts,
            **_origin(cell, counts["weights"], counts["images"]),
            "processor": machine.processor(),
        }

    def _in_activations(self, cell: Cell, bench: FaultyNetwork, x: Tensor, y: Tensor) -> dict[str, Any]:
        ranges, rng = self._ranges(bench), seeds.rng(cell.seed, "activations", cell.map)
        network, count = activation_faults.faulty(bench.network, ranges, cell.ber, rng=rng, top=cell.top)
        answered = look(network, x, y)
        return {"flips": count.flips, **row_counts(answered, self._fault_free(cell, bench, x, y))}

    def _fault_free(self, cell: Cell, bench: FaultyNetwork, x: Tensor, y: Tensor) -> Answers | None:
        """What the faults of a cell are compared with; None where there are none, or under attack.

        Where every map has images of its own, another pass for each would double the time of a sweep.
        """
        if cell.axis != "ber" or cell.sample == "random":
            return None
        return self._clean(bench.network, x, y)

    def flips(self, cell: Cell, bench: FaultyNetwork) -> BitFlips | Struck:
        """The flips of a cell: its map's, as far as they turn at its rate."""
        if cell.fault == "none":
            return NO_FLIPS
        args = (cell.layers, cell.planes, cell.top, cell.seed, cell.map, cell.targets)
        return self._map(bench, cell.fault, *args).at_rate(cell.ber)

    def _answers(
        self, cell: Cell, bench: FaultyNetwork, flips: BitFlips | Struck, x: Tensor, y: Tensor, made_of: str
    ) -> Answers:
        if not len(flips) and (clean := self._fault_free(cell, bench, x, y)):
            return clean
        if cell.mode == "adaptive":
            return joint_attack.adaptive(bench, flips, x, y, _attack_config(cell))
        if cell.attack != "none":
            threat, early_stop = _attack_config(cell), cell.mode == "none"
            x = self._craft(bench.network, x, y, threat, made_of, early_stop=early_stop)
        return joint_attack.transfer(bench, flips, x, y)


# What a row says as its cell does.
SAME = ("checkpoint", "data", "encoding", "fault", "region", "axis", "ber", "map", "attack", "eps", "steps",
        "restarts", "seed", "n", "mode", "sample", "top", "precision", "targets", "inputs")  # fmt: skip
NO_FLIPS = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))


def _attack_config(cell: Cell) -> AttackConfig:
    return AttackConfig(cell.attack, cell.eps, cell.steps, cell.restarts, cell.seed)


def _bench(
    checkpoint: str, weights: str, encoding: str, precision: str, floats: bool,
    device: torch.device | None = None,
) -> FaultyNetwork:  # fmt: skip
    # ``weights`` is there to be compared: a checkpoint that was trained anew is another one.
    bf16 = precision == "bf16"
    how = Encoding.parse(encoding)
    bench = FaultyNetwork(checkpoints.load(checkpoint), how, bf16=bf16, floats=floats, device=device)
    malloc.give_back()
    return bench


def _ranges(bench: FaultyNetwork) -> Ranges:
    return activation_faults.calibrated(bench.network, bench.checkpoint.data, inputs=True)


def fault_map(spec: SweepSpec, bench: FaultyNetwork, number: int) -> BitFlips | Struck:
    """One fault map at the rate that the spec draws at; ``.at(rate)`` gives it at smaller ones."""
    return _fault_map(bench, spec.fault, spec.layers, spec.planes, spec.drawn_at, spec.seed, number)


def _fault_map(
    bench: FaultyNetwork,
    fault: str,
    layers: tuple[str, ...],
    planes: tuple[int, ...],
    top: float,
    seed: int,
    number: int,
    targets: str = "weights",
) -> BitFlips | Struck:
    where = faults.region(bench.model, layers, planes)
    weight_flips = faults.FAULTS[fault](where, top, rng=seeds.rng(seed, "map", number))
    if targets == "weights":
        return weight_flips
    assert bench.beside is not None
    return Struck(
        weight_flips if targets == "all" else NO_FLIPS, bench.beside.drawn(fault, top, seed, number)
    )


def _bits(cell: Cell, bench: FaultyNetwork) -> int:
    """Stored bits that the cell's faults can reach."""
    if cell.fault in ("none", ACTIVATIONS):
        return 0
    weight_bits = (
        0 if cell.targets == "floats" else faults.region(bench.model, cell.layers, cell.planes).n_bits
    )
    return weight_bits + (0 if cell.targets == "weights" or bench.beside is None else bench.beside.n_bits)


def _about(cell: Cell, bench: FaultyNetwork, images: str) -> dict[str, Any]:
    return {
        **{name: getattr(cell, name) for name in SAME},
        "network": bench.checkpoint.network,
        "weights": bench.checkpoint.hash,
        "images": images,
        "bits": _bits(cell, bench),
        **_origin(cell, bench.checkpoint.hash, images),
        "software": machine.software(),
        "processor": devices.label(bench.device, machine.processor()),
    }


def _origin(cell: Cell, weights: str, images: str) -> dict[str, Any]:
    """What a row says of the code that measured it, the project's and others', and its content key."""
    foreign = plugged.parts(plugged.names(cell))
    return {
        "code": code_of([cell]),
        "numbers": NUMBERS,
        "plugged": plugged.hashed([foreign] if foreign else []),
        "key": cells.key(cell, weights, images, foreign),
    }
