"""Is resilience asymmetric? Four networks per seed, their areas, and Lambda with its interval. pandas, scipy.

Of one base and one seed: 00 (trained on, clean), A (against attacks), F (under faults), AF (both), with equal
epochs and one encoding. With R_A and R_F the areas of ``resq.measure.analysis.areas``,

    D_A = R_A(A) - R_A(00)    X_FA = R_A(F) - R_A(00)    D_F = R_F(F) - R_F(00)    X_AF = R_F(A) - R_F(00)
    Lambda = X_FA / D_A - X_AF / D_F

is the share of the direct gain against attacks that hardening against faults gives, less the share the other
way round. Lambda > 0 says that fault resilience carries over to attacks more than the reverse. A share of a
gain that may be none is none: each has Fieller's interval, and where that is unbounded (g >= 1) Lambda is
undefined. The difference form

    Delta = X_FA * D_F - X_AF * D_A

has the sign of Lambda where both direct gains are above 0, and an interval always. Intervals count seeds,
fault maps and images together, which all networks of a study share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from resq.measure.analysis import crossed, intervals
from resq.measure.analysis.asymmetry.networks import Networks, changes, complete, resilience
from resq.measure.analysis.stats import t_half_width, t_quantile

EFFECTS = ("D_A", "X_FA", "D_F", "X_AF")
ENOUGH = 5  # seeds; fewer are described and not tested


def effects(areas: pd.DataFrame) -> pd.DataFrame:
    """D_A, X_FA, D_F, X_AF of every seed that has 00, A and F; one line per seed."""
    wide = {area: areas.pivot(index="seed", columns="model", values=area) for area in ("R_A", "R_F")}
    gain = {area: table.sub(table["00"], axis=0) for area, table in wide.items()}
    return pd.DataFrame(
        {"D_A": gain["R_A"]["a"], "X_FA": gain["R_A"]["f"], "D_F": gain["R_F"]["f"], "X_AF": gain["R_F"]["a"]}
    ).dropna()


def answers(networks: Networks) -> np.ndarray | None:
    """The four effects image by image, float (4, seeds, maps, images), in the order of EFFECTS.

    None without a seed that has 00, A and F.

    Args:
        networks: of ``each_network``.
    """
    seeds = complete(networks, ("a", "f"))
    if not seeds:
        return None
    a, f = changes(networks, "a", seeds), changes(networks, "f", seeds)
    return np.stack([a[0], f[0], f[1], a[1]])


def asymmetry(by_seed: pd.DataFrame, each: np.ndarray | None = None, level: float = 0.95) -> dict[str, Any]:
    """The four effects, Lambda and its difference form Delta, each with its interval; NaN for one seed.

    Args:
        by_seed: as of ``effects``.
        each: as of ``answers``, for intervals over seeds, maps and images; None: over seeds alone.

    Returns:
        Also ``seeds``; ``over``, what the intervals count; ``g`` of both direct gains. Lambda is NaN where
        one of them is not clear of 0 (g >= 1).
    """
    count, mean = len(by_seed), {k: float(by_seed[k].mean()) for k in EFFECTS}
    values = by_seed[list(EFFECTS)].to_numpy(float).T[:, :, None, None] if each is None else each
    result: dict[str, Any] = {
        "seeds": count,
        "over": "seeds" if each is None else "seeds, maps and images",
        **{k: interval(values[i : i + 1], count, level) for i, k in enumerate(EFFECTS)},
    }
    d_a, x_fa, d_f, x_af = values
    slope = mean["D_F"] * x_fa + mean["X_FA"] * d_f - mean["D_A"] * x_af - mean["X_AF"] * d_a
    delta = interval(slope[None], count, level)
    half_width, value = delta["high"] - delta["mean"], mean["X_FA"] * mean["D_F"] - mean["X_AF"] * mean["D_A"]
    to_a, to_f = (_share(values[[x, d]], count, level) for x, d in ((1, 0), (3, 2)))
    return {
        **result,
        "g": {"D_A": to_a["g"], "D_F": to_f["g"]},
        "Lambda": _less(to_a, to_f),
        "Delta": {"mean": value, "low": value - half_width, "high": value + half_width},
    }


def _share(pair: np.ndarray, count: int, level: float) -> dict[str, float]:
    """The ratio of two effects (2, seeds, maps, images) with Fieller's interval."""
    if count < 2:
        return {key: float("nan") for key in ("mean", "low", "high", "g")}
    spread, freedom = crossed.covariance(pair)
    above, below = pair.reshape(2, -1).mean(axis=1)
    return intervals.fieller(float(above), float(below), spread, t_quantile(freedom + 1, level))


