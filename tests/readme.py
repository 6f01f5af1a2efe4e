"""The documents' tables and marked figures, as they follow from the shipped rows: ``python -m tests.readme``
writes README.md and those under docs/ that have any.

A table stands between ``<!-- table NAME -->`` and ``<!-- /table -->``; a figure in a sentence after its
place, ``<!--{acc ...}-->37.1 % (34.2 to 40.1)<!--/-->`` (``dashboard.model.storage.places``). Neither shows
on the page.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dashboard.format import claim_labels, numbers
from dashboard.model.storage import places
from resq import checkpoints, cli
from resq.claims import registry, verdict
from resq.core import Encoding, paths
from resq.measure.analysis import joint_grid, paired, stats
from resq.measure.run import gradient_masking
from resq.measure.store import carry, table
from resq.training import hardening_list, recipe
from tests.tables import (
    asymmetry_tables,
    conditions,
    cost_tables,
    defence_tables,
    deployed_tables,
    lesson_tables,
    masked_table,
    mild_table,
    rank_tables,
    shield_findings,
    shield_tables,
    tenths_table,
    training_tables,
    whole_table,
)

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLE = re.compile(r"(<!-- table ([^>]+?) -->\n\n).*?\n*(<!-- /table -->)", re.DOTALL)
PLACE = re.compile(r"<!--(\{[^{}]+\})-->(.*?)<!--/-->", re.DOTALL)
DIFFERENCES = re.compile(r"(<!--=differences-->).*?(<!--/-->)", re.DOTALL)  # how many all documents have
OTHERS = [f"cifar10/{name}/base" for name in ("vgg16", "efficientnet_b0", "swin_t")]  # beside ResNet18
TABLED = sorted(
    name for name in set(table.shipped()["checkpoint"]) if name.endswith("/base") and name not in OTHERS
)
# Which stages made the networks of an ablation.
STAGES = {
    "base": "none", "attack": "1", "fault": "2", "words": "3",
    "attack-fault": "1 + 2", "attack-words": "1 + 3", "fault-words": "2 + 3", "plus": "1 + 2 + 3",
}  # fmt: skip
WORDS = ("words", "attack-words", "fault-words", "plus")
# The same of ResNet18, where stage 3 is the encoding alone: (stages, variant, encoding).
CODED = [
    ("none", "base", "int8"), ("1", "attack", "int8"), ("2", "fault", "int8"), ("3", "base", "int4-tmr2"),
    ("1 + 2", "plus", "int8"), ("1 + 3", "attack", "int4-tmr2"), ("2 + 3", "fault", "int4-tmr2"),
    ("1 + 2 + 3", "plus", "int4-tmr2"),
]  # fmt: skip
SHOWN = [0.0, 1e-4, 1e-3, 1e-2, 5e-2]


def shipped() -> pd.DataFrame:
    """The rows in which the words of weights alone are struck; the others have a table of their own."""
    rows = table.shipped()
    return rows[rows["targets"] == "weights"]


def cards() -> list[str]:
    """One line per checkpoint, also those not shipped: its accuracy on the whole test split, its words."""
    lines = ["| checkpoint | stored as | test images | accuracy | 95 % interval |", "|---|---|---|---|---|"]
    absent = {name: card for name, card in checkpoints.unshipped().items() if "/asym-" not in name}
    found = absent | {name: checkpoints.card(name) for name in checkpoints.names()}
    for name, card in sorted(found.items()):
        test, said = card["test"], f"`{name}`, not shipped" if name in absent else f"`{name}`"
        span = f"{100 * test['low']:.2f} to {100 * test['high']:.2f} %"
        lines.append(
            f"| {said} | `{test['encoding']}` | {test['n']:,} | {100 * test['accuracy']:.2f} % | {span} |"
        )
    return lines


def designed() -> set[str]:
    """Networks that follow a design written before their run, with no choice by test images."""
    lists = _written("hardened", "written before the first of its runs")
    hardened = {plan.result for file in lists for plan in hardening_list.read(file)}
    for file in _written("hardened", "`attack` and `plus` were written down before their"):
        variants = ("/attack", "/plus")  # of this list alone, whose `fault` is older
        hardened |= {p.result for p in hardening_list.read(file) if p.result.endswith(variants)}
    trained = {
        recipe.read(file).name for file in _written("recipes", "Written down before its run, run once")
    }
    return hardened | trained | {name for name in checkpoints.names() if "/asym-" in name}


def _written(folder: str, words: str) -> list[Path]:
    """The specs of a folder that say so of themselves."""
    files = (paths.ASSETS / "specs" / folder).glob("*.toml")
    return [file for file in files if words in file.read_text("utf-8")]


SELECTED = re.compile(r"versions of \w+ were compared by test accuracy \(a bias of at most ([\d.]+) points\)")


def selected() -> list[str]:
    """Which networks were chosen among by test accuracy, and the bias that their cards estimate."""
    cards = checkpoints.unshipped() | {name: checkpoints.card(name) for name in checkpoints.names()}
    found = {name: SELECTED.search(str(card.get("selected"))) for name, card in sorted(cards.items())}
    chosen = {name: match[1] for name, match in found.items() if match}
    named = ", ".join(f"`{name}`" for name in chosen)
    others = ", ".join(f"`{name}`" for name in cards if name not in chosen)
    return [
        "**Chosen on test images.** Within a training run nothing was, but versions of recipes and plans "
        "were compared by test accuracy, so accuracies here may be too high, by at most "
        f"{', '.join(sorted(set(chosen.values())))} points as the cards estimate, "
        "which do not say of how many versions. This holds for "
        f"{len(chosen)} of {len(cards)} networks: {named}. The others follow designs from before their runs, "
        "each run once (`cifar10/swin_t/attack` is of the fourth: three were lost, as held-out images told): "
        f"{others}."
    ]


def faults(checkpoint: str) -> list[str]:
    """One line per way to store the weights: accuracy over BER, mean and interval over maps."""
    rows = shipped()
    curve = stats.longest_series(
        stats.curve(rows[(rows["checkpoint"] == checkpoint) & (rows["axis"] == "ber")])
    )
    lines = [
        f"| stored as, sampler | images, maps | {' | '.join(f'BER {x:g}' for x in SHOWN)} |",
        "|---|" + "---|" * (len(SHOWN) + 1),
    ]
    shown = []
    for (encoding, fault), part in curve.groupby(["encoding", "fault"], sort=False):
        if len(part[part["x"] > 0]) == 0:
            continue  # measured without faults alone: see ``widths``
        if "+" in encoding:
            continue  # see ``apart``
        at = part.set_index("x")
        cells = [_cell(at.loc[x]) if x in at.index else "not measured" for x in SHOWN]
        shown.append(at[at.index.isin(SHOWN)])
        lines.append(f"| {encoding}, {fault} | {_counts(shown[-1])} | {' | '.join(cells)} |")
    return [*conditions.sentence(shown), *lines]


def others() -> list[str]:
    """One line per network of CIFAR-10 beside ResNet18 and way to store it: accuracy over BER."""
    rates, rows = [0.0, 1e-4, 1e-3, 5e-3, 1e-2, 5e-2], shipped()
    lines = [
        f"| network | weights | stored as | {' | '.join(f'BER {x:g}' for x in rates)} | eps 8/255 |",
        "|---|---|---|" + "---|" * (len(rates) + 1),
    ]
    shown = []
    for checkpoint in OTHERS:
        weights = sum(checkpoints.sizes(checkpoint)) / 1e6
        own = rows[rows["checkpoint"] == checkpoint]
        flipped = own[(own["axis"] == "ber") & (own["fault"] == "random")]
        for encoding, part in flipped.groupby("encoding", sort=False):
            at = stats.longest_series(stats.curve(part)).set_index("x")
            if not set(rates) <= set(at.index):
                continue  # measured at one rate alone, for a claim
            cells = [_cell(at.loc[x]) for x in rates]
            shown += [at.loc[rates], robust_cell(rows, checkpoint, encoding)]
            name = checkpoint.split("/")[1]
            cells.append(robust(rows, checkpoint, encoding))
            lines.append(f"| {name} | {weights:.1f} M | {encoding} | {' | '.join(cells)} |")
    return [*conditions.sentence(shown), *lines]


EVERYTHING = "cifar10-resnet18-everything.parquet"


def everything() -> list[str]:
    """One line per network and encoding where everything is struck: accuracy over BER, what is kept."""
    rates, rows = [0.0, 1e-4, 1e-3, 1e-2, 5e-2, 1e-1], table.read(table.SHIPPED / EVERYTHING)
    rows = rows[rows["region"] == "weights and floats"]
    lines = [
        f"| network | stored as | bits a weight | {' | '.join(f'BER {x:g}' for x in rates)} | kept at 0.01 |",
        "|---|---|---|" + "---|" * (len(rates) + 1),
    ]
    shown = []
    for (name, encoding), part in rows.groupby(["checkpoint", "encoding"]):
        part = carry.current(part)
        at = stats.longest_series(stats.curve(part)).set_index("x")
        shown.append(at[at.index.isin(rates)])
        cells = [_interval(at.loc[x]) if x in at.index else "not measured" for x in rates]
        weights = part["bits"].max() / sum(checkpoints.sizes(name))
        kept = _retained(part, 1e-2) if {0.0, 1e-2} <= set(at.index) else "not measured"
        line = [f"`{name.split('/')[-1]}`", f"`{encoding}`", f"{weights:.2f}", *cells, kept]
        lines.append(f"| {' | '.join(line)} |")
    return [*conditions.sentence(shown), *lines]


DEFENCES = "signs-resnet20-guards.parquet"


def defences(fault: str) -> list[str]:
    """One line per way to store ResNet-20 on the signs under a sampler: bits a weight, accuracy over BER."""
    rates, rows = [0.0, 1e-3, 1e-2, 5e-2], table.read(table.SHIPPED / DEFENCES)
    sizes = checkpoints.sizes("signs/resnet20/base")
    lines = [
        f"| stored as | bits a weight | {' | '.join(f'BER {x:g}' for x in rates)} |",
        "|---|---|" + "---|" * len(rates),
    ]
    curve = stats.longest_series(stats.curve(carry.current(rows[rows["fault"].isin(["none", fault])])))
    bits = {name: Encoding.parse(name).memory(sizes) for name in curve["encoding"].unique()}
    for name in sorted(bits, key=lambda name: (bits[name], name)):
        at = curve[curve["encoding"] == name].set_index("x")
        cells = [_interval(at.loc[x]) if x in at.index else "not measured" for x in rates]
        lines.append(f"| `{name}` | {bits[name]:.2f} | {' | '.join(cells)} |")
    return [*conditions.sentence([curve[curve["x"].isin(rates)]]), *lines]


def _retained(part: pd.DataFrame, ber: float) -> str:
    """The share of the accuracy without faults that is left at a rate, on the same images, paired."""
    struck, clean = part[part["ber"] == ber], part[part["ber"] == 0].head(1)
    share, low, high = paired.retained(struck, clean)
    if not share:  # nothing is right on any map: the differences have no spread, the accuracy has an interval
        high = stats.curve(struck).iloc[0]["high"] * clean.iloc[0]["n"] / clean.iloc[0]["correct"]
    return f"{share:.3f} ({low:.3f} to {high:.3f})"


MIXED = ("int4-tmr2+int4-tmr2-x5@0", "int4-tmr2+int4-tmr2-x9@0.19")
ALIKE = ("int4-tmr2", "int4-tmr2-x3")
STRUCK = (("random", 5e-2), ("layer-uniform", 1e-2))


def mixtures() -> list[str]:
    """One line per mixture and sampler at a rate: paired differences from all layers stored alike."""
    lines = [
        f"| mixture | sampler, BER | {' | '.join(f'less `{name}`, points' for name in ALIKE)} |",
        "|---|---|---|---|",
    ]
    for name in MIXED:
        for fault, ber in STRUCK:
            cells = [_points(mixture_gain(name, other, fault, ber)) for other in ALIKE]
            lines.append(f"| `{name}` | `{fault}`, {ber:g} | {' | '.join(cells)} |")
    return [*conditions.sentence([_mixture_cells()]), *lines]


def mixture_gain(name: str, other: str, fault: str, ber: float) -> paired.Difference:
    """How much more accurate one way to store ResNet-20 on the signs is, its interval one of the table's."""
    rows = carry.current(table.read(table.SHIPPED / DEFENCES))
    rows = rows[(rows["fault"] == fault) & (rows["ber"] == ber)]
    cells = (rows[rows["encoding"] == encoding] for encoding in (name, other))
    return paired.difference(*cells, len(MIXED) * len(ALIKE) * len(STRUCK))


