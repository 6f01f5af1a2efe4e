"""Rowhammer: flips at the places of a byte and in the directions that were seen on a real graphics card.

Source: GPUHammer (Lin, Qu and Saileshwar, USENIX Security 2025), table 3: eight flips on an A6000, each
with its byte, its bit and its direction. What a flip does to a word depends on where in the word it falls:
words lie in memory little end first, so of a half-precision word the even byte is the lower one. Table 4:
flips of bit 6 of an odd byte, the top exponent bit, ruin networks in half precision; flips in an even byte
change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resq.core import BitFlips
from resq.memory import bits
from resq.memory.regions import Region, check_rate


@dataclass(frozen=True)
class Hammered:
    """One flip that was seen.

    Attributes:
        name: as in the source; byte: within its row; rises: from 0 to 1.
    """

    name: str
    byte: int
    bit: int
    rises: bool

    def plane(self, width: int) -> int:
        """The bit of a word of 4, 8, 16 or 32 bits that it falls on; of two words of 4 bits the one it is in.

        >>> Hammered("D1", 161, 6, True).plane(16), Hammered("D1", 161, 6, True).plane(4)
        (14, 2)
        """
        return (8 * self.byte + self.bit) % width


SEEN = (
    Hammered("A1", 114, 4, False), Hammered("B1", 190, 0, True), Hammered("B2", 34, 6, True),
    Hammered("B3", 108, 7, False), Hammered("C1", 17, 0, True), Hammered("D1", 161, 6, True),
    Hammered("D2", 217, 0, True), Hammered("D3", 121, 6, True),
)  # fmt: skip


def places(length: int) -> dict[tuple[int, bool], int]:
    """(place among the bits of two bytes or of a word, rises) -> how often it was seen."""
    span = max(16, length)
    counts: dict[tuple[int, bool], int] = {}
    for flip in SEEN:
        key = (8 * flip.byte + flip.bit) % span, flip.rises
        counts[key] = counts.get(key, 0) + 1
    return counts


def rowhammer(region: Region, rate: float, *, rng: np.random.Generator) -> BitFlips:
    """A bit where a real flip was seen, storing what flipped there, flips with probability ``rate``."""
    at = region.addresses(bits.sparse(region.n_bits, check_rate(rate), rng))
    thresholds = rng.random(len(at)) * rate
    layout = region.layout
    layer = np.searchsorted(layout.starts, at, side="right") - 1
    local, values, able = at - layout.starts[layer], region.bit_values(at), np.zeros(len(at), bool)
    for length in np.unique(layout.lengths):
        own = layout.lengths[layer] == length
        for place, rises in places(int(length)):
            able |= own & (local % max(16, int(length)) == place) & (values != rises)
    return BitFlips(at[able], thresholds[able])
