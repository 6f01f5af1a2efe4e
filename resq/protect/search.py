"""The least protection that is enough: the order of layers is proposed, what is kept decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from resq.core import Encoding
from resq.protect.mixtures import Mixture, prefixes


@dataclass(frozen=True)
class Tried:
    """One mixture as it was measured.

    Attributes:
        kept: accuracy at the rate over accuracy without faults of the base, on held-out images.
    """

    mixture: Mixture
    share: float


Keeps = Callable[[Mixture], float]


def search(
    base: Encoding, choices: Sequence[Encoding], order: Sequence[int], sizes: Sequence[int], *,
    keep: float, budget: float, keeps: Keeps,
) -> Iterator[Tried]:  # fmt: skip
    """Every mixture that is tried, in order; for each way to protect the fewest layers that keep enough.

    What a longer prefix keeps is taken to be no less, so the fewest layers are found by halving; a way that
    does not do it within the budget with all that fit is tried no further.
    """
    plain = Tried(Mixture(base, base, (), tuple(sizes)), keeps(Mixture(base, base, (), tuple(sizes))))
    yield plain
    if plain.share >= keep:
        return
    for other in choices:
        fit = prefixes(base, other, order, sizes, budget)
        if len(fit) > 1:
            yield from _halved(fit, keep, keeps)


def _halved(fit: Sequence[Mixture], keep: float, keeps: Keeps) -> Iterator[Tried]:
    low, high = 0, len(fit) - 1  # the base, which is not enough; the longest prefix that fits
    longest = Tried(fit[high], keeps(fit[high]))
    yield longest
    while longest.share >= keep and high - low > 1:
        middle = (low + high) // 2
        tried = Tried(fit[middle], keeps(fit[middle]))
        yield tried
        low, high = (low, middle) if tried.share >= keep else (middle, high)


def best(tried: Sequence[Tried], keep: float, slower: Callable[[Mixture], float], time: float) -> Tried:
    """The cheapest in bits that keeps enough and is no slower than asked; without one, what keeps most.

    Args:
        slower: the time of a pass over that of the plain network.
        time: the most of it.
    """
    able = [t for t in tried if slower(t.mixture) <= time] or list(tried)
    enough = [t for t in able if t.share >= keep]
    if enough:
        return min(enough, key=lambda t: (round(t.mixture.bits, 3), -t.share))
    return max(able, key=lambda t: (t.share, -t.mixture.bits))


def front(tried: Sequence[Tried]) -> list[Tried]:
    """Those that nothing beats in bits and in what is kept, the cheapest first."""
    pareto: list[Tried] = []
    for t in sorted(tried, key=lambda t: (t.mixture.bits, -t.share)):
        if not pareto or t.share > pareto[-1].share:
            pareto.append(t)
    return pareto