def _mixture_cells() -> pd.DataFrame:
    curve = stats.curve(carry.current(table.read(table.SHIPPED / DEFENCES)))
    at = [(curve["fault"] == fault) & (curve["x"] == ber) for fault, ber in STRUCK]
    return curve[(at[0] | at[1]) & curve["encoding"].isin([*MIXED, *ALIKE])]


def _points(gain: paired.Difference) -> str:
    return f"{100 * gain.mean:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})".replace("-", "−")


def _interval(line: pd.Series) -> str:
    """Accuracy and its interval over maps and images."""
    return f"{100 * line['mean']:.1f} ({100 * line['low']:.1f} to {100 * line['high']:.1f})"


def widths(checkpoint: str) -> list[str]:
    """One line per encoding measured without faults on all test images: accuracy, Wilson's interval."""
    rows = shipped()
    rows = rows[(rows["checkpoint"] == checkpoint) & (rows["ber"] == 0) & (rows["n"] == 10_000)]
    lines = ["| words | test images | accuracy | 95 % interval |", "|---|---|---|---|"]
    for encoding, row in rows.groupby("encoding").first().iterrows():
        low, high = stats.wilson(row["correct"] / row["n"], int(row["n"]))
        span = f"{100 * low:.2f} to {100 * high:.2f} %"
        lines.append(f"| {encoding} | {row['n']:,} | {100 * row['correct'] / row['n']:.2f} % | {span} |")
    return lines


