"""A spec -> rows, one at a time: the same fault maps and starts for the same seed, whatever ran before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resq import checkpoints, data, seeds
from resq.core import BitFlips, Dataset, Encoding
from resq.measure import joint
from resq.measure.answers import BATCH, answers, counts, score
from resq.measure.bench import Bench
from resq.measure.spec import SweepSpec
from resq.memory import faults

__all__ = ["BATCH", "answers", "code_hash", "counts", "fault_map", "images_there", "pixels", "run", "score"]

# What decides the numbers: a row carries a hash of these sources.
SOURCES = (
    "core.py",
    "seeds.py",
    "data",
    "networks",
    "memory",
    "threat",
    "checkpoints.py",
    "measure/answers.py",
    "measure/bench.py",
    "measure/fold.py",
    "measure/joint.py",
    "measure/sweep.py",
)


def run(spec: SweepSpec) -> Iterator[dict[str, Any]]:
    """The rows of a sweep as they are measured, ``spec.total`` of them; columns as in ``table.COLUMNS``.

    Maps come one after the other, each at all rates, so that a partial sweep shows whole curves.

    Raises:
        ValueError: an unknown checkpoint, data of other classes, or more images than there are.
        FileNotFoundError: the images are not on this machine.
    """
    checkpoint = checkpoints.load(spec.checkpoint)
    images = test_images(spec, checkpoint)
    bench = Bench(checkpoint, Encoding.parse(spec.encoding))
    shared = _provenance(spec, bench, images)
    x, y = pixels(images), torch.from_numpy(images.y)
    apart, at_once = (faulty, attacked), (surface,)
    for axis in at_once if spec.modes else apart:
        for row in axis(spec, bench, x, y):
            yield {**shared, **row}


def test_images(spec: SweepSpec, checkpoint: checkpoints.Checkpoint) -> Dataset:
    """The first n test images of the spec's data set.

    Raises:
        ValueError: the checkpoint was trained on other classes, or there are fewer images.
    """
    name = spec.data or checkpoint.data
    if data.source(name).classes != data.source(checkpoint.data).classes:
        raise ValueError(f"{checkpoint.name} knows the classes of {checkpoint.data}, not those of {name}")
    return data.load(name, "test").first(spec.n)


def images_there(spec: SweepSpec) -> int:
    """How many test images the spec's data set has.

    Raises:
        ValueError: no such checkpoint or data set.
        FileNotFoundError: the images are not on this machine.
    """
    return len(data.load(spec.data or checkpoints.card(spec.checkpoint)["data"], "test"))


def pixels(images: Dataset) -> Tensor:
    """Images as the network reads them: float32 (N, 3, H, W) in [0, 1], channels last."""
    x = torch.from_numpy(np.ascontiguousarray(images.pixels)).float().div_(255)
    return x.contiguous(memory_format=torch.channels_last)


def fault_map(spec: SweepSpec, bench: Bench, number: int) -> BitFlips:
    """One fault map at the largest rate; ``.at(rate)`` gives it at smaller ones."""
    where = faults.region(bench.model, spec.layers, spec.planes)
    return faults.FAULTS[spec.fault](where, max(spec.bers), rng=seeds.rng(spec.seed, "map", number))


def faulty(spec: SweepSpec, bench: Bench, x: Tensor, y: Tensor) -> Iterator[dict[str, Any]]:
    for number in range(spec.maps if any(spec.bers) else min(1, len(spec.bers))):
        whole = fault_map(spec, bench, number)
        for ber in spec.bers:
            if ber == 0 and number:
                continue  # no flips, no chance: once is enough
            flips = whole.at(ber)
            with bench.flipped(flips) as network:
                right, broken = answers(network, x, y)
            yield {
                "axis": "ber",
                "ber": ber,
                "map": number,
                "flips": len(flips),
                "top": max(spec.bers),
                "attack": "none",
                "eps": 0.0,
                "steps": 0,
                "restarts": 0,
                **counts(right, broken),
            }


def threat(spec: SweepSpec, eps: float) -> joint.Threat:
    """The spec's attack at one budget."""
    return joint.Threat(spec.attack, eps, spec.steps, spec.restarts, spec.seed)


def attacked(spec: SweepSpec, bench: Bench, x: Tensor, y: Tensor) -> Iterator[dict[str, Any]]:
    for eps in spec.eps:
        against = threat(spec, eps)
        moved = joint.craft(bench.network, x, y, against)
        yield {
            "axis": "eps",
            "ber": 0.0,
            "map": 0,
            "flips": 0,
            "top": 0.0,
            **against.row,
            **counts(*answers(bench.network, moved, y)),
        }


def surface(spec: SweepSpec, bench: Bench, x: Tensor, y: Tensor) -> Iterator[dict[str, Any]]:
    """Cells where bits flip and pixels move; its edges, BER 0 and eps 0, are cells like the others."""
    threats = [threat(spec, eps) for eps in spec.eps]
    kept = {t: joint.craft(bench.network, x, y, t, stop=False) for t in threats if "transfer" in spec.modes}
    for number in range(spec.maps if any(spec.bers) else 1):
        whole = fault_map(spec, bench, number)
        for ber, against, mode in product(spec.bers, threats, spec.modes):
            if ber == 0 and number:
                continue
            flips = whole.at(ber)
            found = (
                joint.transfer(bench, flips, kept[against], y)
                if mode == "transfer"
                else joint.adaptive(bench, flips, x, y, against)
            )
            yield {
                "axis": "joint",
                "mode": mode,
                "ber": ber,
                "map": number,
                "flips": len(flips),
                "top": max(spec.bers),
                **against.row,
                **counts(*found),
            }


def _provenance(spec: SweepSpec, bench: Bench, images: Dataset) -> dict[str, Any]:
    return {
        "checkpoint": spec.checkpoint,
        "network": bench.checkpoint.network,
        "data": images.name,
        "encoding": str(bench.encoding),
        "fault": spec.fault,
        "region": spec.region,
        "seed": spec.seed,
        "n": len(images),
        "weights": bench.checkpoint.hash,
        "images": images.hash,
        "code": code_hash(),
        "key": "",
        "mode": "none",
        "sample": "first",
    }


@cache
def code_hash() -> str:
    """16 hex digits over the sources that decide the numbers."""
    root = Path(__file__).resolve().parents[1]
    files = [f for name in SOURCES for f in (sorted((root / name).rglob("*.py")) or [root / name])]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
