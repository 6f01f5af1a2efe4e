"""Every figure of the documents was read once (docs/audit.md, Census); what was lacking stays mended.

A figure is generated from rows or cards, derived here, or said to be quoted, a limit or a parameter; whoever
reads it finds beside it what it rests on.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from resq import checkpoints
from resq.measure.store import table
from tests import readme
from tests.tables import defence_tables, deployed_tables, training_tables

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "ARCHITECTURE.md",
         *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md")))]  # fmt: skip
RECORDS = "docs/audit.md"  # what was said at other times
SIZES = checkpoints.sizes("cifar10/resnet18/base")
SMALL = {"three": (0, 7, 20), "eight": (0, 1, 2, 3, 4, 7, 12, 20)}  # layers that are stored nine times


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(re.sub(r"<!--.*?-->", "", text).split())


def by_hand(name: str) -> str:
    """What of a document no row fills: no tables, no marked figures, no commands."""
    said = readme.DIFFERENCES.sub("", readme.PLACE.sub("", readme.TABLE.sub("", document(name))))
    return " ".join(re.sub(r"```.*?```", "", said, flags=re.DOTALL).split())


def share(layers: tuple[int, ...]) -> float:
    """The weights of these layers of ResNet18, as a share of all, in percent."""
    return 100 * sum(SIZES[layer] for layer in layers) / sum(SIZES)


def struck_first() -> float:
    """How many % of the first layer's bits are drawn an odd number of times at 0.001, layers picked first."""
    draws = 1e-3 * sum(SIZES) / len(SIZES) / SIZES[0]  # a bit's, Poisson in the limit
    return 100 * (1 - math.exp(-2 * draws)) / 2


def words_of_all() -> float:
    """The words' share of all stored bits of ResNet18 in int8, in percent."""
    from resq.measure.engine.storage import storage

    (line,) = storage(checkpoints.load("cifar10/resnet18/base"), ["int8"])
    return 100 * line["words"] / line["all"]


def square_at_eight() -> float:
    rows = deployed_tables.rows("ic01-attacks")
    own = rows[(rows["attack"] == "square") & (rows["eps"] == 8) & rows["checkpoint"].str.contains("int8")]
    return 100 * float(own["correct"].iloc[0] / own["n"].iloc[0])


def card_of_swin() -> float:
    return 100 * float(checkpoints.unshipped()["cifar10/swin_t/fault"]["test"]["accuracy"])


# Percentages of the documents that no row fills -> what they follow from, or what they are.
HAND: dict[tuple[str, str], Callable[[], float] | str] = {
    ("README.md", "95 %"): "the level of intervals",
    ("CONTRIBUTING.md", "2 %"): "an example of a message",
    ("docs/benchmarks.md", "0.1775 %"): lambda: 100 * (0.169 - 0.082) / 49.24,
    ("docs/benchmarks.md", "1 %"): "a target",
    ("docs/benchmarks.md", "7 %"): lambda: 100 * (1 - 0.927),
    ("docs/benchmarks.md", "8 %"): lambda: 100 * (3.84 / 3.57 - 1),  # and of Replay's visit, below
    ("docs/benchmarks.md", "4 %"): lambda: 100 * (2598 / 2487 - 1),
    ("docs/deployed.md", "14.0 %"): square_at_eight,
    ("docs/deployed.md", "92 %"): "counted on a file that is not shipped",
    ("docs/glossary.md", "20 %"): "a definition",
    ("docs/memory.md", "99 %"): words_of_all,
    ("docs/places.md", "0.06 %"): "quoted with its source",
    ("docs/protect.md", "99 %"): "what is asked for",
    ("docs/results.md", "31 %"): "noted by the recipe of mean: no row was kept, and the text says so",
    ("docs/results.md", "83.70 %"): card_of_swin,
    ("docs/results.md", "62.46 %"): "quoted for RESQ",
    ("docs/results.md", "44.50 %"): "quoted for RESQ",
    ("docs/results.md", "23 %"): struck_first,
    ("docs/results.md", "0.13 %"): lambda: share(SMALL["three"]),
    ("docs/results.md", "1.1 %"): lambda: 8 * share(SMALL["three"]),
    ("docs/results.md", "1.7 %"): lambda: share(SMALL["eight"]),
    ("docs/results.md", "14 %"): lambda: 8 * share(SMALL["eight"]),
}
PERCENT = re.compile(r"(?<![\w.])\d[\d.,]* %")


