"""Memories that correct themselves: what is left of i.i.d. flips once they have been decoded.

The usual answers of hardware to bit flips, to set the trained ones beside. They cost memory that the
encoding's name does not show: three times as many stored bits, or 72 for every 64. The rate is that of each
stored bit, check bits and copies included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resq.core import BitFlips
from resq.core.errors import ResqError
from resq.memory import bits
from resq.memory.regions import Region, check_rate

DATA, BLOCK = 64, 72  # bits of a row of memory, without and with its eight check bits
# Places of the data bits in a row: place 0 is the parity of all, the powers of two are Hamming's checks.
PLACES = [place for place in range(1, BLOCK) if place & (place - 1)]
DATA_BIT = np.full(128, -1)
DATA_BIT[PLACES] = np.arange(DATA)


def threefold(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Every bit is stored three times and read by majority: it flips where two or three copies do."""
    wrong = _two_of_three(check_rate(rate))
    at = bits.sparse(region.n_bits, wrong, rng)
    return BitFlips(region.addresses(at), _copy_rate(rng.random(len(at)) * wrong))


def _two_of_three(rate: float) -> float:
    return rate * rate * (3 - 2 * rate)


def _copy_rate(wrong: np.ndarray) -> np.ndarray:
    """The rate of one copy at which a majority of three is ``wrong`` so often: 3 p^2 - 2 p^3 solved for p.

    >>> _copy_rate(np.array([0.0, _two_of_three(0.2), 1.0])).round(12).tolist()
    [0.0, 0.2, 1.0]
    """
    return 0.5 - np.sin(np.arcsin(1 - 2 * wrong) / 3)


@dataclass(frozen=True, eq=False)
class Decoded(BitFlips):
    """What SEC-DED leaves of raw flips; at a smaller rate the fewer raw ones are decoded anew.

    A decoder can flip a bit of its own where three are wrong: such a map is not a subset of that of a larger
    rate, though its raw flips are.

    Attributes:
        raw: sorted places of the raw flips in rows of 72; ``turned``: the rate at which each of them flips.
    """

    raw: np.ndarray
    turned: np.ndarray
    region: Region

    def at_rate(self, rate: float) -> BitFlips:
        """The map of the same memory at a smaller rate."""
        keep = self.turned <= rate
        return _decoded(self.raw[keep], self.turned[keep], self.region)


def secded(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """Rows of 64 bits with 8 check bits (Hamming, extended): one flip in a row is undone, two are left.

    Raises:
        ValueError: single layers or bit planes are chosen: a row is protected as a whole.
    """
    if region.n_bits != region.layout.n_bits:
        raise ResqError("sec-ded protects whole rows of memory: choose no layers and no bit planes with it")
    rows = -(-region.n_bits // DATA)
    raw = bits.sparse(rows * BLOCK, check_rate(rate), rng)
    return _decoded(raw, rng.random(len(raw)) * rate, region)


def _decoded(raw: np.ndarray, turned: np.ndarray, region: Region) -> Decoded:
    row, place = np.divmod(raw, BLOCK)
    wrong = _left(row, place)
    wrong = wrong[wrong < region.n_bits]  # the last row may be longer than the memory
    return Decoded(wrong, np.zeros(len(wrong)), raw, turned, region)


def _left(row: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Addresses of the data bits that are wrong after decoding, sorted.

    The syndrome is the xor of the wrong places. An odd number of flips is taken for one, at the syndrome's
    place, and corrected there; an even number is noticed and left.

    >>> _left(np.array([0, 1, 1]), np.array([3, 3, 5]))
    array([64, 65])
    """
    if not len(row):
        return row
    first = np.flatnonzero(np.diff(row, prepend=-1))
    syndrome = np.bitwise_xor.reduceat(place, first)
    odd = np.diff(first, append=len(row)) % 2 == 1
    both = np.concatenate([row * BLOCK + place, (row[first] * BLOCK + syndrome)[odd & (syndrome < BLOCK)]])
    at, times = np.unique(both, return_counts=True)  # a correction of a wrong place makes it right
    row, place = np.divmod(at[times == 1], BLOCK)
    data = DATA_BIT[place]
    return (row * DATA + data)[data >= 0]
