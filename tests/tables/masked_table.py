"""What PGD leaves of networks that learned smoothed labels last, and of the same after some plain ones."""

from collections.abc import Callable

import pandas as pd

from resq.measure.store import table
from tests.tables import conditions, cost_tables

NETWORKS = ("vgg16", "efficientnet_b0")
LABELS = {"base": "smoothed", "plain": "plain, four epochs on"}
FEW, MANY = 250, 1_000  # images of the budgets, and of the strong attack
BUDGETS = (0.0, 2.0, 4.0, 8.0)


def masked() -> list[str]:
    """Two lines a network: PGD-20 over budgets, and beside AutoAttack on more images."""
    heads = [f"PGD-20, {eps:g}/255" for eps in BUDGETS[1:]]
    many = f"of {MANY:,}: PGD-20, 8/255 | AutoAttack, 8/255"
    lines = [f"| network | labels learned last | clean | {' | '.join(heads)} | {many} |", "|---" * 8 + "|"]
    shown = []
    for network in NETWORKS:
        for variant, labels in LABELS.items():
            own = of(f"cifar10/{network}/{variant}")
            cells = [pick(own, "pgd", eps, FEW) for eps in BUDGETS]
            cells += [pick(own, attack, BUDGETS[-1], MANY) for attack in ("pgd", "autoattack")]
            shown += cells
            told = " | ".join(cost_tables.share(cell) for cell in cells)
            lines.append(f"| {network}, `{variant}` | {labels} | {told} |")
    return [said(pd.concat(shown)), "", *lines]


def of(checkpoint: str) -> pd.DataFrame:
    """The rows of a network over budgets, its words as `int8`."""
    rows = table.shipped()
    return rows[(rows["checkpoint"] == checkpoint) & (rows["encoding"] == "int8") & (rows["axis"] == "eps")]


def pick(rows: pd.DataFrame, attack: str, eps: float, n: int) -> pd.DataFrame:
    """The one row of this attack, budget and number of images; PGD is of 20 steps and one start."""
    found = rows[(rows["attack"] == attack) & (rows["eps"] == eps) & (rows["n"] == n)]
    one = found[(found["restarts"] == 1) & ((attack != "pgd") | (found["steps"] == 20))]
    assert len(one) == 1, f"{len(one)} rows of {attack} at {eps:g}/255 on {n} images, not one"
    return one


def said(rows: pd.DataFrame) -> str:
    """Words, images and seed of these rows."""
    return (
        f"Words `int8`; the first {conditions.span(rows['n'])} test images of CIFAR-10, PGD from one start, "
        f"an upper bound, and the standard AutoAttack; seed {conditions.span(rows['seed'])}. "
        "In brackets: 95 % over images."
    )


TABLES: dict[str, Callable[[], list[str]]] = {"masked": masked}
