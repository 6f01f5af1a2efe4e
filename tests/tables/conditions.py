"""One sentence before a table of accuracies: how bits flipped, on what maps and images, the attack, the seed.

It is made of the cells that the table shows, so that it cannot say what they are no longer.
"""

from collections.abc import Iterable

import pandas as pd

from resq.measure.analysis.choose import WHOLE

SAMPLERS = {
    "random": "independent bits",
    "layer-uniform": "a layer first, then a bit in it",
    "threefold": "independent bits of three copies",
    "sec-ded": "independent bits of rows with check bits",
}

WEAK = ("fgsm", "pgd")  # attacks that leave more right than stronger ones
STRUCK = {"weights": "the words of the weights", "all": "all that is stored (words, scales, norms, biases)"}


def sentence(cells: Iterable[pd.DataFrame | pd.Series]) -> list[str]:
    """The sentence and an empty line, to stand above a table.

    Args:
        cells: lines of ``stats.curve`` (``ber`` and ``eps`` of ``joint_grid.grid``), those that are shown.
    """
    points = pd.concat([_frame(part) for part in cells], ignore_index=True)
    struck, attacked = points["ber"] > 0, points["attack"] != "none"
    told = [_struck(points[struck])] if struck.any() else []
    clean = points[~struck & ~attacked]
    if len(clean) and _images(clean) != _images(points[struck]):
        told.append(f"no flips: {_images(clean)}")
    told += [_attacked(*group) for group in points[attacked].groupby(["attack", "steps", "restarts"])]
    seeds = ", ".join(str(seed) for seed in sorted(set(points["seed"])))
    over = "over fault maps and images where bits flip, else over images" if struck.any() else "over images"
    return [f"Measured with: {'; '.join(told)}; seed {seeds}. In brackets: 95 %, {over}.", ""]


def _frame(part: pd.DataFrame | pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame([part]) if isinstance(part, pd.Series) else part.reset_index()
    named = frame.drop(columns="x") if {"x", "ber"} <= set(frame) else frame
    if "ber" in named:
        return named
    return named.assign(ber=named["x"].where(named["attack"] == "none", 0.0))


def _struck(points: pd.DataFrame) -> str:
    """How bits flipped in these cells, and on how many maps and images."""
    drawn = [name for name in SAMPLERS if name in set(points["fault"])]
    samplers = ", ".join(f"`{name}` ({SAMPLERS[name]})" for name in drawn)
    where = " and ".join(dict.fromkeys(STRUCK[name] for name in points["targets"]))
    return f"flips of {where}: {samplers}, {span(points['maps'])} fault maps, {_images(points)}"


def _attacked(of: tuple[str, int, int], points: pd.DataFrame) -> str:
    """With what the pixels of these cells were moved, and of how many images."""
    attack, steps, restarts = of
    starts = f"{restarts} start{'s' * (restarts > 1)}"
    name = {"autoattack": "AutoAttack", "square": "Square"}.get(attack, attack.upper())
    how = f"{name}, {steps} steps, {starts}" if steps else attack
    bound = ", an upper bound" if attack in WEAK else ""
    return f"attack {how}{bound}, {_images(points)}"


def _images(points: pd.DataFrame) -> str:
    """How many of the first test images cells have."""
    if points.empty:
        return "no images"
    whole = points["n"] == points["data"].map(WHOLE)
    if whole.all():
        return f"all {span(points['n'])} test images"
    return f"the first {span(points['n'])} test images"


def span(values: pd.Series) -> str:
    """The least and the most of these whole numbers.

    >>> span(pd.Series([20, 1000]))
    '20 to 1,000'
    """
    least, most = int(values.min()), int(values.max())
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