PROTECTED = (0.0, 1e-3, 1e-2, 2e-2, 5e-2, 1e-1)


def apart(checkpoint: str) -> list[str]:
    """One line per set of layers in protected words: accuracy over BER on the same images and maps."""
    weights = checkpoints.load(checkpoint)
    sizes = [weights.state[name].size for name in weights.weights]
    file = table.read(table.SHIPPED / f"{'-'.join(checkpoint.split('/')[:2])}-apart.parquet")
    chosen = sorted(set(file["encoding"]), key=len)
    rows = shipped()
    rows = rows[(rows["checkpoint"] == checkpoint) & (rows["n"] == 500) & (rows["fault"] == "random")]
    rows = rows[rows["top"].isin([0.0, PROTECTED[-1]])]
    lines = [
        f"| protected layers | of all weights | {' | '.join(f'BER {x:g}' for x in PROTECTED)} |",
        "|---|" + "---|" * (len(PROTECTED) + 1),
    ]
    shown = []
    for name in ("int8", *chosen, "int4-tmr2"):
        encoding = Encoding.parse(name)
        inside = range(len(sizes)) if name == "int4-tmr2" else encoding.apart
        share = 100 * sum(sizes[i] for i in inside) / sum(sizes)
        at = stats.curve(rows[(rows["encoding"] == name) & (rows["map"] < 10)]).set_index("x")
        shown.append(at.loc[list(PROTECTED)])
        told = f"{len(inside)} of {len(sizes)}: {str(encoding).partition('@')[2]}" if encoding.apart else None
        which = told or ("all: `int4-tmr2`" if inside else "none: `int8`")
        lines.append(f"| {which} | {share:.1f} % | {' | '.join(_cell(at.loc[x]) for x in PROTECTED)} |")
    return [*conditions.sentence(shown), *lines]