def _less(a: dict[str, float], b: dict[str, float]) -> dict[str, float]:
    """The difference of two ratios, its interval from theirs (MOVER)."""
    mean = a["mean"] - b["mean"]
    down = np.hypot(a["mean"] - a["low"], b["high"] - b["mean"])
    up = np.hypot(a["high"] - a["mean"], b["mean"] - b["low"])
    return {"mean": mean, "low": float(mean - down), "high": float(mean + up)}


def interval(values: np.ndarray, count: int, level: float = 0.95) -> dict[str, float]:
    """Mean and interval of one effect (1, seeds, maps, images)."""
    mean = float(values.mean())
    if values.shape[2:] == (1, 1):
        half_width = t_half_width(values.ravel(), level)
    elif count < 2:
        half_width = float("nan")
    else:
        spread, freedom = crossed.covariance(values)
        half_width = t_quantile(freedom + 1, level) * float(np.sqrt(spread[0, 0]))
    return {"mean": mean, "low": mean - half_width, "high": mean + half_width}


def verdict(effect: dict[str, Any]) -> str:
    """What may be said: "descriptive", "undefined", "asymmetric as claimed", "reversed" or "undecided".

    As claimed: Lambda > 0 and F helps against attacks (X_FA > 0), both whole intervals, and A does not help
    against faults (the upper end of X_AF at most 0). "asymmetric" where that last one stays open.
    """
    if effect["seeds"] < ENOUGH:
        return "descriptive"
    if np.isnan(effect["Lambda"]["low"]):
        return "undefined"
    if effect["Lambda"]["high"] < 0:
        return "reversed"
    if effect["Lambda"]["low"] > 0 and effect["X_FA"]["low"] > 0:
        return "asymmetric as claimed" if effect["X_AF"]["high"] <= 0 else "asymmetric"
    return "undecided"


SHARES = "more than the reverse, as shares of the direct gains"
WORDS = {
    "descriptive": f"fewer than {ENOUGH} seeds: described, no test",
    "undefined": "a direct gain is not clear of 0 beside its noise, so shares of it mean nothing",
    "asymmetric as claimed": "F helps against attacks, and A does not help against faults",
    "asymmetric": f"hardening against faults carries over {SHARES}; A may help too",
    "reversed": f"hardening against attacks carries over {SHARES}; F may help too",
    "undecided": "the interval of Lambda holds 0, or that of F's help against attacks does",
}


def measured_on(study: Mapping[str, Any]) -> str:
    """What the areas of a study rest on.

    Args:
        study: its fields; those from before a study could be judged on other images have no ``on``.

    >>> measured_on({"encoding": "int8", "n": 500, "maps": 5, "steps": 10})
    'int8 on the first 500 test images, 5 fault maps of independent bits, PGD of 10 steps and one start'
    """
    images = "test images" if study.get("on", "test") == "test" else "held-out training images"
    return (
        f"{study['encoding']} on the first {study['n']:,} {images}, {study['maps']} fault maps of "
        f"independent bits, PGD of {study['steps']} steps and one start"
    )


def line(rows: pd.DataFrame) -> dict[str, Any]:
    """One network's line."""
    return {str(k): v for k, v in resilience(rows).iloc[0].to_dict().items()}
