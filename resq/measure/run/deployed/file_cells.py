"""Which tensors and bits of a deployed file matter: its own words flip, its own runtime answers. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from resq import data
from resq.core import BitFlips, commands, seeds
from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.words import Stored
from resq.measure.run.deployed.file_answers import answered, probable
from resq.measure.run.deployed.rows import NO_FLIPS, opened
from resq.measure.specs.cells import Cell

CAP = (
    20.0  # most that one image's loss counts, as of a checkpoint's heatmap; also where answers are no numbers
)
FLOOR = 2.0**-9  # a probability that eight bits write as 0 lies below it
LEAST = 16  # flips of a map at least: one alone says little about its cell
WORST = 8  # cells whose words are then flipped one by one


@dataclass(frozen=True)
class FileLayers:
    """A heatmap of a deployed file: every chosen tensor by every stored bit, measured on its runtime.

    Attributes:
        file: path, or the name of a kept file.
        data: the data set whose first ``n`` test images it is given.
        maps: fault maps per cell; share: of a cell's bits that flip together, at least LEAST.
        singles: words of each of the WORST worst cells that are then flipped alone.
        targets, inputs: as of a sweep.
        cells: how many cells there are, for whoever waits; decides no number.
    """

    file: str
    data: str
    maps: int = 3
    share: float = 0.01
    n: int = 256
    seed: int = 0
    singles: int = 0
    targets: str = "weights"
    inputs: str = ""
    cells: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ResqError(f"the share of flipped bits must lie in (0, 1], got {self.share:g}")
        for name, least in (("maps", 1), ("n", 1), ("singles", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ResqError(f"{name} must be at least {least}, got {getattr(self, name)}")

    @property
    def total(self) -> int:
        """How many rows there will be."""
        return self.cells * self.maps + min(WORST, self.cells) * self.singles

    @property
    def hash(self) -> str:
        """16 hex digits that change with whatever decides the rows."""
        fields = {name: value for name, value in asdict(self).items() if name != "cells"}
        return hashlib.sha256(json.dumps(["file cells", fields], sort_keys=True).encode()).hexdigest()[:16]

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that make it.

        >>> " ".join(FileLayers("a.onnx", "cifar10", singles=4).argv())
        'sensitivity a.onnx --measured --data cifar10 --maps 3 --n 256 --singles 4'
        """
        parts = self.inputs.split()
        usual = [f"--{name} {value}" for name in ("share", "seed", "singles", "targets")
                 if (value := getattr(self, name)) != getattr(FileLayers, name)]  # fmt: skip
        return ["sensitivity", self.file, "--measured", "--data", self.data, "--maps", str(self.maps),
                "--n", str(self.n), *" ".join(usual).split(),
                *(f"--{k}={v}" for k, v in zip(parts[::2], parts[1::2], strict=True))]  # fmt: skip

    @property
    def command(self) -> str:
        """What makes it in a terminal."""
        return commands.line(self.argv())


def losses(answers: np.ndarray, y: np.ndarray, chances: bool) -> np.ndarray:
    """Cross-entropy of each image, float64 (N,), at most CAP; CAP where the answer is not finite.

    Args:
        answers: (N, classes), logits, or probabilities where ``chances``.
    """
    broken = ~np.isfinite(answers).all(axis=1)
    each, at = answers.astype(np.float64), np.arange(len(y))
    with np.errstate(all="ignore"):
        per_image = (
            -np.log(np.maximum(each[at, y], FLOOR)) if chances else -special.log_softmax(each, 1)[at, y]
        )
    return np.where(broken, CAP, np.minimum(np.nan_to_num(per_image, nan=CAP, posinf=CAP), CAP))


