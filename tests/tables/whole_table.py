"""Whether a cheaper hardening reaches the robust accuracy of `attack` on the whole budget."""

import json
from collections.abc import Callable

import pandas as pd

from resq.measure.analysis import paired
from resq.measure.store import table
from tests.tables import cost_tables
from tests.tables.tenths_table import MARGIN, SHARE

NAMES = {
    "attack": "cifar10-resnet18-ablation-attack.parquet",
    "attack-nfgsm": "cifar10-resnet18-attack-nfgsm.parquet",
}


def whole() -> list[str]:
    """A line for either network; below, the share of time, the difference and what it is called."""
    timed = json.loads((cost_tables.FOLDER / "whole.json").read_text())
    about = (
        "Words `int8`; the first 500 test images, clean and under PGD-20 from one start at 8/255, an upper "
        "bound; seed 0. In brackets: 95 % over images, the difference paired by image. Processor time is of "
        f"all images and epochs, of {len(timed['by_round'])} rounds of epochs of 4,800 images timed in turn."
    )
    heads = "| network | epochs, images | processor minutes | clean | PGD-20 | less `attack`'s |"
    lines = [about, "", heads, "|---" * 6 + "|"]
    cells = {name: (of(name, 0.0), of(name, 8.0)) for name in NAMES}
    apart = paired.difference(cells["attack-nfgsm"][1], cells["attack"][1])
    for name, cost in zip(NAMES, (timed["first"], timed["second"]), strict=True):
        minutes = sum(cost["whole"]) / len(cost["whole"]) / 60
        shares = [cost_tables.share(row) for row in cells[name]]
        beside = cost_tables.less(apart) if name == "attack-nfgsm" else ""
        head = f"| `{name}` | {cost['epochs']}, {cost['images']:,} | {minutes:.0f} | "
        lines.append(head + f"{' | '.join(shares)} | {beside} |")
    share, each = timed["share"], timed["by_round"]
    return [
        *lines,
        "",
        f"`attack-nfgsm` takes {share:.2f} of `attack`'s processor time ({min(each):.2f} to {max(each):.2f} "
        f"by round), and under PGD-20 its accuracy differs by {cost_tables.less(apart)} points: "
        f"**{word(apart, share)}**.{strictly(apart)}",
    ]


def of(name: str, eps: float) -> pd.DataFrame:
    """The one row of a network under PGD-20 of this budget."""
    rows = table.read(table.SHIPPED / NAMES[name])
    own = rows[(rows["checkpoint"] == f"cifar10/resnet18/{name}") & (rows["encoding"] == "int8")]
    return own[(own["axis"] == "eps") & (own["attack"] == "pgd") & (own["eps"] == eps)]


def word(apart: paired.Difference, share: float) -> str:
    """What the design calls it."""
    if share > SHARE:
        return f"it is more than {SHARE:g} of the time, whatever was reached"
    if apart.mean < -MARGIN:
        return "it is missed"
    return (
        f"the robust accuracy is reached in at most {SHARE:g} of the time"
        if apart.high > 0
        else "whether it is reached is open"
    )


def strictly(apart: paired.Difference) -> str:
    """What the rule of six tenths, which is stricter, would say; nothing where it is kept too."""
    if apart.low >= -MARGIN:
        return ""
    return f" By the rule above, no end of the interval below −{100 * MARGIN:g} points, it would be open."


TABLES: dict[str, Callable[[], list[str]]] = {"whole": whole}