COPIED = (0.0, 1e-4, 1e-3, 3e-3, 1e-2)


def copied(family: str) -> list[str]:
    """One line per network and set of layers stored several times, where a layer is picked first."""
    files = [f"{family.replace('/', '-')}-{name}.parquet" for name in ("copies", "hardened-copies")]
    rows = pd.concat([table.read(table.SHIPPED / file) for file in files], ignore_index=True)
    now = carry.current(rows)
    lines = [
        f"| network, stored as | bits | {' | '.join(f'BER {x:g}' for x in COPIED)} |",
        "|---|" + "---|" * (len(COPIED) + 1),
    ]
    shown = []
    for (checkpoint, encoding), _ in rows.groupby(["checkpoint", "encoding"], sort=False):
        bits = Encoding.parse(encoding).memory(checkpoints.sizes(checkpoint))
        part = now[(now["checkpoint"] == checkpoint) & (now["encoding"] == encoding)]
        at = stats.curve(part).set_index("x")
        cells = " | ".join(_cell_at(at, x) for x in COPIED)
        shown.append(at[at.index.isin(COPIED)])
        lines.append(f"| `{checkpoint.split('/')[-1]}`, {encoding} | {bits:.2f} | {cells} |")
    return [*conditions.sentence(shown), *lines]


