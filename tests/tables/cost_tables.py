"""The tables of adversarial methods beside each other, from the rows and costs beside their designs."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from benchmarks.equal_cost import design
from resq.core import paths
from resq.measure.analysis import paired, stats
from resq.measure.store import table

FOLDER = paths.ROOT / "assets" / "specs" / "adversarial"
WORDS = {"n-fgsm": "N-FGSM", "pgd-2": "PGD-2"}
Costs = dict[str, Any]


def costs(name: str, took: str, minutes: Callable[[Costs], float], about: str) -> list[str]:
    """One line per run; a run that the design has and no row says that it was not measured.

    Args:
        name: of the design.
        took: the head of the column that says how long a run was, in ``minutes`` of its costs.
        about: a sentence on these.
    """
    described = design.read(FOLDER / f"{name}.toml")
    rows, done = measured(name, described.hash)
    first = described.run[0]
    heads = [
        "method",
        "seed",
        "epochs, images",
        took,
        "clean",
        "PGD-50",
        f"less {WORDS[first.name]}'s",
        "AutoAttack",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for run, seed in described.cells:
        own = described.named(run, seed)
        head = f"| `{run.name}` | {seed} | {described.options(run)['epochs']}, {run.images:,} | "
        if own in done:
            beside = described.named(first, seed if seed < first.seeds and run.seeds == first.seeds else 0)
            lines.append(head + f"{minutes(done[own])} | {_figures(rows, own, beside)} |")
        else:
            lines.append(head + "not measured |" + " |" * (len(heads) - 4))
    return [*_conditions(described, about), *lines]


def measured(name: str, hash_: str) -> tuple[pd.DataFrame, dict[str, Costs]]:
    """Rows of the runs so far and what they cost; those of another design are an error."""
    file = FOLDER / f"{name}.json"
    if not file.is_file():
        return pd.DataFrame(), {}
    costed = json.loads(file.read_text())
    assert costed["design"] == hash_, "rows of another design"
    return table.read(file.with_suffix(".parquet")), costed["runs"]


def _conditions(described: design.Design, about: str) -> list[str]:
    return [
        f"Design `{described.hash}`; words `{described.encoding}`; the first {described.n:,} test images "
        f"clean and under PGD of {described.steps} steps and one start (an upper bound), the first "
        f"{described.strong} under AutoAttack, eps 8/255. In brackets: 95 % over images; differences are "
        f"paired by image. {about}",
        "",
    ]


def _figures(rows: pd.DataFrame, name: str, first: str) -> str:
    """Clean, PGD, its difference from the first run's on the same images, AutoAttack."""
    clean, pgd, strong = (cell(rows, name, attack) for attack in ("none", "pgd", "autoattack"))
    known = name != first and len(cell(rows, first, "pgd"))
    apart = less(paired.difference(pgd, cell(rows, first, "pgd"))) if known else ""
    return " | ".join([share(clean), share(pgd), apart, share(strong)])


def cell(rows: pd.DataFrame, name: str, attack: str) -> pd.DataFrame:
    """The one row of a run and an attack."""
    return rows[(rows["checkpoint"] == name) & (rows["attack"] == attack)]


def share(row: pd.DataFrame) -> str:
    """The accuracy of a row, with its interval over images."""
    (right, n) = int(row["correct"].iloc[0]), int(row["n"].iloc[0])
    low, high = stats.wilson(right / n, n)
    return f"{100 * right / n:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def less(apart: paired.Difference) -> str:
    """A paired difference in percentage points, with its interval."""
    return f"{100 * apart.mean:+.1f} ({100 * apart.low:+.1f} to {100 * apart.high:+.1f})".replace("-", "−")


TABLES: dict[str, Callable[[], list[str]]] = {
    "equal-cost": partial(
        costs, "equal-cost", "minutes", lambda cost: cost["minutes"],
        "Minutes are of one thread beside another, and tell less than passes do.",
    ),
}  # fmt: skip