def told_by_hand() -> set[tuple[str, str]]:
    found = {(name, match) for name in NAMES if name != RECORDS for match in PERCENT.findall(by_hand(name))}
    return {(name, told) for name, told in found if told != "95 %" or name == "README.md"}


def test_every_percentage_that_no_row_fills_is_derived_here_or_named_for_what_it_is():
    assert told_by_hand() == set(HAND)


@pytest.mark.parametrize("at", [at for at, how in HAND.items() if callable(how)], ids=" ".join)
def test_a_percentage_by_hand_is_what_it_follows_from(at):
    told = at[1].removesuffix(" %")
    digits = len(told.partition(".")[2])
    made = HAND[at]()
    # Of seconds that are rounded themselves the last digit is not sure.
    near = 0.51 if at[0] != "docs/benchmarks.md" or digits == 0 else 9
    assert abs(made - float(told)) <= near * 10**-digits, made


def test_no_interval_of_an_accuracy_is_typed_by_hand():
    for name in set(NAMES) - {RECORDS}:
        assert not re.findall(r"\d (?:%|points) \([−\d.]+ to [−\d.]+\)", by_hand(name)), name


def tables() -> list[tuple[str, str, str]]:
    """Tables with accuracies and intervals: document, table, what stands above it in section and document."""
    found = []
    for name in NAMES:
        said = document(name)
        for match in readme.TABLE.finditer(said):
            if name == RECORDS or not re.search(r"\d\.\d %? ?\(\d+\.\d to \d+\.\d\)", match[0]):
                continue
            above = said[: match.start()]
            section = above[above.rfind("\n## ") :] if "\n## " in above else above
            whole = "\n".join([said[: said.find("\n## ")], section, match[0].partition("\n| ")[0]])
            if name == "docs/results.md":
                whole += re.search(r"In all tables that follow.*?\n\n", said, re.DOTALL)[0] * (
                    "In all tables that follow" in above
                )
            found.append((name, match[2], plain(whole)))
    return found


FOUND = tables()


@pytest.mark.parametrize(("name", "which", "said"), FOUND, ids=[f"{n} {w}" for n, w, _ in FOUND])
def test_a_table_of_accuracies_names_images_intervals_and_what_was_random(name, which, said):
    match = next(m for m in readme.TABLE.finditer(document(name)) if m[2] == which)
    shown = match[0]
    everything = f"{said} {plain(shown)}"
    assert re.search(r"[\d,]+ (common )?(test )?images|test images x maps", everything), "images"
    assert "95 %" in everything, "level"
    assert re.search(
        r"over (the )?(fault maps|images|maps|seeds)|all its readings together|95 % \(|Bonett", everything
    )
    if re.search(r"BER 0\.\d|random, 0|kept at|asked", shown):
        assert re.search(r"sampler|`random`|layer-uniform", everything), "sampler"
        assert re.search(r"seed \d", everything), "seed"
    if re.search(r"eps \d|[48]/255", shown):
        assert re.search(r"PGD|APGD|AutoAttack|Square", everything), "attack"
        assert "upper bound" in everything, "bound"