SURFACE = (0.0, 1e-3, 5e-3, 1e-2, 2e-2)


def both(checkpoint: str) -> list[str]:
    """One line per BER of SURFACE and mode: accuracy over eps, mean and interval over maps."""
    rows = shipped()
    rows = rows[(rows["checkpoint"] == checkpoint) & rows["ber"].isin(SURFACE)]
    grid = joint_grid.grid(rows[rows["mode"] != "none"])
    budgets = sorted(set(grid["eps"]))
    lines = [
        f"| attack, BER | {' | '.join(f'eps {e:g}/255' for e in budgets)} |",
        "|---|" + "---|" * len(budgets),
    ]
    for (mode, ber), part in grid.groupby(["mode", "ber"], sort=False):
        at = part.assign(flips=part["ber"]).set_index("eps")
        lines.append(f"| {mode}, BER {ber:g} | {' | '.join(_cell(at.loc[e]) for e in budgets)} |")
    return [*conditions.sentence([grid]), *lines]


UNDER = "| bits | images, maps | clean | BER 0.01 | BER 0.05 | BER 0.1 | attack, eps 8/255 |"
BAR = "|---|---|---|---|---|---|---|---|---|"
# What one measure alone gives: (words for people, file, variant, fault model, stored bits a weight).
ALONE = [
    ("clip", "baselines", "clip", "random", 8),
    ("clamp", "baselines", "clamp", "random", 8),
    ("SEC-DED", "memories", "base", "sec-ded", 9),
    ("threefold", "memories", "base", "threefold", 24),
]


def ablation(network: str) -> list[str]:
    """One line per set of stages and per other measure: accuracy under faults and under attack."""
    parts = [
        (stages, "ablation-words" if variant in WORDS else "ablation", variant, "random", 8)
        for variant, stages in STAGES.items()
    ]
    lines = [_measure(network, *p) for p in [*parts, *ALONE]]
    return _table([f"| stages | weights, words {UNDER}", BAR], lines)


def coded(network: str) -> list[str]:
    """The ablation of a network whose third stage is an encoding: one line per set of stages."""
    parts = [(stages, "ablation", variant, "random", 8, words) for stages, variant, words in CODED]
    return _table([f"| stages | weights, words {UNDER}", BAR], [_measure(network, *p) for p in parts])


