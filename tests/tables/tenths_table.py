"""Whether the cheaper way to harden reaches the dearer one's robust accuracy, as its design asks."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.equal_cost import design
from resq.measure.analysis import variance
from resq.measure.analysis.asymmetry import shares
from tests.tables import cost_tables

NAME = "six-tenths"
MARGIN = 0.02  # of accuracy, and SHARE of processor time: both are in the design's words
SHARE = 0.6


def tenths() -> list[str]:
    """A line per run; below, once all are there, the difference, the share of time and what it is called."""
    about = "Minutes are of the processor, as the training process counts them."
    lines = cost_tables.costs(
        NAME, "processor minutes", lambda cost: round(cost["processor_seconds"] / 60, 1), about
    )
    described = design.read(cost_tables.FOLDER / f"{NAME}.toml")
    rows, done = cost_tables.measured(NAME, described.hash)
    if any(described.named(run, seed) not in done for run, seed in described.cells):
        return [*lines, "", "Not all runs of the design are measured, so what it asks has no answer yet."]
    return [*lines, "", _answer(described, rows, done)]


def _answer(described: design.Design, rows: pd.DataFrame, done: dict[str, cost_tables.Costs]) -> str:
    usual, cheap = described.run
    seeds = range(usual.seeds)
    right = [np.stack([_right(rows, described.named(run, seed)) for seed in seeds]) for run in (cheap, usual)]
    gain = shares.interval((right[0] - right[1])[None, :, None, :], usual.seeds)
    taken = [
        [done[described.named(run, seed)]["processor_seconds"] for seed in seeds] for run in (cheap, usual)
    ]
    each = np.divide(*taken)
    share = sum(taken[0]) / sum(taken[1])
    return (
        f"N-FGSM took {share:.2f} of PGD-2's processor time ({each.min():.2f} to {each.max():.2f} by seed), "
        f"and under PGD-50 its accuracy differs by {_points(gain)} points ({usual.seeds} seeds, "
        f"{described.n:,} images, 95 % over both): "
        f"**{_word(gain, share)}**."
    )


def _right(rows: pd.DataFrame, name: str) -> np.ndarray:
    return variance.answers(cost_tables.cell(rows, name, "pgd"))[0].astype(float)


def _points(gain: dict[str, float]) -> str:
    return "{:+.1f} ({:+.1f} to {:+.1f})".format(
        *(100 * gain[key] for key in ("mean", "low", "high"))
    ).replace("-", "−")


def _word(gain: dict[str, float], share: float) -> str:
    """What the design calls it."""
    if share > SHARE:
        return f"it is more than {SHARE:g} of the time, whatever was reached"
    if gain["low"] >= -MARGIN:
        return f"the robust accuracy is reached in at most {SHARE:g} of the time"
    return "it is missed" if gain["high"] < -MARGIN else "whether it is reached is open"


TABLES: dict[str, Callable[[], list[str]]] = {"six-tenths": tenths}
