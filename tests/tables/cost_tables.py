"""The table of adversarial methods at equal cost, from the rows and costs beside their design."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.equal_cost import design
from resq.core import paths
from resq.measure.analysis import paired, stats
from resq.measure.store import table

FILE = paths.ROOT / "assets" / "specs" / "adversarial" / "equal-cost.toml"
HEADS = ("method", "seed", "epochs, images", "minutes", "clean", "PGD-50", "less N-FGSM's", "AutoAttack")


def costs() -> list[str]:
    """One line per run; a run that the design has and no row says that it was not measured."""
    described = design.read(FILE)
    rows, done = _measured(described.hash)
    first = described.named(described.run[0], 0)
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for run, seed in described.cells:
        name = described.named(run, seed)
        head = f"| `{run.name}` | {seed} | {described.options(run)['epochs']}, {run.images:,} | "
        if name in done:
            lines.append(head + f"{done[name]['minutes']:g} | {_figures(rows, name, first)} |")
        else:
            lines.append(head + "not measured |" + " |" * (len(HEADS) - 4))
    return [*_conditions(described), *lines]


def _measured(hash_: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of the runs so far and what they cost; those of another design are an error."""
    if not FILE.with_suffix(".json").is_file():
        return pd.DataFrame(), {}
    costed = json.loads(FILE.with_suffix(".json").read_text())
    assert costed["design"] == hash_, "rows of another design"
    return table.read(FILE.with_suffix(".parquet")), costed["runs"]


def _conditions(described: design.Design) -> list[str]:
    return [
        f"Design `{described.hash}`; words `{described.encoding}`; the first {described.n:,} test images "
        f"clean and under PGD of {described.steps} steps and one start (an upper bound), the first "
        f"{described.strong} under AutoAttack, eps 8/255. In brackets: 95 % over images; differences are "
        "paired by image. Minutes are of one thread beside another, and tell less than passes do.",
        "",
    ]


def _figures(rows: pd.DataFrame, name: str, first: str) -> str:
    """Clean, PGD, its difference from the first run's on the same images, AutoAttack."""
    clean, pgd, strong = (_cell(rows, name, attack) for attack in ("none", "pgd", "autoattack"))
    apart = "" if name == first else less(paired.difference(pgd, _cell(rows, first, "pgd")))
    return " | ".join([_share(clean), _share(pgd), apart, _share(strong)])


def _cell(rows: pd.DataFrame, name: str, attack: str) -> pd.DataFrame:
    return rows[(rows["checkpoint"] == name) & (rows["attack"] == attack)]


def _share(cell: pd.DataFrame) -> str:
    (right, n) = int(cell["correct"].iloc[0]), int(cell["n"].iloc[0])
    low, high = stats.wilson(right / n, n)
    return f"{100 * right / n:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def less(apart: paired.Difference) -> str:
    """A paired difference in percentage points, with its interval."""
    return f"{100 * apart.mean:+.1f} ({100 * apart.low:+.1f} to {100 * apart.high:+.1f})".replace("-", "−")


TABLES: dict[str, Callable[[], list[str]]] = {"equal-cost": costs}
