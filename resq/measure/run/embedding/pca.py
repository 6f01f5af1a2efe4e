"""Principal components of features: the plane in which they vary most, and where others lie on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resq.core.errors import ResqError

AXES = 2


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane among features.

    Attributes:
        mean: the features' mean, float64 (features,).
        axes: two unit vectors, float64 (2, features).
        shares: of the features' variance along each, float64 (2,), 0..1.
    """

    mean: np.ndarray
    axes: np.ndarray
    shares: np.ndarray

    def place(self, features: np.ndarray) -> np.ndarray:
        """Where features (N, features) lie on the plane, float64 (N, 2): their nearest points."""
        with np.errstate(all="ignore"):  # flipped weights may give what is no number
            placed: np.ndarray = (features.astype(np.float64) - self.mean) @ self.axes.T
        return placed


def fitted(features: np.ndarray) -> Plane:
    """The plane of the first two principal components of features (N, features).

    An axis and its opposite are the same component: the one whose largest part is positive is taken.

    Raises:
        ResqError: fewer than three images or two features, or all of them alike.
    Source: Jolliffe 2002, doi:10.1007/b98835, by the singular values of the centred features.

    >>> plane = fitted(np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]]))
    >>> plane.mean.tolist(), plane.axes.round(3).tolist(), plane.shares.round(3).tolist()
    ([1.0, 0.5], [[1.0, 0.0], [0.0, 1.0]], [0.8, 0.2])
    """
    if min(features.shape) < AXES or len(features) <= AXES:
        raise ResqError(f"a plane needs three images and two features, got {len(features)} images with "
                        f"{features.shape[1]} features")  # fmt: skip
    exact = features.astype(np.float64)
    mean = exact.mean(0)
    _, sizes, axes = np.linalg.svd(exact - mean, full_matrices=False)
    if not sizes[0] > 0:
        raise ResqError(f"the {len(features)} images have the same features, so they lie on no plane")
    largest = np.take_along_axis(axes[:AXES], np.abs(axes[:AXES]).argmax(1)[:, None], 1)
    return Plane(mean, axes[:AXES] * np.sign(largest), sizes[:AXES] ** 2 / np.sum(sizes**2))
