"""Tables of docs/deployed.md: deployed files under flips and attacks, as they follow from their rows.

These rows are of files that are not shipped, so that they stand apart from those of checkpoints.
"""

from pathlib import Path

import pandas as pd

from resq.measure.analysis import paired, stats
from resq.measure.store import table
from tests.tables import conditions

ROOM = Path(__file__).resolve().parents[2] / "assets" / "results" / "deployed"
ATTACKS = {
    "square": "Square, 5,000 queries of the runtime",
    "twin-pgd": "PGD-20 on the twin, met by the runtime",
    "twin-apgd": "APGD-100 on the twin, met by the runtime",
}
HOW = {"as stored": "the file, by onnxruntime", "int8-symmetric-tensor": "the lab, the file's very words",
       "int8-symmetric": "the lab, encoded anew with a scale for each channel"}  # fmt: skip


def rows(name: str) -> pd.DataFrame:
    """The rows of one file of the room."""
    return table.read(ROOM / f"{name}.parquet")


def attacks() -> list[str]:
    """One line per file and attack: share of right answers over the budget, interval over images."""
    shown = rows("ic01-attacks")
    found = stats.curve(shown, "eps")
    budgets = sorted(found["x"].unique())
    images, seeds = (conditions.span(shown[name]) for name in ("n", "seed"))
    starts = conditions.span(shown["restarts"])
    above = (
        f"Measured with: the first {images} test images, no flips, {starts} start of each attack, seed "
        f"{seeds}; "
        "PGD's and Square's accuracies are upper bounds. Brackets: 95 % over images (Wilson)."
    )
    lines = [
        above,
        "",
        _head(["file", "attack", *("clean" if eps == 0 else f"{eps:g}/255" for eps in budgets)]),
    ]
    for (file, attack), part in found.groupby(["checkpoint", "attack"], sort=False):
        by = part.set_index("x")
        cells = [_share(by.loc[eps], "image_low", "image_high") for eps in budgets]
        lines.append(_line([f"`{file}`", ATTACKS[attack], *cells]))
    return lines


def faults(name: str) -> list[str]:
    """One line per way to run the words: share of right answers over BER, interval over maps and images."""
    found = stats.curve(rows(name), "ber")
    rates = sorted(found["x"].unique())
    lines = [_head(["who answers", *(f"BER {ber:g}" for ber in rates)])]
    for (file, encoding), part in _ordered(found):
        by = part.set_index("x")
        who = HOW[encoding] if name.endswith("law") else f"`{file}`"
        cells = [_share(by.loc[ber], "low", "high") if ber in by.index else "not measured" for ber in rates]
        lines.append(_line([who, *cells]))
    return [*conditions.sentence([found]), *lines]


LAW = "resnet18-qdq-law"


def law_apart() -> list[str]:
    """By how much the lab's answers to the file's very words differ from the file's, rate by rate, paired."""
    found = rows(LAW)
    rates = sorted(set(found.loc[found["ber"] > 0, "ber"]))
    gains = [(ber, law_gain(found, ber, len(rates))) for ber in rates]
    told = [
        f"{100 * gain.mean:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}) at {ber:g}".replace(
            "-", "−"
        )
        for ber, gain in gains
    ]
    how = {gain.how for _, gain in gains}
    return [
        f"The lab's answers to the file's very words less the file's own: {', '.join(told)} "
        f"({' and '.join(how)}; "
        f"seed 0; the intervals hold for these {len(rates)} differences together)."
    ]


def law_gain(found: pd.DataFrame, ber: float, comparisons: int) -> paired.Difference:
    """The second line of the law's table less its first at a rate."""
    at = found[found["ber"] == ber]
    ours, theirs = (at[at["encoding"] == name] for name in ("int8-symmetric-tensor", "as stored"))
    return paired.difference(ours, theirs, comparisons)


def hashes(name: str) -> list[str]:
    """One line per subject: images, maps, seed, and the hashes of file, images and code."""
    found, lines = rows(name), [_head(["subject", "images", "maps", "seed", "weights", "images", "code"])]
    for (subject, encoding), part in _ordered(found):
        maps, first = part.loc[part["ber"] > 0, "map"].nunique(), part.iloc[0]
        lines.append(_line([
            f"`{subject}`, {encoding}", f"{first['n']:,}", str(maps) if maps else "none", str(first["seed"]),
            *(f"`{first[name]}`" for name in ("weights", "images", "code")),
        ]))  # fmt: skip
    return lines


def _ordered(found: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """The subjects, each in its encoding, in the order of HOW."""
    groups = [((str(a), str(b)), part) for (a, b), part in found.groupby(["checkpoint", "encoding"])]
    return sorted(groups, key=lambda group: list(HOW).index(group[0][1]))


def _share(row: pd.Series, low: str, high: str) -> str:
    return f"{100 * row['mean']:.1f} % ({100 * row[low]:.1f} to {100 * row[high]:.1f})"


def _head(names: list[str]) -> str:
    return f"{_line(names)}\n{'|---' * len(names)}|"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


TABLES = {
    "deployed attacks": attacks,
    "deployed attacks hashes": lambda: hashes("ic01-attacks"),
    "deployed faults": lambda: faults("ic01-faults"),
    "deployed faults hashes": lambda: hashes("ic01-faults"),
    "deployed law apart": law_apart,
    "deployed law": lambda: faults("resnet18-qdq-law"),
    "deployed law hashes": lambda: hashes("resnet18-qdq-law"),
}
