"""What a study of the asymmetry found, whole: its networks, effects, and both at one clean accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from resq.measure.analysis import crossed, variance
from resq.measure.analysis.asymmetry import networks as networks_of
from resq.measure.analysis.asymmetry import shares

OWN = ("a", "f")  # whose seeds are those of the effects


def summary(rows: pd.DataFrame, study: dict[str, Any]) -> dict[str, Any]:
    """The study, each network's areas, the effects with intervals, Lambda and the verdict.

    Also ``alike``: the same on the images that 00, A and F of every seed get right without fault or attack,
    so that all have one clean accuracy, 100 %, and no gain or loss of it is counted as resilience;
    ``own``: that of each seed on the images that its own 00, A and F get right, with intervals over seeds
    alone, since ``alike`` leaves fewer and easier images the more seeds there are; and ``arrows``: what A, F
    and each further model change of R_A and of R_F.
    """
    networks, by_image = networks_of.resilience(rows), networks_of.each_network(rows)
    each = shares.answers(by_image)
    lead = shares.asymmetry(shares.effects(networks), each)
    word = shares.verdict(lead)
    return {
        "study": study,
        "networks": networks.to_dict("records"),
        "means": networks.groupby("model")[["clean", "R_A", "R_F"]].mean().to_dict("index"),
        "effects": lead | {"arrows": _arrows(by_image)},
        "verdict": word,
        "meaning": shares.WORDS[word],
        "alike": _alike(each, by_image, always_right(rows)),
        "own": _on_own(each, rows, networks_of.complete(by_image, OWN)),
        # A study may be gone on with by another version of the code.
        "hashes": {k: ", ".join(rows[k].unique()) for k in ("images", "code")},
    }


def always_right(rows: pd.DataFrame) -> np.ndarray:
    """The images, bool (n,), that 00, A and F of every seed get right without fault or attack."""
    clean = rows[(rows["axis"] == "eps") & (rows["eps"] == 0)]
    models = clean["checkpoint"].map(lambda name: networks_of.named(str(name))[0])
    return np.asarray(variance.answers(clean[models.isin(("00", "a", "f"))]).all(axis=0))


def at_one_accuracy(rows: pd.DataFrame, each: np.ndarray | None) -> dict[str, Any] | None:
    """The effects and the verdict on the images that are always right, and how many those are.

    Args:
        rows: of the whole study.
        each: the effects by image, as ``answers`` gives them; None where rows hold no answers.

    Returns:
        ``n``, ``effects`` and ``verdict``; None where fewer than two images are always right.
    """
    return None if each is None else _on(each, always_right(rows))


def _on(each: np.ndarray, images: np.ndarray) -> dict[str, Any] | None:
    if images.sum() < 2:
        return None
    own = each[..., images]
    by_seed = pd.DataFrame(own.mean(axis=(2, 3)).T, columns=list(shares.EFFECTS))
    effects = shares.asymmetry(by_seed, own)
    return {"n": int(images.sum()), "effects": effects, "verdict": shares.verdict(effects)}


def _on_own(each: np.ndarray | None, rows: pd.DataFrame, seeds: list[int]) -> dict[str, Any] | None:
    """The effects of each seed on the images that its own networks get right; None of a single seed."""
    if each is None or len(seeds) < 2:
        return None
    of_seed = rows["checkpoint"].map(lambda name: networks_of.named(str(name))[1])
    answered = [always_right(rows[of_seed == seed]) for seed in seeds]
    if min(images.sum() for images in answered) < 2:
        return None
    means = [each[:, i][..., images].mean(axis=(1, 2)) for i, images in enumerate(answered)]
    effects = shares.asymmetry(pd.DataFrame(means, columns=list(shares.EFFECTS)))
    return {
        "n": [int(images.sum()) for images in answered],
        "effects": effects,
        "verdict": shares.verdict(effects),
    }


def _alike(
    each: np.ndarray | None, networks: networks_of.Networks, images: np.ndarray
) -> dict[str, Any] | None:
    """The same with what each further model changes."""
    if each is None or not (there := _on(each, images)):
        return None
    return there | {"effects": there["effects"] | {"arrows": _arrows(networks, images)}}


def _correlation(pair: np.ndarray) -> float:
    """How the noise of two effects (2, seeds, maps, images) goes together, -1 to 1."""
    spread, _ = crossed.covariance(pair)
    scale = float(np.sqrt(spread[0, 0] * spread[1, 1]))
    return float(np.clip(spread[0, 1] / scale, -1, 1)) if scale else 0.0


def _arrows(networks: networks_of.Networks, images: np.ndarray | None = None) -> dict[str, dict[str, Any]]:
    """What each model changes of R_A and of R_F, each with its interval, and how their noise goes together.

    By the model's name, A and F first; AF, which has half of the epochs for each, is left out.
    """
    changes = {}
    others = sorted({model for model, _ in networks} - set(networks_of.MODELS))
    for model in (*OWN, *others):
        if not (seeds := networks_of.complete(networks, OWN if model in OWN else (model,))):
            continue
        both = networks_of.changes(networks, model, seeds)
        both = both if images is None else both[..., images]
        changes[model] = {
            "seeds": len(seeds),
            "R_A": shares.interval(both[:1], len(seeds)),
            "R_F": shares.interval(both[1:], len(seeds)),
            "together": _correlation(both) if len(seeds) > 1 else None,
        }
    return changes