def run(spec: FileLayers) -> Iterator[dict[str, Any]]:
    """The rows, columns as in ``layers.COLUMNS``: kind "measured", then "single" where words flip alone.

    Raises:
        ValueError: a file that cannot be measured, as ``measure.deployed.opened`` says.
        FileNotFoundError: the images are not on this machine.
    """
    images = data.load(spec.data, "test").first(spec.n)
    x = np.ascontiguousarray(images.pixels).copy()
    x.setflags(write=False)
    cell = Cell(spec.file, spec.data, "as stored", targets=spec.targets, inputs=spec.inputs)
    with opened(cell) as network:
        shared = {
            "checkpoint": network.name, "network": network.parsed.carrier, "data": images.name,
            "encoding": "as stored", "seed": spec.seed, "weights": network.hash, "images": images.hash,
            "n": len(images.y), "linear": 0.0, "usual": 0.0, "channels": [],
        }  # fmt: skip
        yield {"total": spec.maps * sum(s.width for s in network.stored)}
        for row in _rows(network, x, images.y, spec):
            yield {**shared, **row}


def _rows(network: Network, x: np.ndarray, y: np.ndarray, spec: FileLayers) -> Iterator[dict[str, Any]]:
    score = _Score(network, x, y)
    worst_cells: list[tuple[float, Stored, int]] = []
    for tensor in network.stored:
        for bit in range(tensor.width - 1, -1, -1):
            changes = []
            for number in range(spec.maps):
                index = drawn(tensor, bit, spec.share, spec.seed, number)
                row = score.row(tensor, bit, index)
                changes.append(row["change"] / len(index))
                yield {
                    **row,
                    "kind": "measured",
                    "map": number,
                    "share": spec.share,
                    "worst": [],
                    "costs": [],
                }
            worst_cells.append((float(np.mean(changes)), tensor, bit))
    for _, tensor, bit in sorted(worst_cells, key=lambda one: -one[0])[: WORST if spec.singles else 0]:
        for number, word in enumerate(alone(tensor, bit, spec.singles, spec.seed)):
            row = score.row(tensor, bit, word[None])
            yield {**row, "kind": "single", "map": number, "share": 0.0, "worst": [int(word)],
                   "costs": [row["change"]]}  # fmt: skip


def drawn(tensor: Stored, bit: int, share: float, seed: int, number: int) -> np.ndarray:
    """The words of one map of a cell, ascending, int64: this share of them, at least LEAST."""
    count = min(tensor.count, max(LEAST, round(share * tensor.count)))
    rng = seeds.rng(seed, "file cell", tensor.name, bit, number)
    return np.sort(rng.choice(tensor.count, count, replace=False))


def alone(tensor: Stored, bit: int, count: int, seed: int) -> np.ndarray:
    """Words of a cell that are flipped one by one, all different, int64."""
    rng = seeds.rng(seed, "file single", tensor.name, bit)
    return np.sort(rng.choice(tensor.count, min(count, tensor.count), replace=False))


class _Score:
    """What flips do to the loss and the right answers of images (N, C, H, W) of classes y."""

    def __init__(self, network: Network, x: np.ndarray, y: np.ndarray) -> None:
        self.network, self.x, self.y = network, x, y
        clean = network.logits(x)
        seen = answered(clean, y, probable(network, clean))
        self.chances, self.right = seen.chances, int(seen.right.sum())
        self.loss = float(losses(clean, y, self.chances).mean())

    def row(self, tensor: Stored, bit: int, index: np.ndarray) -> dict[str, Any]:
        """The part of a row that flips of this bit in these words decide."""
        first = self.network.layout.address(tensor.name, 0, 0)
        flips = BitFlips(first + index * tensor.width + bit, np.zeros(len(index))) if len(index) else NO_FLIPS
        with self.network.flipped(flips):
            answers = self.network.logits(self.x)
        loss = float(losses(answers, self.y, self.chances).mean())
        return {"layer": tensor.name, "bit": bit, "words": tensor.count, "flips": len(index),
                "loss": self.loss, "clean": self.right, "change": loss - self.loss,
                "correct": int(answered(answers, self.y, self.chances).right.sum())}  # fmt: skip


def worst(rows: list[dict[str, Any]], most: int = 10) -> list[dict[str, Any]]:
    """The most harmful words that were flipped alone: where, change of the loss, right answers lost."""
    single = sorted((row for row in rows if row["kind"] == "single"), key=lambda row: -row["change"])
    return [
        {"layer": row["layer"], "word": row["worst"][0], "bit": row["bit"], "change": row["change"],
         "lost": row["clean"] - row["correct"]}
        for row in single[:most]
    ]  # fmt: skip
