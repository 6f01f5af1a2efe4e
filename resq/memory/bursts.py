"""Fault models that flip neighbouring bits together: whole words, pairs within a word, rows of memory.

The rate stays the probability that one stored bit flips, so a burst model at a rate flips as many bits as
``random`` does, only closer together: the number of bursts is smaller by about their length.
"""

from __future__ import annotations

import numpy as np

from resq.core import BitFlips, Layout
from resq.memory import bits
from resq.memory.regions import Region, check_rate

ROW = 512  # bits: one 64-byte line


def word(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Every word is struck with probability ``rate``, and all its bits flip (those of the chosen planes)."""
    check_rate(rate)
    return together([_words(part, rate, rng) for part in region.uniform()])


def _words(region: Region, rate: float, rng: np.random.Generator) -> BitFlips:
    width = max(1, len(region.each[0]))
    struck = bits.sparse(region.n_bits // width, rate, rng)
    at = (struck[:, None] * width + np.arange(width)).reshape(-1)
    return BitFlips(region.addresses(at), np.repeat(rng.random(len(struck)) * rate, width))


def together(parts: list[BitFlips]) -> BitFlips:
    """The flips of several maps of distinct bits as one map."""
    if len(parts) == 1:
        return parts[0]
    at, thresholds = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("addresses", "thresholds")
    )
    order = np.argsort(at)
    return BitFlips(at[order], thresholds[order])


def pair(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Two neighbouring bits of a word flip together; every bit flips with probability ``rate``."""
    check_rate(rate)
    return together([_pairs(part, rate, rng) for part in region.uniform()])


def _pairs(region: Region, rate: float, rng: np.random.Generator) -> BitFlips:
    length = int(region.layout.lengths[region.layers[0]])
    if (region.layout.lengths == length).all():
        return _runs(region, rate, 2, length, rng)
    # Blocks are words, so those of one length are laid out on their own and the addresses moved back.
    layout = region.layout
    own = Layout(
        tuple(layout.layers[i] for i in region.layers), tuple(layout.words[i] for i in region.layers), length
    )
    pairs = _runs(Region(own, tuple(range(len(own.layers))), region.planes), rate, 2, length, rng)
    layer = np.searchsorted(own.starts, pairs.addresses, side="right") - 1
    moved = pairs.addresses - own.starts[layer] + layout.starts[np.asarray(region.layers)][layer]
    return BitFlips(moved, pairs.thresholds)


def row(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """512 neighbouring bits of memory flip together; every bit flips with probability ``rate``."""
    return _runs(region, check_rate(rate), ROW, region.layout.n_bits, rng)


def _runs(region: Region, rate: float, length: int, block: int, rng: np.random.Generator) -> BitFlips:
    """Runs of ``length`` bits that begin anywhere, cut off at the edges of blocks and of the region.

    A run begins at each place with probability q, also just before a block, so that ``length`` places reach
    every bit: it flips with probability 1 - (1 - q) ** length = rate.
    """
    places = block + length - 1
    begins_with = -np.expm1(np.log1p(-rate) / length) if rate < 1 else 1.0
    begin = bits.sparse(region.layout.n_bits // block * places, begins_with, rng)
    turned = rng.random(len(begin)) * begins_with
    thresholds = np.minimum(-np.expm1(length * np.log1p(-turned)), rate)
    # Blocks are spread apart, so that no run reaches the next one.
    at, first = _covered(begin + begin // places * (length - 1), thresholds, length)
    number, offset = np.divmod(at, places + length - 1)
    offset -= length - 1
    at = number * block + offset
    keep = (offset >= 0) & (offset < block) & region.eligible(at)
    return BitFlips(at[keep], first[keep])


def _covered(begin: np.ndarray, thresholds: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The bits that runs cover, each once, and the smallest onset of the runs that cover it.

    >>> _covered(np.array([3, 5]), np.array([0.2, 0.1]), 3)
    (array([3, 4, 5, 6, 7]), array([0.2, 0.2, 0.1, 0.1, 0.1]))
    """
    fresh = np.minimum(np.diff(begin, prepend=begin[:1] - length), length)
    owner = np.repeat(np.arange(len(begin)), fresh)
    into = np.arange(len(owner)) - np.repeat(np.cumsum(fresh) - fresh, fresh)
    at = begin[owner] + length - fresh[owner] + into
    # The runs over a bit are neighbours in order: from the one that brought it to the last that begins by it.
    upto = np.searchsorted(begin, at, side="right")
    ends = np.stack([owner, upto], axis=1).reshape(-1)
    least = np.minimum.reduceat(np.append(thresholds, np.inf), ends)[::2] if len(at) else thresholds
    return at, least
