"""The documents tell what stands: their commands parse, their files exist, their numbers are measured rows.

``python -m tests.test_docs`` prints the README's tables as they follow from the rows.
"""

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from resq import checkpoints
from resq.claims.cells import both as both_noises
from resq.cli import parser
from resq.core import Encoding
from resq.measure import stats, surface, table
from resq.measure.storage import storage

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


def cards() -> list[str]:
    """One line per checkpoint, also those not shipped: its accuracy on the whole test split."""
    lines = ["| checkpoint | test images | accuracy | 95 % interval |", "|---|---|---|---|"]
    absent = {name: card for name, card in checkpoints.unshipped().items() if "/asym-" not in name}
    found = absent | {name: checkpoints.card(name) for name in checkpoints.names()}
    for name, card in sorted(found.items()):
        test, said = card["test"], f"`{name}`, not shipped" if name in absent else f"`{name}`"
        span = f"{100 * test['low']:.2f} to {100 * test['high']:.2f} %"
        lines.append(f"| {said} | {test['n']:,} | {100 * test['accuracy']:.2f} % | {span} |")
    return lines


def faults(checkpoint: str) -> list[str]:
    """One line per way to store the weights: accuracy over BER, mean and interval over maps."""
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == checkpoint) & (rows["axis"] == "ber") & (rows["region"] == "all")]
    curve = stats.foremost(stats.curve(rows))
    lines = [
        f"| stored as, sampler | n | {' | '.join(f'BER {x:g}' for x in SHOWN)} |",
        "|---|" + "---|" * (len(SHOWN) + 1),
    ]
    for (encoding, fault), part in curve.groupby(["encoding", "fault"], sort=False):
        if len(part) == 1:
            continue  # measured without faults alone: see ``widths``
        if "+" in encoding:
            continue  # see ``apart``
        at = part.set_index("x")
        cells = [_cell(at.loc[x]) if x in at.index else "not measured" for x in SHOWN]
        lines.append(f"| {encoding}, {fault} | {part['n'].max():,} | {' | '.join(cells)} |")
    return lines


def others() -> list[str]:
    """One line per network of CIFAR-10 beside ResNet18 and way to store it: accuracy over BER."""
    rates, rows = [0.0, 1e-4, 1e-3, 5e-3, 1e-2, 5e-2], table.shipped()
    lines = [
        f"| network | weights | stored as | {' | '.join(f'BER {x:g}' for x in rates)} | eps 8/255 |",
        "|---|---|---|" + "---|" * (len(rates) + 1),
    ]
    for checkpoint in OTHERS:
        weights = sum(checkpoints.sizes(checkpoint)) / 1e6
        own = rows[rows["checkpoint"] == checkpoint]
        hit = own[(own["eps"] == 8) & (own["attack"] == "pgd")].set_index("encoding")
        flipped = own[(own["axis"] == "ber") & (own["fault"] == "random")]
        for encoding, part in flipped.groupby("encoding", sort=False):
            at = stats.foremost(stats.curve(part)).set_index("x")
            if not set(rates) <= set(at.index):
                continue  # measured at one rate alone, for a claim
            cells = [_cell(at.loc[x]) for x in rates]
            robust = "not measured"
            if encoding in hit.index:
                robust = f"{100 * hit.loc[encoding, 'correct'] / hit.loc[encoding, 'n']:.1f}"
            name = checkpoint.split("/")[1]
            lines.append(f"| {name} | {weights:.1f} M | {encoding} | {' | '.join([*cells, robust])} |")
    return lines


def everything() -> list[str]:
    """One line per network and encoding where everything is struck: accuracy over BER, what is kept."""
    rates, rows = [0.0, 1e-4, 1e-3, 1e-2, 5e-2, 1e-1], table.shipped()
    rows = rows[rows["region"] == "weights and floats"]
    lines = [
        f"| network | stored as | bits a weight | {' | '.join(f'BER {x:g}' for x in rates)} | kept at 0.01 |",
        "|---|---|---|" + "---|" * (len(rates) + 1),
    ]
    for (name, encoding), part in rows.groupby(["checkpoint", "encoding"]):
        at = stats.foremost(stats.curve(part)).set_index("x")
        cells = [_interval(at.loc[x]) if x in at.index else "not measured" for x in rates]
        weights = part["bits"].max() / sum(checkpoints.sizes(name))
        kept = f"{at.loc[1e-2, 'mean'] / at.loc[0.0, 'mean']:.3f}"
        line = [f"`{name.split('/')[-1]}`", f"`{encoding}`", f"{weights:.2f}", *cells, kept]
        lines.append(f"| {' | '.join(line)} |")
    return lines