def _table(head: list[str], measured: list[tuple[str, list[pd.DataFrame]]]) -> list[str]:
    """A table of these lines, after what all their cells were measured with."""
    shown = [cells for _, each in measured for cells in each]
    return [*conditions.sentence(shown), *head, *(line for line, _ in measured)]


def kept(network: str, rng: float) -> list[str]:
    """One line per hardened variant: what of its accuracy above chance is kept, on common images."""
    rows = shipped()
    lines = [
        "| hardened | images, maps | kept at BER 0.01 | at BER 0.05 | at BER 0.1 | layer-uniform, BER "
        "0.001 |",
        "|---|---|---|---|---|---|",
    ]
    shown = []
    for variant in ("fault", "plus"):
        own = rows[(rows["checkpoint"] == f"{network}/{variant}") & (rows["encoding"] == "int4-tmr2")]
        own = own[(own["axis"] == "ber") & (own["region"] == "all")]
        under = own[own["fault"] == "random"]
        if not len(under[under["ber"] == 1e-1]):
            lines.append(f"| `{variant}`, int4-tmr2 | not measured | | | | |")
            continue
        n = int(under.loc[under["ber"] == 1e-1, "n"].max())
        part = under[under["n"] == n]
        cells = [_share(part, x, rng) for x in (1e-2, 5e-2, 1e-1)]
        uniform = stats.longest_series(stats.curve(own[own["fault"] == "layer-uniform"])).set_index("x")
        maps = part[part["ber"] > 0]["map"].nunique()
        cells.append(_cell_at(uniform, 1e-3))
        curve = stats.curve(part)
        shown += [curve[curve["x"].isin([0.0, 1e-2, 5e-2, 1e-1])], uniform[uniform.index == 1e-3]]
        lines.append(f"| `{variant}`, int4-tmr2 | {n:,}, {maps} | {' | '.join(cells)} |")
    return [*conditions.sentence(shown), *lines]


def _share(part: pd.DataFrame, ber: float, rng: float) -> str:
    """What is kept above chance, from the difference to the same images without faults."""
    lost = paired.difference(part[part["ber"] == 0].head(1), part[part["ber"] == ber])
    clean = part[part["ber"] == 0].iloc[0]
    above = clean["correct"] / clean["n"] - rng
    return f"{1 - lost.mean / above:.3f} ({1 - lost.high / above:.3f} to {1 - lost.low / above:.3f})"


def believed() -> list[str]:
    """What the guards against weak attacks say of a hardened network: those that are not green in full."""
    found = json.loads((table.SHIPPED / "cifar10-resnet18-plus-guards.json").read_text(encoding="utf-8"))
    command = f"`python -m resq guards {found['checkpoint']} --encoding {found['encoding']}`"
    if found["n"] < gradient_masking.ENOUGH:
        return [
            f"How far an accuracy under attack can be believed, guards say ({command}). Of `plus` they were "
            f"looked at on {found['n']} images, too few to judge: a guard takes {gradient_masking.ENOUGH}."
        ]
    judged = [guard for guard in found["guards"] if guard["verdict"] != "dropped"]
    odd = [f"{g['verdict']}, {g['says']}" for g in found["guards"] if g["verdict"] != "green"]
    green = sum(guard["verdict"] == "green" for guard in judged)
    half = 100 * (stats.wilson(0.5, found["n"])[1] - 0.5)
    return [
        f"How far an accuracy under attack can be believed, guards say ({command}). Of `plus`, first "
        f"{found['n']} test images at {found['eps']:g}/255, no bit flipped, one start, seed {found['seed']}: "
        f"{green} of {len(judged)} judged are green; {'; '.join(odd)}. Each share is of the same "
        f"{found['n']} images: its 95 % interval over images reaches at most {half:.1f} points to either "
        "side; a "
        "guard compares the shares themselves with its limits, not their intervals."
    ]


