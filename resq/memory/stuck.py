"""Fault models that depend on what is stored: stuck cells, and flips in one direction only.

The two differ in what the rate counts. Of stuck cells it is the share: about half of them already store what
they are stuck at, so only the other half flips. Of directed flips it is the share of all stored bits that
flip, as with ``random``: at one rate the number of flips is the same and only the direction differs.
"""

from __future__ import annotations

import numpy as np

from resq.core import BitFlips
from resq.memory import bits
from resq.memory.regions import Region, check_rate


def at_0(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Every cell is stuck at 0 with probability ``rate``; it flips where a 1 is stored."""
    return _where(region, True, check_rate(rate), 1.0, rng)


def at_1(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Every cell is stuck at 1 with probability ``rate``; it flips where a 0 is stored."""
    return _where(region, False, check_rate(rate), 1.0, rng)


def fall(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Ones become zeros: each with the probability that makes ``rate`` of all bits flip, at most 1."""
    return _directed(region, True, check_rate(rate), region.ones, rng)


def rise(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Zeros become ones: each with the probability that makes ``rate`` of all bits flip, at most 1."""
    return _directed(region, False, check_rate(rate), region.n_bits - region.ones, rng)


def _directed(region: Region, value: bool, rate: float, able: int, rng: np.random.Generator) -> BitFlips:
    share = able / region.n_bits if region.n_bits else 0.0
    return _where(region, value, min(1.0, rate / share) if share else 0.0, share, rng)


def _where(region: Region, value: bool, rate: float, per_rate: float, rng: np.random.Generator) -> BitFlips:
    """Every bit that stores ``value`` flips with probability ``rate``, from ``per_rate`` times that on."""
    at = region.addresses(bits.sparse(region.n_bits, rate, rng))
    thresholds = rng.random(len(at)) * rate * per_rate
    able = region.bit_values(at) == value
    return BitFlips(at[able], thresholds[able])
