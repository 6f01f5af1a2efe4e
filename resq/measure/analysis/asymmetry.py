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

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from resq.core.errors import ResqError
from resq.measure.analysis import areas, crossed, intervals, variance
from resq.measure.analysis.stats import t_half_width, t_quantile

MODELS = ("00", "a", "f", "af")
MODEL = "[a-z0-9]+"  # what a further model may be called: an intervention beside A and F
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
    lines, over = [], rates(rows)
    for checkpoint, part in rows.groupby("checkpoint", sort=True):
        model, seed = named(str(checkpoint))
        bers, accuracy = areas.nested(part, "ber")
        eps, worst = attacked(part)
        r_a, r_f = float(areas.r_a(eps, worst)), float(areas.r_f(bers, accuracy, over).mean())
        lines.append({"model": model, "seed": seed, "clean": float(worst[0]), "R_A": r_a, "R_F": r_f})
    return pd.DataFrame(lines).sort_values(["seed", "model"], ignore_index=True)


def rates(rows: pd.DataFrame) -> tuple[float, ...]:
    """The rates that R_F of a study runs over: those above 0 that all of its networks were measured at."""
    each = [set(part.loc[part["axis"] == "ber", "ber"]) - {0.0} for _, part in rows.groupby("checkpoint")]
    return tuple(sorted(set.intersection(*each))) if each else ()


def lacking(rows: pd.DataFrame) -> str:
    """What a study's rows lack, in words; empty where ``resilience`` and ``effects`` can be made of them."""
    models: dict[int, set[str]] = {}
    for checkpoint, part in rows.groupby("checkpoint", sort=True):
        model, seed = named(str(checkpoint))
        models.setdefault(seed, set()).add(model)
        for axis, points in (("ber", areas.BERS), ("eps", areas.EPS)):
            there = set(part.loc[part["axis"] == axis, axis])
            if missing := [x for x in points if not any(np.isclose(x, t, rtol=1e-6, atol=0) for t in there)]:
                return f"{checkpoint} has no {axis} {missing[0]:g}"
    whole = any({"00", "a", "f"} <= trained for trained in models.values())
    return "" if whole else "no seed has all of 00, A and F"


def named(checkpoint: str) -> tuple[str, int]:
    """The model and the seed that a checkpoint's name says.

    >>> named("signs/resnet20/asym-af-s3")
    ('af', 3)
    """
    variant = checkpoint.rpartition("/")[2]
    _, _, rest = variant.partition("-")
    model, _, seed = rest.rpartition("-s")
    if not re.fullmatch(MODEL, model) or not seed.isdecimal():
        raise ResqError(f"expected a variant such as asym-af-s3 (of {', '.join(MODELS)}), got {variant!r}")
    return model, int(seed)


def later(checkpoints: pd.Series) -> pd.Series:
    """Which of these names are of a study's seeds after the first: lists for people name one of each model.

    >>> list(later(pd.Series(["signs/resnet20/asym-f-s0", "signs/resnet20/asym-f-s12"])))
    [False, True]
    """
    return checkpoints.str.contains(rf"/asym-{MODEL}-s[1-9]\d*$")


def attacked(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Budgets in 1/255, ascending, and the share of images right at each and at all smaller ones."""
    cells = rows[rows["axis"] == "eps"].sort_values("eps")
    right = [
        np.unpackbits(np.frombuffer(r, np.uint8))[:n] for r, n in zip(cells["right"], cells["n"], strict=True)
    ]
    return cells["eps"].to_numpy(float), areas.worst_case(np.array(right, dtype=bool)).mean(axis=1)


def effects(areas: pd.DataFrame) -> pd.DataFrame:
    """D_A, X_FA, D_F, X_AF of every seed that has 00, A and F; one line per seed."""
    wide = {area: areas.pivot(index="seed", columns="model", values=area) for area in ("R_A", "R_F")}
    gain = {area: table.sub(table["00"], axis=0) for area, table in wide.items()}
    return pd.DataFrame(
        {"D_A": gain["R_A"]["a"], "X_FA": gain["R_A"]["f"], "D_F": gain["R_F"]["f"], "X_AF": gain["R_F"]["a"]}
    ).dropna()


def answers(rows: pd.DataFrame) -> np.ndarray | None:
    """The four effects image by image, float (4, seeds, maps, images), in the order of EFFECTS.

    None where rows keep no answers per image, or networks were not all measured on the same maps and images.
    """
    networks = each_network(rows)
    seeds = complete(networks, ("a", "f"))
    if not seeds:
        return None
    a, f = changes(networks, "a", seeds), changes(networks, "f", seeds)
    return np.stack([a[0], f[0], f[1], a[1]])


Networks = dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]


def each_network(rows: pd.DataFrame) -> Networks:
    """Of each model and seed R_A, float (images,), and R_F, float (maps, images), image by image.

    Empty where rows keep no answers per image, or networks were not all measured on the same maps and images.
    """
    if (rows["right"].map(len) == 0).any() or any(rows[key].nunique() > 1 for key in ("images", "n")):
        return {}
    over = rates(rows)
    networks = {
        named(str(checkpoint)): (_withstood(part), _faulty_areas(part, over))
        for checkpoint, part in rows.groupby("checkpoint", sort=True)
    }
    return networks if len({faulty.shape for _, faulty in networks.values()}) == 1 else {}


def complete(networks: Networks, models: tuple[str, ...]) -> list[int]:
    """The seeds that have 00 and all of these models, ascending."""
    return sorted({s for _, s in networks if all((m, s) in networks for m in ("00", *models))})


def changes(networks: Networks, model: str, seeds: list[int]) -> np.ndarray:
    """What a model changes of R_A and of R_F beside 00, float (2, seeds, maps, images)."""
    pairs = [(networks[model, seed], networks["00", seed]) for seed in seeds]
    faults = np.stack([own[1] - plain[1] for own, plain in pairs])
    attacks = np.stack([own[0] - plain[0] for own, plain in pairs])
    return np.stack([np.repeat(attacks[:, None, :], faults.shape[1], axis=1), faults])


def _faulty_areas(rows: pd.DataFrame, over: tuple[float, ...]) -> np.ndarray:
    """R_F of every map and image, (maps, images)."""
    part = rows[(rows["axis"] == "ber") & rows["ber"].isin(over)].sort_values(["ber", "map"])
    right = variance.answers(part).reshape(len(over), -1, int(part["n"].iloc[0]))
    return areas.r_f(np.array(over), np.moveaxis(right.astype(float), 0, -1), over)


def _withstood(rows: pd.DataFrame) -> np.ndarray:
    """R_A of every image, (images,)."""
    part = rows[rows["axis"] == "eps"].sort_values("eps")
    worst = areas.worst_case(variance.answers(part)).astype(float)
    return areas.r_a(part["eps"].to_numpy(float), np.moveaxis(worst, 0, -1))


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


WORDS = {
    "descriptive": f"fewer than {ENOUGH} seeds: described, no test",
    "undefined": "a direct gain is not clear of 0 beside its noise, so shares of it mean nothing",
    "asymmetric as claimed": "F helps against attacks, and A does not help against faults",
    "asymmetric": "hardening against faults carries over more than the reverse, which may help too",
    "reversed": "hardening against attacks carries over to faults more than the reverse",
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
