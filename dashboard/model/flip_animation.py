"""Bits of one layer as they flip while the bit error rate grows: values, no widgets and no pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.format import numbers
from resq.core import QuantizedModel, seeds
from resq.measure.specs.sweep_spec import SweepSpec
from resq.memory import faults

BERS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SHOWN = 64  # words that are drawn one by one
# Activations are not stored; "uniform over layers" is the same as "independent" within one of them.
# "sec-ded" protects whole rows of memory.
MODELS = tuple(name for name in faults.FAULTS if name not in ("layer-uniform", "sec-ded"))


@dataclass(frozen=True, eq=False)
class Film:
    """One fault map of a layer at growing rates.

    Attributes:
        words: weights of the layer.
        memory: the first words bit by bit, int64 (bits, words) of 0 and 1, bit 0 first.
        thresholds: the rate from which on each of those bits is flipped; inf where it never is.
        counts: flips of each bit plane, int64 (len(BERS), bits).
    """

    layer: str
    fault: str
    seed: int
    words: int
    memory: np.ndarray
    thresholds: np.ndarray
    counts: np.ndarray


def film(model: QuantizedModel, layer: str, fault: str, seed: int = 0) -> Film:
    """Map 0 of a sweep over this layer, drawn once at the largest rate, so that frames hold those before."""
    where = faults.region(model, [layer])
    flips = faults.FAULTS[fault](where, BERS[-1], rng=seeds.rng(seed, "map", 0))
    # Check words may be longer than those of the weights, which all have one length.
    word_bits, n_words = model.read.word_bits, model.layout.words[model.layout.layers.index(layer)]
    place = flips.addresses - model.layout.address(layer, 0, 0)
    own = (place >= 0) & (place < n_words * word_bits)  # not check bits, which lie elsewhere
    (word, bit), onsets = np.divmod(place[own], word_bits), flips.thresholds[own]
    counts = [np.bincount(bit[onsets <= ber], minlength=word_bits) for ber in BERS]
    counts[0][:] = 0
    first = min(SHOWN, model.weights[layer].words.size)  # of several copies, the first
    thresholds = np.full((word_bits, first), np.inf)
    near = word < first
    thresholds[bit[near], word[near]] = onsets[near]
    memory = model.weights[layer].words.reshape(-1)[:first].astype(np.int64)
    bits = memory[None] >> np.arange(word_bits)[:, None] & 1
    return Film(layer, fault, seed, n_words, bits, thresholds, np.array(counts))


def command(animation: Film, net: str, enc: str) -> str:
    """The command that measures what the very flips of the film do to accuracy."""
    spec = SweepSpec(
        net,
        encoding=enc,
        fault=animation.fault,
        layers=(animation.layer,),
        bers=BERS,
        maps=1,
        seed=animation.seed,
    )
    return spec.command


def sentence(animation: Film) -> str:
    """What the frames show, for people who cannot see them and for a class."""
    total, bits = animation.counts[-1].sum(), animation.words * animation.counts.shape[1]
    plane, name = animation.counts[-1], animation.layer.removesuffix(".weight")
    return (
        f"At BER {numbers.power(BERS[-1])}, {total:,} of {bits:,} stored bits of "
        f"{name} are flipped, {plane.min():,} to {plane.max():,} in each bit plane."
    )
