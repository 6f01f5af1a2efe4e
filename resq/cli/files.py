"""What commands for checkpoints do with a deployed file: its words, its twin, its runtime's answers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from resq import data
from resq.cli import options
from resq.core import Dataset, seeds
from resq.core.errors import ResqError
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.measure.specs.sweep_spec import AS_STORED, SweepSpec


def opened(arguments: argparse.Namespace) -> Network:
    """The file with the targets that were asked for, its words known to be computed with.

    Raises:
        ValueError: as ``measure.deployed.opened`` says.
    """
    from resq.measure.run.deployed.rows import opened as checked
    from resq.measure.specs.cells import Cell

    spec = _spec(arguments)
    return checked(Cell(spec.checkpoint, spec.data, spec.encoding, targets=spec.targets, inputs=spec.inputs))


def _spec(arguments: argparse.Namespace) -> SweepSpec:
    """What was asked for, checked as a sweep is."""
    asked = {name: getattr(arguments, name) for name in ("checkpoint", "data", "targets", "seed")}
    return SweepSpec(**asked, encoding=arguments.encoding or AS_STORED, inputs=options.inputs(arguments))


def _frozen(part: Dataset) -> np.ndarray:
    """Images that nobody can write into, which the runtime's process is sent once."""
    x = np.ascontiguousarray(part.pixels).copy()
    x.setflags(write=False)
    return x


def _about(arguments: argparse.Namespace, network: Network, images: Dataset) -> dict[str, Any]:
    from resq.measure.run import sweep

    return {
        "checkpoint": network.name, "data": images.name, "encoding": AS_STORED, "n": arguments.n,
        "seed": arguments.seed, "weights": network.hash, "images": images.hash, "code": sweep.code_hash(),
    }  # fmt: skip


def bit_search(arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``bfa`` prints of a file, its steps an iterator; losses and accuracies are the runtime's."""
    network = opened(arguments)
    whole = data.load(arguments.data, "test").first(arguments.n + arguments.test)
    order = seeds.rng(arguments.seed, "bfa").permutation(len(whole))
    own, others = whole.take(order[: arguments.n]), whole.take(order[arguments.n :])
    steps = _steps(network, own, others, arguments.flips)
    return {**_about(arguments, network, whole), "bits": network.layout.n_bits, "test": arguments.test,
            "runtime": network.runtime, "steps": steps}  # fmt: skip


def _steps(network: Network, own: Dataset, others: Dataset, flips: int) -> Iterator[dict[str, Any]]:
    """The file without flips, then one object per flip with the runtime's accuracy after it."""
    from resq.attacks.bit_search import flips_of
    from resq.deployed.twin.module import Twin
    from resq.measure.run.deployed import file_bits

    twin, x, unseen = Twin(network), _frozen(own), _frozen(others)

    def right(done: list[int]) -> int:
        with network.flipped(flips_of(done)):
            return int((network.logits(unseen).argmax(1) == others.y).sum())

    none = {"address": -1, "layer": "", "word": -1, "bit": -1, "before": 0.0, "after": 0.0, "tried": 0}
    with network:
        yield {"flips": 0, **none, "loss": file_bits.loss(network, twin, x, own.y), "correct": right([])}
        done: list[int] = []
        for step in file_bits.search(network, twin, x, own.y, flips):
            done.append(step.address)
            yield {"flips": len(done), **asdict(step), "correct": right(done)}


def estimates(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows of a file's estimated heatmap, columns as in ``layers.COLUMNS``.

    Raises:
        ValueError: something was asked for that is measured and not estimated.
    """
    import torch

    from resq.deployed.twin.module import Twin
    from resq.measure.run.deployed.file_bits import estimated

    if arguments.measured or arguments.stream:
        raise ResqError(
            "of a deployed file this command estimates; --measured and --stream are of checkpoints"
        )
    spec = _spec(arguments)
    with Network(spec.checkpoint, spec.targets, Asked.parse(spec.inputs)) as network:
        images = data.load(arguments.data, "test").first(arguments.n)
        about = _about(arguments, network, images) | {"network": network.parsed.carrier}
        x = torch.from_numpy(images.pixels.astype(np.float32)) / 255
        for row in estimated(network, Twin(network), x, torch.from_numpy(images.y), seed=arguments.seed):
            yield {**about, **row}


def guards(arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``guards`` prints of a file."""
    from resq.measure.run.deployed.attack_checks import file_guards

    with opened(arguments) as network:
        images = data.load(arguments.data, "test").first(arguments.n)
        found = file_guards(network, images.pixels, images.y, arguments.eps, arguments.steps, arguments.seed)
        about = _about(arguments, network, images)
    return {
        **about,
        "eps": arguments.eps,
        "steps": arguments.steps,
        "guards": [guard.row() for guard in found],
    }
