"""Which bits flip. Add a fault model: a function ``(region, rate, *, rng) -> BitFlips`` and a line in FAULTS.

A fault model returns addresses and nothing else: applying, undoing, counting, storing and drawing them is
then the same for all. The rate is the probability per stored bit of the region; where a model means something
else by it, its first line says so. A model that looks at the stored words asks ``region.bit_values``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from resq.core import BitFlips, Layout, registries
from resq.memory import bits, bursts, hammer, protected, stuck
from resq.memory.regions import Region, check_rate, drawn_at, region

__all__ = [
    "FAULTS", "FaultModel", "Region", "check_rate", "drawn_at", "effective_rates", "one_bit", "region",
]  # fmt: skip

FaultModel = Callable[..., BitFlips]


def random(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Every bit flips independently with probability ``rate``; the count is binomial."""
    at = bits.sparse(region.n_bits, check_rate(rate), rng)
    thresholds = rng.random(len(at))
    thresholds *= rate
    return BitFlips(region.addresses(at), thresholds)


def count(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Exactly round(rate x bits) distinct bits, every set of them equally likely."""
    n = round(check_rate(rate) * region.n_bits)
    at = rng.choice(region.n_bits, n, replace=False, shuffle=False).astype(np.int64)
    # The i-th of n bits, in random order, turns at i / n of the rate: exact counts at smaller rates too.
    thresholds = (rng.permutation(n) + 0.5) / region.n_bits
    order = np.argsort(at)
    return BitFlips(region.addresses(at[order]), thresholds[order])


def layer_uniform(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Rate x bits draws that pick a layer uniformly, then a weight, then a bit; an even number undoes itself.

    Small layers are hit far more often than their share: ``effective_rates`` says how much more. The number
    of draws that reach one bit of layer l is Poisson with mean m = rate x bits / (layers x bits of l), so
    the bit ends up flipped with probability (1 - exp(-2 m)) / 2.
    """
    check_rate(rate)
    positions, thresholds, draws = [], [], _shares(region)
    for i, p in enumerate(effective_rates(region, rate)):
        size = int(region.starts[i + 1] - region.starts[i])
        at = bits.sparse(size, p, rng)
        turned = rng.random(len(at)) * p
        mean_per_rate = region.n_bits / draws[i]
        positions.append(region.starts[i] + at)
        thresholds.append(-np.log1p(-2 * turned) / 2 / mean_per_rate)
    return BitFlips(region.addresses(np.concatenate(positions)), np.concatenate(thresholds))


def effective_rates(region: Region, rate: float) -> np.ndarray:
    """Probability that one bit of each layer flips under ``layer_uniform``, float64 (layers,)."""
    return -np.expm1(-2 * rate * region.n_bits / _shares(region)) / 2


def _shares(region: Region) -> np.ndarray:
    """Layers times the bits of a bit's own layer, those that guard its words included, float64 (entries,)."""
    owner = region.layout.owners[list(region.layers)]
    size = np.bincount(owner, np.diff(region.starts).astype(float))
    return len(np.unique(owner)) * size[owner]


def one_bit(layout: Layout, layer: str, word: int, bit: int) -> BitFlips:
    """One chosen bit.

    Raises:
        ValueError: no such layer, word or bit.
    """
    return BitFlips(np.array([layout.address(layer, word, bit)]), np.zeros(1))


FAULTS: dict[str, FaultModel] = {
    "random": random,
    "count": count,
    "layer-uniform": layer_uniform,
    "stuck-at-0": stuck.at_0,
    "stuck-at-1": stuck.at_1,
    "1-to-0": stuck.fall,
    "0-to-1": stuck.rise,
    "burst-word": bursts.word,
    "burst-pair": bursts.pair,
    "burst-row": bursts.row,
    "rowhammer": hammer.rowhammer,
    "threefold": protected.threefold,
    "sec-ded": protected.secded,
}
registries.note("fault model", FAULTS)
