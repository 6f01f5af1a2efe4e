"""Which layers and which images suffer most from flips, measured on training data."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from resq import seeds
from resq.core import Encoding
from resq.learn.stages.frame import Site
from resq.measure.answers import BATCH
from resq.measure.bench import Bench
from resq.measure.sweep import pixels
from resq.memory import faults

MAPS = 2


def layers(site: Site, encoding: Encoding, rate: float, n: int = 250) -> np.ndarray:
    """For each layer, how much flips in it alone raise the cross-entropy, per stored bit; at least 0."""
    bench = Bench(site.checkpoint, encoding)
    images = site.train.first(min(n, len(site.train)))
    x, y = pixels(images), torch.from_numpy(images.y)

    def entropy(network: torch.nn.Module) -> float:
        with torch.inference_mode():
            return float(F.cross_entropy(network(x), y))

    clean, harm = entropy(bench.network), []
    for name, q in bench.model.weights.items():
        where, rises = faults.region(bench.model, [name]), []
        for number in range(MAPS):
            chance = seeds.rng(site.seed, "vulnerable layer", name, number)
            with bench.flipped(faults.FAULTS["random"](where, rate, rng=chance)) as network:
                rises.append(entropy(network) - clean)
        harm.append(max(0.0, float(np.mean(rises))) / q.words.size)
    return np.array(harm)


def images(site: Site, encoding: Encoding, rate: float) -> np.ndarray:
    """For each training image, the share of fault maps under which its answer is another than without."""
    bench = Bench(site.checkpoint, encoding)
    x, where = pixels(site.train), faults.region(bench.model)
    usual, flipped = _answers(bench.network, x), np.zeros(len(x))
    for number in range(MAPS):
        flips = faults.FAULTS["random"](where, rate, rng=seeds.rng(site.seed, "vulnerable image", number))
        with bench.flipped(flips) as network:
            flipped += _answers(network, x) != usual
    return flipped / MAPS


def _answers(network: torch.nn.Module, x: torch.Tensor) -> np.ndarray:
    """The class of each image; -1 where the logits are not finite, which is no answer."""
    with torch.inference_mode():
        logits = torch.cat([network(part) for part in x.split(BATCH)])
    return torch.where(torch.isfinite(logits).all(1), logits.argmax(1), -1).numpy()
