"""The networks of a study of the asymmetry: what each resists, as a number and image by image."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from resq.core.errors import ResqError
from resq.measure.analysis import areas, variance

MODELS = ("00", "a", "f", "af")
MODEL = "[a-z0-9]+"  # what a further model may be called: an intervention beside A and F
# By model and seed R_A, float (images,), and R_F, float (maps, images).
Networks = dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]


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
    """Which of these names are of a study's seeds after its first: lists for people name one of each model.

    >>> names = [f"signs/resnet20/asym-f-s{seed}" for seed in (10, 12)]
    >>> list(later(pd.Series(["signs/resnet20/base", *names])))
    [False, False, True]
    """
    parts = checkpoints.str.extract(rf"^(?P<model>.*/asym-{MODEL})-s(?P<seed>\d+)$")
    seed = parts["seed"].astype(float)
    return seed > seed.groupby(parts["model"]).transform("min")


def attacked(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Budgets in 1/255, ascending, and the share of images right at each and at all smaller ones."""
    cells = rows[rows["axis"] == "eps"].sort_values("eps")
    right = [
        np.unpackbits(np.frombuffer(r, np.uint8))[:n] for r, n in zip(cells["right"], cells["n"], strict=True)
    ]
    return cells["eps"].to_numpy(float), areas.worst_case(np.array(right, dtype=bool)).mean(axis=1)


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