TIME = re.compile(r"(?<![\w.])\d[\d.,]* (?:ms|s|seconds|minutes|MB|MiB)\b(?! an? half)")
MACHINE = re.compile(r"EPYC|Xeon|H100|(?:machine|processor|which of the machines)\b[^.|]{0,40} not noted")
DAY = re.compile(r"\b\d{1,2} November|2026-11-\d\d|day (?:and|was|and load)[^.]*not noted")
COMMAND = re.compile(r"`python -m|`make|make bench|make waits|--only|python -m benchmarks|`resq")


def timed() -> list[tuple[str, str, str]]:
    """Paragraphs and tables with measured times: document, the block, what stands above it in its section."""
    found = []
    for name in ("docs/benchmarks.md", "SECURITY.md", "docs/results.md", "docs/servers.md"):
        parts = re.split(r"\n(?=## )", document(name))
        for part in parts:
            if "What is promised" in part or "| limit or peer |" in part:
                continue  # limits, not measurements
            for at, block in enumerate(blocks := part.split("\n\n")):
                if TIME.search(plain(block)):
                    found.append((name, plain(block), plain("\n\n".join(blocks[: at + 1]))))
    return found


TIMED = timed()


@pytest.mark.parametrize(("name", "block", "reach"), TIMED, ids=range(len(TIMED)))
def test_a_measured_time_has_machine_day_and_command_in_reach(name, block, reach):
    assert MACHINE.search(reach), block[:200]
    assert DAY.search(reach), block[:200]
    assert COMMAND.search(reach), block[:200]


def test_there_are_times_and_tables_to_hold():
    assert len(TIMED) > 20
    assert len(FOUND) > 25


def test_two_versions_are_said_to_differ_only_where_their_quartiles_lie_apart():
    said = document("docs/benchmarks.md")
    lines = said[said.index("| wait | df7e7f3 | now |") :].split("\n\n")[0].splitlines()[2:]
    waits = []
    for line in lines:
        what, before, now = (cell.strip() for cell in line.strip("|").split("|"))
        for way, old, new in zip(
            ("cold", "warm"), *(map(_quartiles, c.split(";")) for c in (before, now)), strict=False
        ):
            waits.append((f"{what}, {way}", old, new))
    apart = [what for what, old, new in waits if old[2] < new[0] or new[2] < old[0]]
    assert len(waits) == 18
    assert apart == ["Trade-off, cold", "Replay, cold"]
    told = "In each of the 18 waits the quartiles of both versions overlap but for Trade-off's cold visit"
    assert told in plain(said)


def _quartiles(cell: str) -> tuple[float, float, float]:
    low, middle, high = (float(value) for value in cell.split(","))
    assert low <= middle <= high
    return low, middle, high


def test_the_sums_of_what_was_injected_and_mutated_are_those_that_are_told():
    security = plain(document("SECURITY.md"))
    faults = re.search(r"The faults: (.*?)\.", security)[1]
    counts = [int(n) for n in re.findall(r"\((\d+)(?: each)?\)", faults)]
    assert sum(counts) + 2 == 100  # a worker, a Dask worker and its scheduler: one each
    deployed = document("docs/deployed.md")
    rows = re.findall(r"^\| `\.\w+`.*? \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", deployed, re.MULTILINE)
    assert sum(int(value.replace(",", "")) for row in rows for value in row) == 10_000


def test_tripled_bits_are_said_to_keep_more_than_a_code_only_where_differences_or_intervals_say_so():
    said = plain(document("docs/defences.md"))
    for net in defence_tables.PHOTOGRAPHS:
        left, zeroed = (defence_tables.plane_gain(net, other) for other in defence_tables.NINE)
        assert left.low < 0 < left.high
        assert zeroed.low > 0.1
    assert "Beside SEC-DED that leaves two flips as they are no gain can be told from 0" in said
    for name in ("base", "fault", "plus"):
        kept = plane_cells(name, "random, 0.05")
        others = ("int8-secded", "int8-secded0", "int8-spw")
        assert all(kept["int4-tmr2"][0] > kept[code][1] for code in others)
    assert "keep more at 0.05 than any code of nine bits and than SPW's thirteen" in said


