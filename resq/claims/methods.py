"""How rows were measured, as a paragraph that a paper could take over."""

from collections.abc import Iterable

import pandas as pd

from resq.claims.provenance import SERIES
from resq.measure.analysis import drawn_images


def paragraph(rows: pd.DataFrame, half: float = 0.0) -> str:
    """How the rows were measured, as a paragraph that a paper could take over.

    Args:
        half: as ``provenance.half`` gives it.
    """
    were = "was" if rows["checkpoint"].nunique() == 1 else "were"
    seeds = "seed" if rows["seed"].nunique() == 1 else "seeds"
    sentences = [
        f"{_list(rows['checkpoint'])} {were} evaluated on {_list(sorted(rows['n'].unique()))} test images of "
        f"{_list(rows['data'])}, weights stored as {_list(rows['encoding'])}.",
        _drawn_anew(rows[rows["sample"] == "random"]),
        _flips(rows[rows["axis"].isin(["ber", "joint"])]),
        _stopped(half),
        _spared(rows[rows["ber"] > 0]),
        _attacks(rows[rows["axis"] == "eps"]),
        _joint_attacks(rows[rows["axis"] == "joint"]),
        UPPER if rows["axis"].isin(["eps", "joint"]).any() else "",
        f"Random draws follow from the {seeds} {_list(sorted(rows['seed'].unique()))}{_tops(rows)}.",
    ]
    return " ".join(filter(None, sentences))


def _drawn_anew(rows: pd.DataFrame) -> str:
    """Which images maps looked at that each drew its own, and what their intervals count."""
    if rows.empty:
        return ""
    kinds = rows[["n", "data", "images"]].drop_duplicates(["n", "data"]).itertuples(index=False, name=None)
    each = _list(drawn_images.described("random", n, name, images) for n, name, images in kinds)
    return f"Each fault map was measured on images of its own: {each}. {DRAWN_ANEW}"


DRAWN_ANEW = (
    "Their t interval over maps then holds which images were drawn, and Wilson's over the whole test set, "
    "which joins it, that the set has these images and no others."
)


def _tops(rows: pd.DataFrame) -> str:
    """The rates that maps were drawn at, which decide them beside the seed and the fault model."""
    tops = sorted({float(t) for t in rows["top"] if t > 0})
    return (
        f", the fault model and the rate that maps were drawn at, {_list(f'{t:g}' for t in tops)}"
        if tops
        else ""
    )


def _flips(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    maps = rows.groupby([*SERIES, "mode", "top", "ber", "eps"]).size().max()
    return (
        f"Bits of the stored words were hit by the fault model {_list(rows['fault'])}; the BER is "
        f"the probability per stored bit. Up to {maps} fault maps, each nested over the rates. Intervals "
        "count fault maps and images together: 95 % t intervals of the mean over maps and Wilson's over "
        "images, their distances from the mean added as squares (MOVER)."
    )


def _stopped(half: float) -> str:
    if not half:
        return ""
    return (
        "At each rate maps were added until the 95 % t interval over them, which counts one more map as far "
        f"below the mean as the farthest one, was at most {100 * half:g} points to either side, or the most "
        "that were planned were measured; the figures show this interval."
    )


def _spared(rows: pd.DataFrame) -> str:
    """What beside the words of the weights was struck, and what was not."""
    targets = dict.fromkeys(rows["targets"])
    return " ".join(TARGETS.get(name, f"Of {name} the bits were struck.") for name in targets)


TARGETS = {
    "weights": "The words of the weights alone were struck: scales, zero points, norms and biases were "
    "spared, as if memory kept them without a fault.",
    "floats": "Scales, zero points, norms and biases were struck, and the words of the weights spared.",
    "all": "Scales, zero points, norms and biases were struck as the words of the weights were.",
}


UPPER = "Accuracies under FGSM and PGD are upper bounds of those under APGD and AutoAttack."
MODES = {
    "transfer": "on the fault-free quantized network, and shown to every faulty one (transfer)",
    "adaptive": "on every faulty network itself (adaptive)",
}


def _attacks(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    return (
        f"Adversarial examples were made by {_how(rows)} in the maximum norm, budgets in 1/255 of the pixel "
        "range, against the fault-free quantized network, worst case over starts."
    )


def _joint_attacks(rows: pd.DataFrame) -> str:
    """How examples were made that met the flips."""
    if rows.empty:
        return ""
    return (
        f"Under faults and attack at once, examples were made by {_how(rows)} in the maximum norm, budgets "
        "in 1/255 of the pixel range, worst case over starts, "
        f"{_list(MODES.get(mode, mode) for mode in rows['mode'])}."
    )


def _how(rows: pd.DataFrame) -> str:
    """The attacks of these rows with their steps and starts."""
    return _list(
        f"{a} ({s} steps, {r} start{'s' * (r != 1)})"
        for a, s, r in rows[["attack", "steps", "restarts"]].to_numpy()
    )


def _list(values: Iterable[object]) -> str:
    """Distinct values in words.

    >>> _list(["a", "b", "a", "c"])
    'a, b and c'
    """
    distinct = [str(v) for v in dict.fromkeys(values)]
    return distinct[0] if len(distinct) == 1 else f"{', '.join(distinct[:-1])} and {distinct[-1]}"