def _interval(line: pd.Series) -> str:
    """Accuracy and its interval over maps and images."""
    maps, images = (line["low"], line["high"]), (line["image_low"], line["image_high"])
    low, high = both_noises(line["mean"], maps, images)
    return f"{100 * line['mean']:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def widths(checkpoint: str) -> list[str]:
    """One line per encoding measured without faults on all test images: accuracy, Wilson's interval."""
    rows = table.shipped()
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
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == checkpoint) & (rows["n"] == 500) & (rows["fault"] == "random")]
    lines = [
        f"| protected layers | of all weights | {' | '.join(f'BER {x:g}' for x in PROTECTED)} |",
        "|---|" + "---|" * (len(PROTECTED) + 1),
    ]
    for name in ("int8", *chosen, "int4-tmr2"):
        encoding = Encoding.parse(name)
        inside = range(len(sizes)) if name == "int4-tmr2" else encoding.apart
        share = 100 * sum(sizes[i] for i in inside) / sum(sizes)
        at = stats.curve(rows[(rows["encoding"] == name) & (rows["map"] < 10)]).set_index("x")
        told = f"{len(inside)} of {len(sizes)}: {str(encoding).partition('@')[2]}" if encoding.apart else None
        which = told or ("all: `int4-tmr2`" if inside else "none: `int8`")
        lines.append(f"| {which} | {share:.1f} % | {' | '.join(_cell(at.loc[x]) for x in PROTECTED)} |")
    return lines


COPIED = (0.0, 1e-4, 1e-3, 3e-3, 1e-2)


def copied(family: str) -> list[str]:
    """One line per network and set of layers stored several times, where a layer is picked first."""
    files = [f"{family.replace('/', '-')}-{name}.parquet" for name in ("copies", "hardened-copies")]
    rows = pd.concat([table.read(table.SHIPPED / file) for file in files], ignore_index=True)
    lines = [
        f"| network, stored as | bits | {' | '.join(f'BER {x:g}' for x in COPIED)} |",
        "|---|" + "---|" * (len(COPIED) + 1),
    ]
    for (checkpoint, encoding), part in rows.groupby(["checkpoint", "encoding"], sort=False):
        bits = Encoding.parse(encoding).memory(checkpoints.sizes(checkpoint))
        at = stats.curve(part).set_index("x")
        cells = " | ".join(_cell(at.loc[x]) for x in COPIED)
        lines.append(f"| `{checkpoint.split('/')[-1]}`, {encoding} | {bits:.2f} | {cells} |")
    return lines


SURFACE = (0.0, 1e-3, 5e-3, 1e-2, 2e-2)


def both(checkpoint: str) -> list[str]:
    """One line per BER of SURFACE and mode: accuracy over eps, mean and interval over maps."""
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == checkpoint) & rows["ber"].isin(SURFACE)]
    grid = surface.grid(rows[rows["mode"] != "none"])
    budgets = sorted(set(grid["eps"]))
    lines = [
        f"| attack, BER | {' | '.join(f'eps {e:g}/255' for e in budgets)} |",
        "|---|" + "---|" * len(budgets),
    ]
    for (mode, ber), part in grid.groupby(["mode", "ber"], sort=False):
        at = part.assign(flips=part["ber"]).set_index("eps")
        lines.append(f"| {mode}, BER {ber:g} | {' | '.join(_cell(at.loc[e]) for e in budgets)} |")
    return lines


UNDER = "| bits | clean | BER 0.01 | BER 0.05 | BER 0.1 | PGD-20, eps 8/255 |"
BAR = "|---|---|---|---|---|---|---|---|"
# What one measure alone gives: (words for people, file, variant, fault model, stored bits a weight).
ALONE = [
    ("clip", "baselines", "clip", "random", 8),
    ("clamp", "baselines", "clamp", "random", 8),
    ("SEC-DED", "memories", "base", "sec-ded", 9),
    ("threefold", "memories", "base", "threefold", 24),
]


