"""Confusion matrices, clean against faulty: predictions with flipped bits beside those without."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resq.core import commands
from resq.core.errors import ResqError
from resq.measure.specs.cells import ACTIVATIONS
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import table

ENDING = "-flow.json"


@dataclass(frozen=True)
class ConfusionSpec:
    """The answers of one network at one bit error rate; fields as of a ``SweepSpec``."""

    checkpoint: str
    encoding: str = "int8"
    fault: str = "random"
    ber: float = 1e-2
    maps: int = 5
    n: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fault == ACTIVATIONS:
            raise ResqError(f"the flow of answers is measured under flips of stored bits, got {ACTIVATIONS}")
        self.sweep()

    def sweep(self) -> SweepSpec:
        """The sweep of this one rate, which has the same fault maps.

        Raises:
            ValueError: a field that a sweep refuses.
        """
        return SweepSpec(self.checkpoint, encoding=self.encoding, fault=self.fault, bers=(self.ber,),
                         maps=self.maps, n=self.n, seed=self.seed)  # fmt: skip

    @property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def total(self) -> int:
        """How many rows it has: one per fault map."""
        return self.maps

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that measure it."""
        arguments = ["confusion", self.checkpoint, "--encoding", self.encoding]
        arguments += ["--ber", commands.number(self.ber)]
        arguments += ["--fault", self.fault] if self.fault != "random" else []
        return [*arguments, "--maps", str(self.maps), "--n", str(self.n), "--seed", str(self.seed)]

    @property
    def command(self) -> str:
        """What measures it in a terminal."""
        return commands.line(self.argv())


def run(spec: ConfusionSpec) -> Iterator[dict[str, Any]]:
    """One row per fault map; ``flow`` counts images, from the answer as stored (line) to that with the flips.

    The last column counts images on which the faulty network gives no number.

    Raises:
        ValueError, FileNotFoundError: as ``sweep.run`` says.
    """
    import torch

    from resq import checkpoints
    from resq.core import Encoding
    from resq.measure.engine.faulty_network import FaultyNetwork
    from resq.measure.run import sweep

    same = spec.sweep()
    bench = FaultyNetwork(checkpoints.load(spec.checkpoint), Encoding.parse(spec.encoding))
    images = sweep.test_images(same, bench.checkpoint)
    x, size = sweep.pixels(images), len(images.classes)
    about = {**asdict(spec), "data": images.name, "weights": bench.checkpoint.hash, "images": images.hash,
             "code": sweep.code_of(same.cells()), "classes": list(images.classes)}  # fmt: skip

    def answers(network: torch.nn.Module) -> np.ndarray:
        with torch.inference_mode():
            logits = torch.cat([network(part) for part in x.split(sweep.BATCH)])
        return np.where(torch.isfinite(logits).all(1).numpy(), logits.argmax(1).numpy(), size)

    before = answers(bench.network)
    for number in range(spec.maps):
        flips = sweep.fault_map(same, bench, number)
        with bench.flipped(flips) as network:
            after = answers(network)
        flow = np.zeros((size + 1, size + 1), dtype=np.int64)
        np.add.at(flow, (before, after), 1)
        yield {**about, "map": number, "flips": len(flips), "flow": flow[:size].tolist()}


def summed(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The flow over all maps, int64 (classes, classes + 1)."""
    return np.sum([row["flow"] for row in rows], axis=0).astype(np.int64)


def shipped() -> list[dict[str, Any]]:
    """The rows of all shipped flows.

    Raises:
        ValueError: a file that is none.
    """
    return [row for file in sorted(table.SHIPPED.glob(f"*{ENDING}")) for row in _read(file)]


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads(file.read_text(encoding="utf-8"))["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResqError(f"{file.name} is not a readable flow of answers: {error}") from None