def plane_cells(name: str, column: str) -> dict[str, tuple[float, float]]:
    """Encoding -> interval, of a column of a plane of photographs."""
    lines = defence_tables.plane(f"cifar10/resnet18/{name}")
    head = next(line for line in lines if line.startswith("| stored as"))
    at = [cell.strip() for cell in head.strip("|").split("|")].index(column)
    found = {}
    for line in lines:
        if line.startswith("| `"):
            cells = [cell.strip(" *`") for cell in line.strip("|").split("|")]
            low, high = re.search(r"\(([\d.]+) to ([\d.]+)\)", cells[at]).groups()
            found[cells[0]] = (float(low), float(high))
    return found


def test_what_the_stages_are_said_to_give_follows_from_intervals_that_lie_apart():
    said = plain(document("docs/results.md"))
    spans = [
        re.findall(r"[\d.]+ \(([\d.]+) to ([\d.]+)\)", line) for line in readme.kept("cifar10/resnet18", 0.1)
    ]
    fault, plus = ([tuple(map(float, pair)) for pair in line[:3]] for line in spans if len(line) == 4)
    assert fault[2][1] < plus[2][0]
    assert fault[1][1] > plus[1][0]
    assert "there `fault`, trained under three flips in a hundred instead of five, keeps less" in said
    assert "at one in twenty the two shares cannot be told apart" in said
    lines = {}
    for line in readme.coded("cifar10/resnet18"):
        if line.startswith("| ") and "`" in line:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found = [re.search(r"\(([\d.]+) to ([\d.]+)\)", cell).groups() for cell in cells[5:8]]
            lines[cells[1]] = [tuple(map(float, pair)) for pair in found]
    for words in ("int8", "int4-tmr2"):
        each = zip(lines[f"`attack`, {words}"], lines[f"`base`, {words}"], strict=True)
        assert not any(own[0] > plainly[1] for own, plainly in each)
    assert "nowhere does its interval lie above that of `base` in the same words" in said


def test_the_recipes_say_the_accuracy_and_the_minutes_of_their_cards():
    known = {run["name"]: run for run in training_tables.lineage()}
    known |= checkpoints.unshipped() | {name: checkpoints.card(name) for name in checkpoints.names()}
    held = 0
    for file in sorted((ROOT / "assets" / "specs" / "recipes").glob("*.toml")):
        lines = file.read_text(encoding="utf-8").splitlines()
        said = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
        card = known.get(file.stem.replace("-", "/"))
        accuracy = re.search(r"[Tt]est accuracy (0\.\d{4}) measured", said)
        minutes = re.search(r": (\d+) minutes|measured, (\d+) minutes", said)
        if accuracy and card:
            assert float(accuracy[1]) == pytest.approx(card["test"]["accuracy"], abs=5e-5), file.name
        if minutes and card:
            held += 1
            assert float(minutes[1] or minutes[2]) == pytest.approx(card["minutes"], abs=0.6), file.name
    assert held >= 6


def test_what_nine_copies_read_wrong_and_what_copies_of_two_layers_cost_is_the_law_s():
    said = plain(document("docs/memory.md"))
    wrong = sum(math.comb(9, k) * 0.1**k * 0.9 ** (9 - k) for k in range(5, 10))
    assert round(1e4 * wrong) == 9
    assert "about nine bits in ten thousand are read wrong" in said
    sizes = checkpoints.sizes("signs/resnet20/base")
    five, nine = (4 * 8 * sizes[0] / sum(sizes), 8 * 8 * (sizes[0] + sizes[-1]) / sum(sizes))
    assert f"cost {five:.2f} or {nine:.2f} bits a weight" in said
    assert "922,560 bits" in said
    assert 922_560 == 32 * (2 * 4810 + 19_200 + 10)
    assert table.SHIPPED.is_dir()
