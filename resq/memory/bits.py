"""Integer bit arithmetic: sparse draws of bit positions, and flips gathered word by word."""

from __future__ import annotations

import numpy as np


def sparse(n: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Positions in 0..n-1, each taken independently with probability ``rate``; sorted int64, none twice.

    The gaps between taken positions are geometric, so the cost is that of the flips, not of the n bits.

    >>> sparse(10, 1.0, np.random.default_rng(0))
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    if rate <= 0 or n == 0:
        return np.empty(0, dtype=np.int64)
    # A geometric variable is an exponential one rounded down: floor(E / -log(1 - p)) failures come first.
    unit = -np.log1p(-rate) if rate < 1 else np.inf
    parts, last = [], -1
    while last < n:
        expected = (n - last) * rate
        gaps = rng.standard_exponential(int(expected + 6 * np.sqrt(expected) + 16))
        # Rates near 1e-300 give gaps beyond int64; cut there, no memory is that large.
        steps = np.minimum(gaps / unit, 2.0**62 / len(gaps)).astype(np.int64) + 1
        parts.append(last + np.cumsum(steps))
        last = int(parts[-1][-1])
    positions = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return positions[: np.searchsorted(positions, n)]


def masks(addresses: np.ndarray, stored: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Flips gathered by word: distinct word indices, and for each the mask to xor it with.

    Args:
        addresses: sorted distinct bit addresses relative to the first word.

    >>> masks(np.array([0, 7, 9]), 8, np.dtype("u1"))
    (array([0, 1]), array([129,   2], dtype=uint8))
    """
    words = addresses // stored  # numpy divides by one number ten times faster than divmod does
    values = np.left_shift(np.uint32(1), (addresses - words * stored).astype(np.uint32)).astype(dtype)
    new = np.concatenate([[True], words[1:] != words[:-1]])[: len(words)]
    first, more = np.flatnonzero(new), np.flatnonzero(~new)
    mask = values[first]
    # Few words are hit twice, so they are added one by one to the group that their first bit opened.
    np.bitwise_or.at(mask, np.searchsorted(first, more) - 1, values[more])
    return words[first], mask


def fields(word: int, stored: int) -> list[int]:
    """The bits of a word, most significant first.

    >>> fields(5, 4)
    [0, 1, 0, 1]
    """
    return [word >> bit & 1 for bit in reversed(range(stored))]
