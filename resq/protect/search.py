"""The least protection that is enough: the order of layers is proposed, what is kept decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from resq.core import Encoding
from resq.protect.mixtures import Mixture, alike, others, prefixes


@dataclass(frozen=True)
class Tried:
    """One mixture as it was measured.

    Attributes:
        retained: accuracy at the rate over that of the network without faults, on held-out images.
    """

    mixture: Mixture
    retained: float


Keeps = Callable[[Mixture], float]
Order = Callable[[Encoding], Sequence[int]]


def search(
    lengths: Sequence[Sequence[Encoding]], order: Order, sizes: Sequence[int], *,
    keep: float, budget: float, keeps: Keeps,
) -> Iterator[Tried]:  # fmt: skip
    """Every mixture that is tried, in order: shorter words first, and no longer ones where those are enough.

    Of words of one length all are tried in every layer alike; those that keep most are mixed with each way to
    protect them.

    Args:
        lengths: plain words, those of one length together, shortest first.
        order: plain words -> layer numbers, the most vulnerable first.
    """
    least = budget  # no more bits than this are of use
    for bases in lengths:
        if bases[0].memory(sizes) > least + 1e-9:
            return
        plain = [Tried(alike(base, sizes), keeps(alike(base, sizes))) for base in bases]
        yield from plain
        first = max(plain, key=lambda t: t.retained)
        if first.retained >= keep:
            return
        for tried in _mixed(first.mixture.base, bases, order, sizes, keep, least, keeps):
            yield tried
            if tried.retained >= keep:
                least = min(least, tried.mixture.bits)


def _mixed(
    base: Encoding, beside: Sequence[Encoding], order: Order, sizes: Sequence[int], keep: float,
    least: float, keeps: Keeps,
) -> Iterator[Tried]:  # fmt: skip
    """For each way to protect the fewest layers that keep enough, in no more bits than another way takes."""
    for other in others(base, beside):
        fit = prefixes(base, other, order(base), sizes, least)
        if len(fit) > 1:
            for tried in _halved(fit, keep, keeps):
                yield tried
                least = min(least, tried.mixture.bits) if tried.retained >= keep else least


def _halved(fit: Sequence[Mixture], keep: float, keeps: Keeps) -> Iterator[Tried]:
    """The longest prefix that fits, and where it is enough the shortest that is, by halving.

    What a longer prefix keeps is taken to be no less.
    """
    low, high = 0, len(fit) - 1  # the base, which is not enough; the longest prefix that fits
    longest = Tried(fit[high], keeps(fit[high]))
    yield longest
    while longest.retained >= keep and high - low > 1:
        middle = (low + high) // 2
        tried = Tried(fit[middle], keeps(fit[middle]))
        yield tried
        low, high = (low, middle) if tried.retained >= keep else (middle, high)


def best(tried: Sequence[Tried], keep: float, slower: Callable[[Mixture], float], time: float) -> Tried:
    """The cheapest in bits that keeps enough and is no slower than asked; without one, what keeps most.

    Where all are slower it is the quickest.

    Args:
        slower: the time of a pass over that of the plain network.
        time: the most of it.
    """
    able = [t for t in tried if slower(t.mixture) <= time]
    if not able:
        return min(tried, key=lambda t: (slower(t.mixture), -t.retained))
    enough = [t for t in able if t.retained >= keep]
    if enough:
        return min(enough, key=lambda t: (round(t.mixture.bits, 3), -t.retained))
    return max(able, key=lambda t: (t.retained, -t.mixture.bits))


def front(tried: Sequence[Tried]) -> list[Tried]:
    """Those that nothing beats in bits and in what is kept, the cheapest first."""
    points: list[Tried] = []
    for t in sorted(tried, key=lambda t: (t.mixture.bits, -t.retained)):
        if not points or t.retained > points[-1].retained:
            points.append(t)
    return points
