"""What an attacker of a deployed file reaches: bit search, estimates of each cell, checks of an attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from resq import data
from resq.attacks.bit_search import flips_of
from resq.core import Dataset, seeds
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.twin.module import Twin
from resq.measure.run import sweep
from resq.measure.run.adversary.searched_bits import NO_FLIP
from resq.measure.run.deployed import file_bits, file_classes, rows
from resq.measure.run.deployed.attack_checks import file_guards
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec


def opened(spec: SweepSpec) -> Network:
    """The file with the targets that were asked for, its words known to be computed with.

    Raises:
        ResqError: as ``rows.opened`` says.
    """
    cell = Cell(spec.checkpoint, spec.data, spec.encoding, targets=spec.targets, inputs=spec.inputs)
    return rows.opened(cell)


def _frozen(part: Dataset) -> np.ndarray:
    """Images that nobody can write into, which the runtime's process is sent once."""
    x = np.ascontiguousarray(part.pixels).copy()
    x.setflags(write=False)
    return x


def _about(spec: SweepSpec, network: Network, images: Dataset) -> dict[str, Any]:
    return {
        "checkpoint": network.name, "data": images.name, "encoding": AS_STORED, "n": spec.n,
        "seed": spec.seed, "weights": network.hash, "images": images.hash,
        "code": sweep.code_of(spec.cells()),
    }  # fmt: skip


def bit_search(spec: SweepSpec, test: int, flips: int) -> dict[str, Any]:
    """What ``bfa`` prints of a file, its steps an iterator; losses and accuracies are the runtime's.

    Args:
        spec: the file, its targets, its images; n of them are the attacker's.
        test: other images, which tell the accuracy.
        flips: bits to flip, one after the other.
    """
    network = opened(spec)
    whole = data.load(spec.data, "test").first(spec.n + test)
    order = seeds.rng(spec.seed, "bfa").permutation(len(whole))
    own, others = whole.take(order[: spec.n]), whole.take(order[spec.n :])
    steps = _steps(network, own, others, flips)
    return {**_about(spec, network, whole), "bits": network.layout.n_bits, "test": test,
            "runtime": network.runtime, "steps": steps}  # fmt: skip


def _steps(network: Network, own: Dataset, others: Dataset, flips: int) -> Iterator[dict[str, Any]]:
    """The file without flips, then one object per flip with the runtime's accuracy after it."""
    twin, x, unseen = Twin(network), _frozen(own), _frozen(others)

    def correct(done: list[int]) -> int:
        with network.flipped(flips_of(done)):
            return int((network.logits(unseen).argmax(1) == others.y).sum())

    with network:
        yield {"flips": 0, **NO_FLIP, "loss": file_bits.loss(network, twin, x, own.y), "correct": correct([])}
        done: list[int] = []
        for step in file_bits.search(network, twin, x, own.y, flips):
            done.append(step.address)
            yield {"flips": len(done), **asdict(step), "correct": correct(done)}


def estimates(spec: SweepSpec) -> Iterator[dict[str, Any]]:
    """The rows of a file's estimated heatmap, columns as in ``layer_heatmap.COLUMNS``.

    Raises:
        ResqError: images of other classes, or operators that a twin does not compute.
    """
    with Network(spec.checkpoint, spec.targets, Asked.parse(spec.inputs)) as network:
        images = data.load(spec.data, "test").first(spec.n)
        file_classes.check(network, images, spec.data)
        about = _about(spec, network, images) | {"network": network.parsed.carrier}
        x = torch.from_numpy(network.pixels.unit(images.pixels))
        y = torch.from_numpy(images.y)
        for row in file_bits.estimated(network, Twin(network), x, y, seed=spec.seed):
            yield {**about, **row}


def checked_attack(spec: SweepSpec) -> dict[str, Any]:
    """What ``guards`` prints of a file: the checks under PGD of the spec's steps and its one budget."""
    eps = spec.eps[0]
    with opened(spec) as network:
        images = data.load(spec.data, "test").first(spec.n)
        checks = file_guards(network, images.pixels, images.y, eps, spec.steps, spec.seed)
        about = _about(spec, network, images)
    return {**about, "eps": eps, "steps": spec.steps, "guards": [check.row() for check in checks]}
