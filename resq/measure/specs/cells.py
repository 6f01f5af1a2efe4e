"""One cell of a campaign: everything that decides one row, and its content key. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from resq import checkpoints, data
from resq.core import Dataset, seeds
from resq.deployed import network as deployed
from resq.measure.specs import plugged
from resq.measure.specs.plugged import ACTIVATIONS as ACTIVATIONS
from resq.measure.specs.version import KEYED

SAMPLES = ("first", "random")
MODES = ("transfer", "adaptive")
PRECISIONS = ("fp32", "bf16")
TARGETS = ("weights", "floats", "all")
_NAMED = {"all": "weights and floats"}


@dataclass(frozen=True)
class Cell:
    """One measurement. What does not bear on it stands at its default, so equal measurements are equal cells.

    Attributes:
        checkpoint: name or path; ``data`` the data set measured on.
        layers, planes: where bits may flip; empty means everywhere.
        top: the rate the map is drawn at; at ``ber`` a part of it flips, the same part whatever else is run.
        map: number of the fault map.
        eps: attack budget in 1/255; ``attack`` "none" where nothing is attacked.
        mode: joint cells only: "transfer", examples made on the fault-free network, or "adaptive", on the
            faulty one. Its edges, BER 0 and eps 0, are cells like the others.
        sample: "first", the first n test images; "random", n that the map's number draws.
        precision: of the forward passes; "bf16" computes and sums up in other ways than "fp32", on the same
            stored words. Cells under attack are always "fp32".
        targets: what is struck: the words of the "weights"; "floats", the scales, zero points, norms and
            biases beside them; or "all"; of a deployed file also as ``deployed.words.kinds`` has them.
        inputs: of a deployed file, what was said of its input beyond what it says itself, see ``Asked``.
    """

    checkpoint: str
    data: str
    encoding: str
    fault: str = "none"
    layers: tuple[str, ...] = ()
    planes: tuple[int, ...] = ()
    ber: float = 0.0
    top: float = 0.0
    map: int = 0
    attack: str = "none"
    eps: float = 0.0
    steps: int = 0
    restarts: int = 0
    mode: str = "none"
    sample: str = "first"
    seed: int = 0
    n: int = 1000
    precision: str = "fp32"
    targets: str = "weights"
    inputs: str = ""

    @property
    def axis(self) -> str:
        """The curve it is a point of: "ber", "eps" or "joint"."""
        return "joint" if self.mode != "none" else "ber" if self.attack == "none" else "eps"

    @property
    def region(self) -> str:
        """Where bits may flip, in words for a table; "all" are those of all words of weights."""
        named = [] if self.targets == "weights" else [_NAMED.get(self.targets, self.targets)]
        return ", ".join([*named, *self.layers, *(f"bit {p}" for p in self.planes)]) or "all"


def key(cell: Cell, weights: str, images: str, foreign: Mapping[str, Any] | None = None) -> str:
    """32 hex digits over the hashes of weights and images, KEYED and every field: same cell, same key.

    What is not the project's own, a plugin's data set or fault model, is in it by what it is made of.

    Args:
        foreign: as ``plugged.parts`` has it of the cell's names, where that is known.
    """
    fields = asdict(cell)
    for name in ("precision", "targets", "inputs"):
        if fields[name] == getattr(Cell, name):
            del fields[name]  # what was measured before there was another keeps its key
    if deployed.is_file(cell.checkpoint):
        fields["checkpoint"] = deployed.named(cell.checkpoint, weights)
        fields["runtime"] = deployed.runtime(cell.checkpoint)
    if foreign := plugged.parts(plugged.names(cell)) if foreign is None else foreign:
        fields["plugged"] = dict(foreign)
    made_of = [KEYED, weights, images, fields]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


def keys(cells: Iterable[Cell]) -> list[str]:
    """The content key of every cell.

    Raises:
        ValueError: no such checkpoint or data set, or fewer images than a cell asks for.
        FileNotFoundError: the images are not on this machine.
    """
    weights, pictures = cache(weights_of), cache(images_hash)  # once per campaign, not once per cell
    foreign = cache(plugged.parts)
    return [
        key(c, weights(c.checkpoint), pictures(c.data, c.sample, c.n), foreign(plugged.names(c)))
        for c in cells
    ]


def weights_of(checkpoint: str) -> str:
    """What a row says of the checkpoint's weights: the first 16 hex digits of their file's SHA-256."""
    if deployed.is_file(checkpoint):
        return deployed.file_hash(checkpoint)
    return str(checkpoints.card(checkpoint)["sha256"])[:16]


def images_hash(name: str, sample: str, n: int) -> str:
    """Hash of the first n test images; of all, where every map draws its own n of them."""
    whole = data.load(name, "test")
    first = whole.first(n)
    return (first if sample == "first" else whole).hash


def images(cell: Cell, whole: Dataset) -> Dataset:
    """The images of a cell among all test images, in the order of its row's ``right``.

    Raises:
        ValueError: there are fewer than the cell asks for.
    """
    first = whole.first(cell.n)
    if cell.sample == "first":
        return first
    rng = seeds.rng(cell.seed, "images", cell.map)
    return whole.take(np.sort(rng.choice(len(whole), cell.n, replace=False)))
