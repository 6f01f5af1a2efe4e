"""Covariances of means over several crossed factors, all of them random: seeds, fault maps and images.

Source: Searle, Casella & McCulloch 1992, ch. 4, for one value in each cell.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def covariance(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Covariance (K, K) of the K means, and the degrees of freedom of their summed variances.

    Unbiased where every factor and every meeting of factors adds noise of its own. With few levels such an
    estimate may fall below that of one factor, or below 0: a variance is then that of the factor with the
    largest, with its degrees of freedom. Else those are Satterthwaite's, 1946.

    Args:
        values: float (K, levels of a factor, levels of the next, ...); a factor of one level is taken as
        fixed.
    """
    sizes = values.shape[1:]
    factors = [axis for axis, size in enumerate(sizes) if size > 1]
    total = np.zeros((len(values), len(values)))
    single: list[tuple[np.ndarray, int]] = []
    uncertain = 0.0
    for count in range(1, len(factors) + 1):
        for chosen in combinations(factors, count):
            part = _part(values, chosen)
            total += part if count % 2 else -part
            degrees = int(np.prod([sizes[axis] - 1 for axis in chosen]))
            uncertain += float(np.trace(part)) ** 2 / degrees
            if count == 1:
                single.append((np.diag(part), degrees))
    freedom = max(1.0, float(np.trace(total)) ** 2 / uncertain) if uncertain else 1.0
    for part, df in single:
        if part.sum() > np.trace(total):
            freedom = min(freedom, df)
    least = np.max([part for part, _ in single], axis=0, initial=0.0)
    np.fill_diagonal(total, np.maximum(np.diag(total), least))
    return total, float(freedom)


def _part(values: np.ndarray, chosen: tuple[int, ...]) -> np.ndarray:
    """Mean products (K, K) of the interaction of these factors, over the number of their cells."""
    others = tuple(axis + 1 for axis in range(values.ndim - 1) if axis not in chosen)
    effect = values.mean(axis=others, keepdims=True)
    for axis in chosen:  # taking off the means along every factor leaves the interaction alone
        effect = effect - effect.mean(axis=axis + 1, keepdims=True)
    sizes = np.array([values.shape[axis + 1] for axis in chosen])
    flat = effect.reshape(len(values), -1)
    return flat @ flat.T / np.prod(sizes - 1) / np.prod(sizes)
