"""The regions of a plane in which a linear head gives each class: convex, so exact with a few corners."""

from __future__ import annotations

import numpy as np

Box = tuple[float, float, float, float]  # left, right, bottom, top


def regions(plane: np.ndarray, box: Box) -> dict[int, np.ndarray]:
    """Class -> the corners (k, 2) of the part of a box in which its logit is the largest.

    Args:
        plane: float64 (3, classes): the logits at the plane's middle, and what a step along each axis adds.
            Where one is no number the head gives none anywhere, and there are no regions.

    >>> halves = regions(np.array([[0.0, 0.0], [1.0, -1.0], [0.0, 0.0]]), (-2, 2, -1, 1))
    >>> sorted(halves), sorted(map(tuple, halves[0].tolist()))
    ([0, 1], [(0.0, -1.0), (0.0, 1.0), (2.0, -1.0), (2.0, 1.0)])
    """
    if not np.isfinite(plane).all():
        return {}
    left, right, low, high = box
    whole = np.array([[left, low], [right, low], [right, high], [left, high]], dtype=np.float64)
    cut = {own: _where_largest(plane, own, whole) for own in range(plane.shape[1])}
    return {own: corners for own, corners in cut.items() if _area(corners) > 1e-9 * _area(whole)}


def _where_largest(plane: np.ndarray, own: int, corners: np.ndarray) -> np.ndarray:
    """The part of a polygon in which no other logit is larger."""
    for other in range(plane.shape[1]):
        if other != own and len(corners):
            corners = _half(corners, plane[:, own] - plane[:, other])
    return corners


def _half(corners: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The part of a convex polygon (k, 2) where ``line[0] + line[1] x + line[2] y`` is at least 0.

    Source: Sutherland and Hodgman 1974, doi:10.1145/360767.360802.
    """
    side = line[0] + corners @ line[1:]
    left = list[np.ndarray]()
    for i, here in enumerate(corners):
        before = i - 1
        if (side[i] >= 0) != (side[before] >= 0):
            share = side[before] / (side[before] - side[i])
            left.append(corners[before] + share * (here - corners[before]))
        if side[i] >= 0:
            left.append(here)
    return np.array(left).reshape(-1, 2)


def _area(corners: np.ndarray) -> float:
    """Of a polygon (k, 2)."""
    x, y = corners.T if len(corners) else np.zeros((2, 1))
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def middle(corners: np.ndarray) -> np.ndarray:
    """The centre of mass (2,) of a polygon (k, 2): where its name is written.

    >>> middle(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])).tolist()
    [1.0, 1.0]
    """
    x, y = corners.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    both = [np.sum((v + np.roll(v, -1)) * cross) / (3 * np.sum(cross)) for v in (x, y)]
    return np.array(both)
