"""Is resilience asymmetric? Four networks per seed, their areas, and Lambda with its interval. pandas, scipy.

Of one base and one seed: 00 (trained on, clean), A (against attacks), F (under faults), AF (both), with equal
epochs and one encoding. With R_A and R_F the areas of ``resq.measure.areas``,

    D_A = R_A(A) - R_A(00)    X_FA = R_A(F) - R_A(00)    D_F = R_F(F) - R_F(00)    X_AF = R_F(A) - R_F(00)
    Lambda = X_FA / D_A - X_AF / D_F

is the share of the direct gain against attacks that hardening against faults gives, less the share the other
way round. Lambda > 0 says that fault resilience carries over to attacks more than the reverse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from resq.measure import areas
from resq.measure.stats import t_half

MODELS = ("00", "a", "f", "af")
EFFECTS = ("D_A", "X_FA", "D_F", "X_AF")
ENOUGH = 5  # seeds; fewer are described and not tested


def resilience(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per model and seed: clean accuracy, ``R_A``, ``R_F`` and their chance-corrected forms.

    Args:
        rows: of checkpoints whose variants end in ``MODEL-sSEED``, such as asym-af-s3; BER and eps cells on
            the same images, with the per-image answers in ``right``.
    Raises:
        ValueError: a variant that says no model and seed, or cells that an area needs and are lacking.
    """
    lines = []
    for checkpoint, part in rows.groupby("checkpoint", sort=True):
        model, seed = named(str(checkpoint))
        bers, kept = areas.nested(part, "ber")
        eps, worst = attacked(part)
        r_a, r_f = float(areas.r_a(eps, worst)), float(areas.r_f(bers, kept).mean())
        lines.append({"model": model, "seed": seed, "clean": float(worst[0]), "R_A": r_a, "R_F": r_f})
    return pd.DataFrame(lines).sort_values(["seed", "model"], ignore_index=True)


def named(checkpoint: str) -> tuple[str, int]:
    """The model and the seed that a checkpoint's name says.

    >>> named("signs/resnet20/asym-af-s3")
    ('af', 3)
    """
    variant = checkpoint.rpartition("/")[2]
    _, _, rest = variant.partition("-")
    model, _, seed = rest.rpartition("-s")
    if model not in MODELS or not seed.isdecimal():
        raise ValueError(f"expected a variant such as asym-af-s3 (of {', '.join(MODELS)}), got {variant!r}")
    return model, int(seed)


def later(checkpoints: pd.Series) -> pd.Series:
    """Which of these names are of a study's seeds after the first: lists for people name one of each model.

    >>> list(later(pd.Series(["signs/resnet20/asym-f-s0", "signs/resnet20/asym-f-s12"])))
    [False, True]
    """
    return checkpoints.str.contains(rf"/asym-(?:{'|'.join(MODELS)})-s[1-9]\d*$")


def attacked(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Budgets in 1/255, ascending, and the share of images right at each and at all smaller ones."""
    cells = rows[rows["axis"] == "eps"].sort_values("eps")
    right = [
        np.unpackbits(np.frombuffer(r, np.uint8))[:n] for r, n in zip(cells["right"], cells["n"], strict=True)
    ]
    return cells["eps"].to_numpy(float), areas.worst_case(np.array(right, dtype=bool)).mean(axis=1)


def effects(found: pd.DataFrame) -> pd.DataFrame:
    """D_A, X_FA, D_F, X_AF of every seed that has 00, A and F; one line per seed."""
    wide = {area: found.pivot(index="seed", columns="model", values=area) for area in ("R_A", "R_F")}
    gain = {area: table.sub(table["00"], axis=0) for area, table in wide.items()}
    return pd.DataFrame(
        {"D_A": gain["R_A"]["a"], "X_FA": gain["R_A"]["f"], "D_F": gain["R_F"]["f"], "X_AF": gain["R_F"]["a"]}
    ).dropna()


def asymmetry(by_seed: pd.DataFrame, level: float = 0.95) -> dict[str, Any]:
    """Lambda and the four effects, each with its t interval over seeds (S - 1 degrees); NaN for one seed.

    Lambda is the difference of two ratios of means; its variance is that of its first-order expansion, seed
    by seed, so that what the effects of one seed share cancels (delta method).
    """
    count, mean = len(by_seed), {k: float(by_seed[k].mean()) for k in EFFECTS}
    found: dict[str, Any] = {"seeds": count, **{k: _interval(by_seed[k].to_numpy(), level) for k in EFFECTS}}
    if mean["D_A"] <= 0 or mean["D_F"] <= 0:
        return {**found, "Lambda": {"mean": float("nan"), "low": float("nan"), "high": float("nan")}}
    to_a, to_f = mean["X_FA"] / mean["D_A"], mean["X_AF"] / mean["D_F"]
    slopes = (by_seed["X_FA"] - to_a * by_seed["D_A"]) / mean["D_A"]
    slopes = slopes - (by_seed["X_AF"] - to_f * by_seed["D_F"]) / mean["D_F"]
    return {**found, "Lambda": _interval((to_a - to_f + slopes).to_numpy(), level)}


def _interval(values: np.ndarray, level: float) -> dict[str, float]:
    mean, half = float(values.mean()), t_half(values, level)
    return {"mean": mean, "low": mean - half, "high": mean + half}


def verdict(found: dict[str, Any]) -> str:
    """What may be said: "descriptive", "undefined", "asymmetric as claimed", "reversed" or "undecided".

    As claimed: Lambda > 0 and F helps against attacks (X_FA > 0), both whole intervals, and A does not help
    against faults (the upper end of X_AF at most 0). "asymmetric" where that last one stays open.
    """
    if found["seeds"] < ENOUGH:
        return "descriptive"
    if found["D_A"]["low"] <= 0 or found["D_F"]["low"] <= 0:
        return "undefined"
    if found["Lambda"]["high"] < 0:
        return "reversed"
    if found["Lambda"]["low"] > 0 and found["X_FA"]["low"] > 0:
        return "asymmetric as claimed" if found["X_AF"]["high"] <= 0 else "asymmetric"
    return "undecided"


WORDS = {
    "descriptive": f"fewer than {ENOUGH} seeds: described, no test",
    "undefined": "a direct gain is not surely above 0, so shares of it mean nothing",
    "asymmetric as claimed": "F helps against attacks, and A does not help against faults",
    "asymmetric": "hardening against faults carries over more than the reverse, which may help too",
    "reversed": "hardening against attacks carries over to faults more than the reverse",
    "undecided": "the interval of Lambda holds 0, or that of F's help against attacks does",
}