def ablation(network: str) -> list[str]:
    """One line per set of stages and per other measure: accuracy under faults and under attack."""
    lines = [f"| stages | checkpoint {UNDER}", BAR]
    for variant, stages in STAGES.items():
        file = "ablation-words" if variant in WORDS else "ablation"
        lines.append(_measure(network, stages, file, variant, "random", 8))
    return lines + [_measure(network, *alone) for alone in ALONE]


def coded(network: str) -> list[str]:
    """The ablation of a network whose third stage is an encoding: one line per set of stages."""
    lines = [f"| stages | weights, words {UNDER}", BAR]
    for stages, variant, words in CODED:
        file = "ablation-attack" if variant == "attack" else "ablation"
        lines.append(_measure(network, stages, file, variant, "random", 8, words))
    return lines


def kept(network: str, chance: float) -> list[str]:
    """One line per hardened variant: accuracy over BER, and what of it above chance is kept."""
    folder, name = table.SHIPPED, network.replace("/", "-")
    rows = table.read(folder / f"{name}-hardened.parquet")
    uniform = table.read(folder / f"{name}-hardened-layer-uniform.parquet")
    lines = [
        "| hardened | clean | BER 0.01 | BER 0.05 | BER 0.1 | kept above chance | layer-uniform, BER 0.001 |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant in ("fault", "plus"):
        own, other = (r[r["checkpoint"] == f"{network}/{variant}"] for r in (rows, uniform))
        at = stats.curve(own).set_index("x")
        shares = [(at.loc[x, "mean"] - chance) / (at.loc[0.0, "mean"] - chance) for x in (1e-2, 5e-2, 1e-1)]
        cells = [_cell(at.loc[x]) for x in (0.0, 1e-2, 5e-2, 1e-1)]
        cells += [", ".join(f"{s:.3f}" for s in shares), _cell(stats.curve(other).set_index("x").loc[1e-3])]
        lines.append(f"| `{variant}`, {own['encoding'].iloc[0]} | {' | '.join(cells)} |")
    return lines


def believed(file: str) -> str:
    """What the guards against weak attacks say of a hardened network: those that are not green in full."""
    found = json.loads((table.SHIPPED / file).read_text(encoding="utf-8"))
    odd = [guard for guard in found["guards"] if guard["verdict"] != "green"]
    told = "; ".join(f"{g['verdict']}, {g['says']}" for g in odd)
    number = len(found["guards"])
    return f"first {found['n']} test images, {number - len(odd)} of {number} green; {told}"


def _measure(
    network: str, said: str, file: str, variant: str, fault: str, stored: int, encoding: str = ""
) -> str:
    rows = table.read(table.SHIPPED / f"{network.replace('/', '-')}-{file}.parquet")
    own = rows[rows["checkpoint"] == f"{network}/{variant}"]
    own = own[own["encoding"] == encoding] if encoding else own
    under = stats.curve(own[own["fault"] == fault]).set_index("x")
    hit = stats.curve(own, "eps").set_index("x")
    attacked = "as `base`"
    if len(hit):
        at = 100 * hit.loc[8.0, ["mean", "image_low", "image_high"]].astype(float)
        attacked = f"{at['mean']:.1f} ({at['image_low']:.1f} to {at['image_high']:.1f})"
    cells = [_cell(under.loc[x]) for x in (0.0, 1e-2, 5e-2, 1e-1)]
    of = f"`{variant}`, {encoding}" if encoding else f"`{variant}`"
    return f"| {said} | {of} | {stored} | {' | '.join(cells)} | {attacked} |"


def asymmetry() -> list[str]:
    """One line per effect of the study: its mean and interval over seeds."""
    found = json.loads((table.SHIPPED / "signs-resnet20-asymmetry.json").read_text())
    lines = ["| effect | mean | 95 % over seeds |", "|---|---|---|"]
    effects = {name: row for name, row in found["effects"].items() if name != "seeds"}
    for name, row in effects.items():
        lines.append(f"| {name} | {row['mean']:+.3f} | {row['low']:+.3f} to {row['high']:+.3f} |")
    return [*lines, "", f"{found['study']['seeds']} seeds: {found['verdict']} ({found['meaning']})."]


def _cell(point) -> str:
    half = 100 * (point["high"] - point["low"]) / 2
    return f"{100 * point['mean']:.1f}" + (f" ± {half:.1f}" if point["flips"] else "")


def named_commands() -> list[str]:
    return sorted(set(re.findall(r"`python -m resq ([^`]+)`", README)))


@pytest.mark.parametrize("command", named_commands())
def test_every_command_of_the_readme_is_one_that_the_program_takes(command):
    parser().parse_args(shlex.split(re.sub(r"\[|\]", "", command)))


def test_the_readme_names_every_command():
    told = {command.split()[0] for command in named_commands()}
    assert told == set(parser()._subparsers._group_actions[0].choices)


def test_every_file_of_the_architecture_exists():
    tree = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[3]
    names = set(re.findall(r"[\w.]+\.(?:py|toml)\b", tree))
    there = {path.name for path in ROOT.rglob("*") if ".venv" not in path.parts}
    assert names
    assert names <= there


def test_every_link_and_picture_of_the_readme_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_accuracies_in_the_readme_are_those_of_the_cards():
    assert "\n".join(cards()) in README


def test_what_the_guards_say_in_the_readme_follows_from_the_shipped_file():
    assert believed("cifar10-resnet18-plus-guards.json") in " ".join(README.split())


@pytest.mark.parametrize("checkpoint", TABLED)
def test_the_fault_tables_in_the_readme_follow_from_the_shipped_rows(checkpoint):
    assert "\n".join(faults(checkpoint)) in README


def test_the_table_of_the_other_networks_in_the_readme_follows_from_the_shipped_rows():
    assert "\n".join(others()) in README


def test_the_protected_layers_in_the_readme_follow_from_the_shipped_rows():
    assert "\n".join(apart("cifar10/resnet18/base")) in README


def test_the_copied_layers_in_the_readme_follow_from_the_shipped_rows():
    assert "\n".join(copied("cifar10/resnet18")) in README


def test_the_table_of_everything_struck_follows_from_the_shipped_rows():
    assert "\n".join(everything()) in (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")


def test_what_is_stored_beside_the_words_costs_what_the_document_says():
    said = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")
    of = checkpoints.load("cifar10/resnet18/base")
    for form, row in (("", "stored once"), ("9", "stored nine times"), ("15", "stored fifteen times")):
        names = [f"int4-tmr2+floats{form}" if form else "int4-tmr2", f"int4-tmr2+folded{form}"]
        single, folded = (line["beside"] for line in storage(of, names))
        assert f"{row} | {single:.3f} | {folded:.3f} |" in said.replace("bits a weight, ", "")


def test_the_widths_in_the_readme_follow_from_the_shipped_rows():
    assert "\n".join(widths("cifar10/resnet18/base")) in README


def test_the_surface_in_the_readme_follows_from_the_shipped_rows():
    assert "\n".join(both("signs/resnet20/base")) in README


def test_the_asymmetry_in_the_readme_follows_from_the_shipped_study():
    assert "\n".join(asymmetry()) in README


def test_the_ablation_in_the_readme_follows_from_the_shipped_rows():
    assert "\n".join(ablation("signs/resnet20")) in README


def test_the_ablation_of_resnet18_in_the_readme_follows_from_the_shipped_rows():
    assert "\n".join(coded("cifar10/resnet18")) in README
    assert "\n".join(kept("cifar10/resnet18", 0.1)) in README


def test_the_ablation_of_resnet18_on_gtsrb_in_the_readme_follows_from_the_shipped_rows():
    assert "\n".join(coded("gtsrb/resnet18")) in README


if __name__ == "__main__":
    print("\n".join([*cards(), "", *asymmetry()]))  # noqa: T201
    print("\n" + "\n".join(ablation("signs/resnet20")))  # noqa: T201
    for network in ("cifar10/resnet18", "gtsrb/resnet18"):
        print("\n" + "\n".join(coded(network)))  # noqa: T201
    print("\n" + "\n".join(kept("cifar10/resnet18", 0.1)))  # noqa: T201
    print("\n" + "\n".join(widths("cifar10/resnet18/base")))  # noqa: T201
    print("\n" + "\n".join(both("signs/resnet20/base")))  # noqa: T201
    print("\n" + "\n".join(apart("cifar10/resnet18/base")))  # noqa: T201
    print("\n" + "\n".join(copied("cifar10/resnet18")))  # noqa: T201
    print("\n" + "\n".join(others()))  # noqa: T201
    print("\n" + "\n".join(everything()))  # noqa: T201
    for name in TABLED:
        print(f"\n{name}\n\n" + "\n".join(faults(name)))  # noqa: T201
