"""One number for a curve: the area under it, what is kept above chance, where half of that is lost.

All of them take accuracies in 0..1 as arrays whose last axis runs along the curve; maps, seeds or networks
may stand before it. ``nested`` makes such an array from rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

BERS = (1e-4, 3e-4, 1e-3, 3e-3, 5e-3, 1e-2, 2e-2)  # R_F
EPS = (0.0, 2.0, 4.0, 8.0)  # R_A, in 1/255


def nested(rows: pd.DataFrame, axis: str = "ber") -> tuple[np.ndarray, np.ndarray]:
    """Rates (K,) and the accuracy of every map at each of them (maps, K), of one network.

    BER 0 is measured once for all maps where every map sees the same images, and is then repeated; a map
    that lacks another value is left out.

    Raises:
        ValueError: rows of more than one network, encoding or fault model.
    """
    rows = rows[rows["axis"] == axis]
    mixed = [c for c in ("checkpoint", "encoding", "fault", "region", "seed", "n") if rows[c].nunique() > 1]
    if mixed:
        raise ValueError(f"a curve is of one {mixed[0]}, got {sorted(rows[mixed[0]].unique())}")
    wide = rows.assign(accuracy=rows["correct"] / rows["n"]).pivot(
        index="map", columns=axis, values="accuracy"
    )
    if 0.0 in wide.columns and wide[0.0].notna().sum() == 1:
        wide[0.0] = wide[0.0].dropna().iloc[0]
    wide = wide.dropna()
    return wide.columns.to_numpy(float), wide.to_numpy(float)


def above_chance(accuracy: np.ndarray, classes: int) -> np.ndarray:
    """Accuracy counted from guessing: 0 for one in ``classes``, 1 for all correct; below 0 is possible.

    Accuracies float64 in 0..1, of any shape.

    >>> above_chance(np.array([1.0, 0.55, 0.1]), 10).round(3).tolist()
    [1.0, 0.5, 0.0]
    """
    return (np.asarray(accuracy) - 1 / classes) / (1 - 1 / classes)


def retention(accuracy: np.ndarray, clean: np.ndarray | float, classes: int) -> np.ndarray:
    """Share of the accuracy above chance that is kept.

    Accuracies float64 in 0..1, of any shape.

    >>> retention(np.array([0.5]), 0.9, 10).tolist()
    [0.5]
    """
    return above_chance(accuracy, classes) / above_chance(np.asarray(clean), classes)


def area(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Area under y over x by trapezoids, divided by the width: the mean height (...,).

    >>> float(area(np.array([0.0, 2.0, 4.0, 8.0]), np.array([1.0, 0.5, 0.5, 0.0])))
    0.4375
    """
    x = np.asarray(x, dtype=float)
    return np.trapezoid(y, x, axis=-1) / (x[-1] - x[0])


def r_f(bers: np.ndarray, accuracy: np.ndarray, over: tuple[float, ...] = BERS) -> np.ndarray:
    """R_F: mean accuracy over log BER, from 1e-4 to 2e-2 unless other rates are named.

    Args:
        bers: rates (K,) that include those of ``over``; others are not looked at.
        accuracy: (..., K).
        over: ascending rates; a number of one range says nothing beside one of another.

    Raises:
        ValueError: one of them was not measured.
    """
    return area(np.log10(over), _at(bers, accuracy, over, "BER"))


def r_a(eps: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """R_A: mean worst-case accuracy over budgets from 0 to 8/255, from the four of ``EPS``.

    Args:
        eps: budgets (K,) in 1/255 that include those of ``EPS``.
        accuracy: (..., K), per-image worst case (``worst_case``).

    Raises:
        ValueError: one of the four was not measured.
    """
    return area(np.array(EPS), _at(eps, accuracy, EPS, "eps"))


def whole(x: np.ndarray, of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> bool:
    """Whether ``of``, which is ``r_f`` or ``r_a``, has all the points that it needs among ``x``.

    ``x`` is (points,) float64.
    """
    wanted = np.array(BERS if of is r_f else EPS)
    return bool(np.isclose(x[None, :], wanted[:, None], rtol=1e-6, atol=0).any(axis=1).all())


def _at(x: np.ndarray, y: np.ndarray, wanted: tuple[float, ...], name: str) -> np.ndarray:
    """The columns of y (..., K) that belong to the wanted x."""
    near = np.isclose(np.asarray(x)[None, :], np.array(wanted)[:, None], rtol=1e-6, atol=0)
    missing = [f"{w:g}" for w, present in zip(wanted, near.any(axis=1), strict=True) if not present]
    if missing:
        raise ValueError(f"the area needs {name} {', '.join(f'{w:g}' for w in wanted)}; lacking {missing[0]}")
    return np.asarray(y)[..., near.argmax(axis=1)]


def worst_case(right: np.ndarray) -> np.ndarray:
    """Images still right at every budget up to this one, bool (eps, images), budgets ascending.

    An adversarial example within 2/255 is also one within 4/255.
    """
    return np.logical_and.accumulate(right, axis=0)


def p50(bers: np.ndarray, accuracy: np.ndarray, classes: int) -> float:
    """The BER at which half of the accuracy above chance is lost, interpolated in log BER; NaN where none is.

    Args:
        bers: ascending rates (K,), the first of them 0 (the clean accuracy).
        accuracy: (K,) or (maps, K), then of the mean over maps.

    >>> float(p50(np.array([0, 1e-3, 1e-1]), np.array([1.0, 1.0, 0.1]), 10).round(6))
    0.01
    """
    bers, mean = np.asarray(bers, dtype=float), np.atleast_2d(accuracy).mean(axis=0)
    if bers[0] != 0:
        raise ValueError(f"p50 is counted from the clean accuracy at BER 0; the first rate is {bers[0]:g}")
    share_left = retention(mean, mean[0], classes)
    below = np.flatnonzero(share_left < 0.5)
    if not len(below) or below[0] < 2:  # not lost in the range, or before the first rate above 0
        return float("nan")
    i = below[0]
    share = (share_left[i - 1] - 0.5) / (share_left[i - 1] - share_left[i])
    return np.exp(np.log(bers[i - 1]) + share * np.log(bers[i] / bers[i - 1]))
