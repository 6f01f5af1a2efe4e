"""Progressive bit search on a checkpoint, with the accuracy on other images after every flip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch

from resq import checkpoints, data
from resq.attacks import bit_search
from resq.core import Encoding, seeds
from resq.measure.engine.faulty_network import FaultyNetwork
from resq.measure.engine.predictions import score
from resq.measure.run import sweep
from resq.measure.specs.cells import Cell

Batch = tuple[torch.Tensor, torch.Tensor]  # images (N, 3, H, W) float32 in [0, 1], labels (N,) int64
NO_FLIP = {"address": -1, "layer": "", "word": -1, "bit": -1, "before": 0.0, "after": 0.0, "tried": 0}


def searched(
    checkpoint: str,
    encoding: str,
    n: int,
    test: int,
    flips: int,
    seed: int,
    device: torch.device | None = None,
) -> dict[str, Any]:
    """What ``bfa --json`` prints; its ``steps`` are an iterator that searches as it is read.

    Args:
        checkpoint: name or file.
        encoding: as ``Encoding.parse`` reads it.
        n: test images that the attacker has.
        test: other test images, which tell the accuracy.
        flips: bits to flip, one after the other.
        seed: which images the attacker has.
        device: where the network computes, see ``platform.devices``; None: the processor.
    """
    loaded = checkpoints.load(checkpoint)
    whole = data.load(loaded.data, "test").first(n + test)
    order = seeds.rng(seed, "bfa").permutation(len(whole))
    parts = whole.take(order[:n]), whole.take(order[n:])
    faulty = FaultyNetwork(loaded, Encoding.parse(encoding), device=device)
    pairs = [(sweep.pixels(part), torch.from_numpy(part.y)) for part in parts]
    seen, unseen = ((x.to(device), y.to(device)) for x, y in pairs)
    return {
        "checkpoint": checkpoint,
        "data": whole.name,
        "encoding": encoding,
        "bits": faulty.model.n_bits,
        "n": n,
        "test": test,
        "seed": seed,
        "weights": loaded.hash,
        "images": whole.hash,
        "code": sweep.code_of([Cell(checkpoint, loaded.data, encoding)]),
        "steps": _steps(faulty, seen, unseen, flips),
    }


def _steps(faulty: Any, seen: Batch, unseen: Batch, flips: int) -> Iterator[dict[str, Any]]:
    """The fault-free network, then one object per flip with the accuracy after it; ``faulty`` is flipped."""
    clean = {"loss": bit_search.loss(faulty, *seen), "correct": score(faulty.network, *unseen)[0]}
    yield {"flips": 0, **NO_FLIP, **clean}
    done: list[int] = []
    for step in bit_search.search(faulty, *seen, flips):
        done.append(step.address)
        with faulty.flipped(bit_search.flips_of(done)) as network:
            yield {"flips": len(done), **asdict(step), "correct": score(network, *unseen)[0]}
