"""What a checkpoint is worth on validation images: clean, under faults, under attack; and how it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from resq import networks
from resq.attacks.gradient import pgd
from resq.checkpoints import Checkpoint
from resq.core import Dataset, Encoding, seeds
from resq.measure.engine.faulty_network import FaultyNetwork, network_of
from resq.measure.engine.predictions import score
from resq.measure.run.sweep import pixels
from resq.memory import faults

STARTS = 1  # random starts of PGD; no option, so that plans keep their hash


@dataclass(frozen=True)
class EvalConfig:
    """Settings of the evaluation before and after a stage; both use the same fault maps and attack seeds.

    Attributes:
        n: validation images; ``attacked`` of them are attacked.
        rate: bit error rate; ``maps`` fault maps.
        eps: in 1/255; ``steps`` of PGD.
    """

    n: int = 400
    attacked: int = 200
    rate: float = 0.01
    maps: int = 4
    eps: float = 8.0
    steps: int = 10


def evaluate(
    checkpoint: Checkpoint, encoding: Encoding, valid: Dataset, how: EvalConfig, seed: int
) -> dict[str, Any]:
    """Accuracies, spread of the weights and stored bits, as the card of a stage has them."""
    bench, images = FaultyNetwork(checkpoint, encoding), valid.first(min(how.n, len(valid)))
    x, y = pixels(images), torch.from_numpy(images.y)
    where, under = faults.region(bench.model), []
    for number in range(how.maps):
        flips = faults.FAULTS["random"](where, how.rate, rng=seeds.rng(seed, "look", number))
        with bench.flipped(flips) as network:
            under.append(score(network, x, y)[0])
    few = min(how.attacked, len(y))
    rng, eps = seeds.rng(seed, "look"), how.eps / 255
    x_adv = pgd(bench.network, x[:few], y[:few], eps, rng=rng, steps=how.steps, restarts=STARTS)
    return {
        "encoding": str(encoding),
        "stored_bits": round(encoding.memory([checkpoint.state[w].size for w in checkpoint.weights]), 3),
        "n": len(y),
        "clean": score(bench.network, x, y)[0] / len(y),
        "faulty": {"rate": how.rate, "maps": how.maps, "mean": float(np.mean(under)) / len(y),
                   "least": min(under) / len(y), "correct": under},
        "attacked": {"eps": how.eps, "steps": how.steps, "starts": STARTS, "n": few,
                     "accuracy": score(bench.network, x_adv, y[:few])[0] / few},
        "max_over_sigma": round(spread(checkpoint), 3),
    }  # fmt: skip


def spread(checkpoint: Checkpoint) -> float:
    """max|w| / sigma, mean over layers: how much of the codes' range the few largest weights take."""
    layers = [checkpoint.state[name] for name in checkpoint.weights]
    return float(np.mean([np.abs(w).max() / w.std() if w.std() else 1.0 for w in layers]))


def network_with(
    checkpoint: Checkpoint, state: Mapping[str, np.ndarray], encoding: Encoding
) -> networks.Network:
    """A network of the checkpoint's kind with ``state``, its weights read from words.

    Arrays have the shapes and types of the state of the network.
    """
    there = replace(checkpoint, state=state)
    network = network_of(there, there.quantized(encoding))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