def _measure(
    network: str, said: str, file: str, variant: str, fault: str, stored: int, encoding: str = ""
) -> tuple[str, list[pd.DataFrame]]:
    """A line of a table, and the cells that it shows."""
    words = encoding or _words(network, file, variant)
    rows = shipped()
    own = rows[(rows["checkpoint"] == f"{network}/{variant}") & (rows["encoding"] == words)]
    under = own[(own["axis"] == "ber") & (own["region"] == "all")]
    lines = stats.longest_series(stats.curve(under[under["fault"].isin([fault, "none"])])).set_index("x")
    rates = (0.0, 1e-2, 5e-2, 1e-1)
    shown, cells = [lines[lines.index.isin(rates)]], [_cell_at(lines, x) for x in rates]
    attacked, of = "as `base`", f"`{variant}`, {words}"
    if fault == "random":
        attacked = robust(rows, f"{network}/{variant}", words)
        shown.append(robust_cell(rows, f"{network}/{variant}", words))
    line = f"| {said} | {of} | {stored} | {_counts(shown[0])} | {' | '.join(cells)} | {attacked} |"
    return line, shown


def _words(network: str, file: str, variant: str) -> str:
    """The words in which an ablation has measured a variant."""
    own = table.read(table.SHIPPED / f"{network.replace('/', '-')}-{file}.parquet")
    return str(own[own["checkpoint"] == f"{network}/{variant}"]["encoding"].iloc[0])


STRONG, ENOUGH = ("autoattack", "apgd"), 1000  # attacks whose accuracy is the figure, on so many images


def robust(rows: pd.DataFrame, checkpoint: str, encoding: str) -> str:
    """Accuracy at 8/255 under APGD or AutoAttack on at least 1,000 images; else PGD's, an upper bound."""
    cell = robust_cell(rows, checkpoint, encoding)
    if cell.empty:
        return "not measured"
    return f"{'≤ ' if cell.iloc[0]['attack'] not in STRONG else ''}{_cell(cell.iloc[0])}"


def robust_cell(rows: pd.DataFrame, checkpoint: str, encoding: str) -> pd.DataFrame:
    """The one cell that ``robust`` shows, a line of ``stats.curve``; none where nothing was measured."""
    own = rows[(rows["checkpoint"] == checkpoint) & (rows["encoding"] == encoding) & (rows["eps"] == 8)]
    lines = stats.curve(own[own["region"] == "all"], "eps")
    strong = lines[lines["attack"].isin(STRONG) & (lines["n"] >= ENOUGH)].sort_values(["n", "attack"])
    weak = lines[lines["attack"] == "pgd"].sort_values(["n", "restarts", "steps"])
    return (strong if len(strong) else weak).tail(1)


DECIDED = ("reproduced", "exceeded", "not reproduced")


def _why(v: verdict.Verdict) -> str:
    """The first clause of the reason, and figures of every study that stands beside the claim."""
    own, beside = v.why.partition(";")[0], claim_labels.beside(v) if v.beside else ""
    return f"{own}. Beside the claim: {beside}" if beside else own


def verdicts() -> list[str]:
    """One line per figure quoted for RESQ: its sentence, what decides, the verdict, and how many hold."""
    claims = {name: c for name, c in registry.load().items() if c.source.label in ("paper", "blog")}
    found = verdict.judge_all(claims.values(), table.shipped(), registry.load())
    lines = [
        "| quoted | measured here, 95 % for all its readings together | verdict | why |",
        "|---|---|---|---|",
    ]
    for v in found:
        best = v.decides if v.verdict in DECIDED else None
        measured = best.spell(v.claim) if best else "no cell decides"
        lines.append(f"| {v.claim.says} | {measured} | {v.verdict} | {_why(v)} |")
    counts = [f"{sum(v.verdict == name for v in found)} {name}" for name in (*DECIDED, "not comparable")]
    return [*lines, "", f"Of these {len(found)}: {', '.join(counts)}."]


def commands() -> list[str]:
    """One line per command, as ``--help`` describes it."""
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| `{name}` | {cli.about(name)} |" for name in cli.COMMANDS]
    return lines


