"""Integer bit arithmetic: sparse draws of bit positions, and flips gathered word by word."""

from __future__ import annotations

import numpy as np

BLOCK = 1 << 15  # draws at a time: what is worked on stays in the cache
LONGEST = 64.0  # no exponential draw in double precision is longer


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
        parts.append(_walk(int(expected + 6 * np.sqrt(expected) + 16), unit, last, rng))
        last = int(parts[-1][-1])
    positions = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return positions[: np.searchsorted(positions, n)]


def _walk(count: int, unit: float, last: int, rng: np.random.Generator) -> np.ndarray:
    """The next ``count`` positions after ``last``."""
    at, gaps = np.empty(count, np.int64), np.empty(min(count, BLOCK))
    longest = 2.0**62 / count
    for begin in range(0, count, BLOCK):
        steps = at[begin : begin + BLOCK]
        gap = gaps[: len(steps)]
        rng.standard_exponential(out=gap)
        gap /= unit
        if LONGEST / unit > longest:  # rates near 1e-300 give gaps beyond int64; no memory is that large
            np.minimum(gap, longest, out=gap)
        steps[:] = gap
        steps += 1
        steps[0] += last
        np.cumsum(steps, out=steps)
        last = int(steps[-1])
    return at


def masks(addresses: np.ndarray, word_bits: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Flips gathered by word: distinct word indices, and for each the mask to xor it with.

    Args:
        addresses: sorted distinct bit addresses relative to the first word.

    >>> masks(np.array([0, 7, 9]), 8, np.dtype("u1"))
    (array([0, 1]), array([129,   2], dtype=uint8))
    """
    index, bit = _split(addresses, word_bits, dtype)
    mask = np.left_shift(dtype.type(1), bit, out=bit)
    again = np.flatnonzero(index[1:] == index[:-1])
    if not len(again):
        return index, mask
    # Few words are hit twice: every bit hands its mask to the bit before it, as long as the word is the same.
    run = again
    while len(run):
        mask[run] |= mask[run + 1]
        run = run[:-1][np.diff(run) == 1]
    first = np.ones(len(index), bool)
    first[again + 1] = False
    return index[first], mask[first]


def toggle(words: np.ndarray, addresses: np.ndarray, word_bits: int) -> None:
    """Flips bits of ``words`` (n,) in place; ``addresses`` are int64, relative to the first word.

    >>> words = np.array([0, 3], np.uint8)
    >>> toggle(words, np.array([0, 7, 9]), 8)
    >>> words
    array([129,   1], dtype=uint8)
    """
    one = words.dtype.type(1)
    for begin in range(0, len(addresses), BLOCK):  # index and mask of a block stay in the cache
        index, bit = _split(addresses[begin : begin + BLOCK], word_bits, words.dtype)
        np.bitwise_xor.at(words, index, np.left_shift(one, bit, out=bit))


def _split(addresses: np.ndarray, word_bits: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Word index and bit of each address; where ``word_bits`` is a power of two, without a division."""
    if word_bits & (word_bits - 1) == 0:
        return addresses >> (word_bits.bit_length() - 1), addresses.astype(dtype) & dtype.type(word_bits - 1)
    index = addresses // word_bits  # numpy divides by one number ten times faster than divmod does
    return index, (addresses - index * word_bits).astype(dtype)


def fields(word: int, word_bits: int) -> list[int]:
    """The bits of a word, most significant first.

    >>> fields(5, 4)
    [0, 1, 0, 1]
    """
    return [word >> bit & 1 for bit in reversed(range(word_bits))]