def _cell_at(curve: pd.DataFrame, ber: float) -> str:
    """The accuracy at a rate of a curve that is indexed by its rates, where it was measured."""
    return _cell(curve.loc[ber]) if ber in curve.index else "not measured"


def _cell(point) -> str:
    """An accuracy in % with its 95 % interval over maps and images; never half of a clipped one."""
    return f"{100 * point['mean']:.1f} ({100 * point['low']:.1f} to {100 * point['high']:.1f})"


def _counts(lines: pd.DataFrame) -> str:
    """How many images the points of a line have, and how many maps those with flips."""
    if lines.empty:
        return "not measured"
    struck = lines.loc[lines.index > 0, "maps"]
    return f"{conditions.span(lines['n'])}, {conditions.span(struck) if len(struck) else 'none'}"


TABLES: dict[str, Callable[[], list[str]]] = {
    "cards": cards,
    "widths cifar10/resnet18/base": lambda: widths("cifar10/resnet18/base"),
    "others": others,
    "apart cifar10/resnet18/base": lambda: apart("cifar10/resnet18/base"),
    "copied cifar10/resnet18": lambda: copied("cifar10/resnet18"),
    "both signs/resnet20/base": lambda: both("signs/resnet20/base"),
    "ablation signs/resnet20": lambda: ablation("signs/resnet20"),
    "coded cifar10/resnet18": lambda: coded("cifar10/resnet18"),
    "kept cifar10/resnet18": lambda: kept("cifar10/resnet18", 0.1),
    "coded gtsrb/resnet18": lambda: coded("gtsrb/resnet18"),
    "coded cifar10/vgg16": lambda: coded("cifar10/vgg16"),
    "coded cifar10/efficientnet_b0": lambda: coded("cifar10/efficientnet_b0"),
    "coded cifar10/swin_t": lambda: coded("cifar10/swin_t"),
    "guards": believed,
    "everything": everything,
    "defences random": lambda: defences("random"),
    "defences layer-uniform": lambda: defences("layer-uniform"),
    "mixtures": mixtures,
    "selected": selected,
    "verdicts": verdicts,
    "commands": commands,
    **asymmetry_tables.TABLES,
    **cost_tables.TABLES,
    **masked_table.TABLES,
    **tenths_table.TABLES,
    **whole_table.TABLES,
    **deployed_tables.TABLES,
    **defence_tables.TABLES,
    **lesson_tables.TABLES,
    **mild_table.TABLES,
    **rank_tables.TABLES,
    **shield_findings.TABLES,
    **shield_tables.TABLES,
    **training_tables.TABLES,
    **{f"faults {name}": (lambda name=name: faults(name)) for name in TABLED},
}


def text() -> str:
    """What all documents say, one after another."""
    return "\n".join(file.read_text(encoding="utf-8") for file in FILES)


def marked() -> list[str]:
    """The places of the figures in the documents' sentences."""
    return [match[1] for match in PLACE.finditer(text())]


def differences() -> int:
    """How many differences the documents tell in sentences: their intervals hold for all of them together."""
    return len({place for place in marked() if place.startswith(("{more ", "{drop "))})


def written(document: str) -> str:
    """A document with its tables and figures as they follow from the rows.

    The intervals of differences hold for all comparisons of all documents together.
    """
    document = TABLE.sub(lambda m: m[1] + "\n".join(TABLES[m[2]]()) + f"\n\n{m[3]}", document)
    rows, compared = shipped(), differences()
    document = DIFFERENCES.sub(lambda m: f"{m[1]}{compared}{m[2]}", document)

    def figure(match: re.Match[str]) -> str:
        said = places.fill(match[1], rows, compared).text.replace(numbers.THIN, " ")
        return f"<!--{match[1]}-->{said}<!--/-->"

    return PLACE.sub(figure, document)


if __name__ == "__main__":
    for path in FILES:
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{len(FILES)} documents follow from the rows\n")
