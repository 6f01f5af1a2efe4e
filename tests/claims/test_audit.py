"""What an audit found stays mended: docs/audit.md names tests that there are and quotes what stands."""

import ast
import json
import re
from pathlib import Path

import pytest

from dashboard.format import sentences
from resq import checkpoints
from resq.claims import registry, verdict
from resq.measure.analysis import stats
from resq.measure.run import gradient_masking
from resq.measure.store import table
from tests import readme
from tests.views.test_app import opened, said

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "audit.md"
LINES = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
QUOTES = re.findall(r"“([^”]+)”[^“|]*?\(\[[^\]]+\]\(([^)]+)\)\)", "\n".join(LINES))
TESTS = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", "\n".join(LINES))))
# What the audit numbered; its claims are one number.
LETTERS = {1: "abcdefghi", 2: "abcdef", 3: "abcdefg", 4: "abcdef", 6: "abcdefg", 7: "abc"}
NUMBERED = {f"{at}{letter}" for at, letters in LETTERS.items() for letter in letters}
HARDENED = "cifar10/resnet18"


def plain(text: str) -> str:
    """A text as people read it: no marks of figures, no joints of Python's strings, no line ends."""
    joined = re.sub(r'"\s*\n\s*f?"', "", re.sub(r"<!--.*?-->", "", text))
    return " ".join(joined.split())


def test_every_line_of_the_audit_has_what_was_said_what_is_said_and_a_test():
    covered = set()
    for line in LINES:
        number, before, now, tests = (cell.strip() for cell in line.strip("|").split(" | "))
        assert all((before, now)), line
        assert re.fullmatch(r"(`[\w/]+\.py::\w+`(, )?)+", tests), line
        ends = [part for piece in number.split(", ") for part in [piece.split("–")]]
        for first, *last in ends:
            at, letter = first[0], first[1:]
            letters = "abcdefghi"[ord(letter) - 97 : ord(last[0][1:]) - 96] if last else [letter]
            covered |= {f"{at}{one}" for one in letters}
    assert covered >= NUMBERED
    claims = {name.removeprefix("5 ") for name in covered if name.startswith("5")}
    assert {"asymmetry", "fault-gain", "attack-gain", "bpfc", "baselines", "group-4bit", "pick"} <= claims


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_test_that_the_audit_names_is_there(file, name):
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("words", "where"), QUOTES)
def test_what_the_audit_quotes_stands_in_the_file_that_it_names(words, where):
    assert words in plain((DOCUMENT.parent / where).read_text(encoding="utf-8"))


def test_the_audit_quotes_enough_to_hold():
    assert len(QUOTES) >= 20
    assert len(TESTS) >= 40


def test_beside_the_first_curves_and_the_first_table_it_is_said_what_is_spared():
    spared = "Only the words of the weights flip here: scales, zero points, norms and biases are spared."
    assert spared in said(opened("start"))
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    before = results[: results.index("<!-- table faults")]
    assert "scales, zero points, norms and biases (a hundredth of ResNet18's bits) are spared" in before


def test_the_copies_that_spared_numbers_would_need_are_those_of_the_document(capsys):
    show_lines = show_text(capsys, f"{HARDENED}/base")
    told = re.search(r"read wrong: (.*)", show_lines)[1]
    copies = {float(rate): int(count) for count, rate in re.findall(r"(\d+) at BER ([\d.]+)", told)}
    said = plain((ROOT / "docs" / "memory.md").read_text(encoding="utf-8"))
    sentence = re.search(r"on average fewer than 0\.1 .*? at 0\.1\.", said)[0]
    for rate, count in copies.items():
        assert re.search(rf"\b{count} (copies )?at (a BER of )?{rate:g}\b", sentence), (rate, count)


def show_text(capsys, name: str) -> str:
    """What ``python -m resq show`` prints."""
    from resq import cli

    cli.main(["show", name])
    return str(capsys.readouterr().out)


@pytest.mark.parametrize(("maps", "warns"), [(5, True), (20, False)])
def test_a_figure_of_few_maps_says_that_its_interval_may_not_hold(maps, warns):
    rows = table.shipped()
    rows = rows[
        (rows["checkpoint"] == f"{HARDENED}/base") & (rows["encoding"] == "int8") & (rows["ber"] == 1e-2)
    ]
    rows = rows[(rows["fault"] == "random") & (rows["n"] == 2000) & (rows["map"] < maps)]
    line = sentences.provenance(stats.curve(rows, "ber"), "Stored rows")
    assert f"{maps} fault maps" in line
    assert bool(sentences.caution(maps)) == warns == (sentences.caution(5) in line)


def test_a_figure_under_pgd_is_called_an_upper_bound_beside_it():
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == f"{HARDENED}/plus") & (rows["axis"] == "eps") & (rows["eps"] == 8)]
    bound = sentences.bound("pgd", 8.0)
    for attack, marked in (("pgd", True), ("apgd", False)):
        own = rows[rows["attack"] == attack]
        assert len(own)
        assert (bound in sentences.provenance(stats.curve(own, "eps"), "Stored rows")) == marked


@pytest.mark.parametrize("variant", ["base", "fault", "plus"])
@pytest.mark.parametrize("encoding", ["int8", "int4-tmr2"])
@pytest.mark.parametrize("network", [HARDENED, "gtsrb/resnet18"])
def test_the_headline_networks_are_measured_on_two_thousand_images(network, variant, encoding):
    rows = readme.shipped()
    rows = rows[(rows["checkpoint"] == f"{network}/{variant}") & (rows["encoding"] == encoding)]
    rows = rows[(rows["fault"].isin(["none", "random"])) & (rows["region"] == "all")]
    lines = stats.longest_series(stats.curve(rows, "ber"))
    lines = lines[lines["x"].isin([0.0, 1e-2, 5e-2, 1e-1])]
    assert len(lines) == 4
    assert lines["n"].min() >= 2000
    assert lines.loc[lines["x"] > 0, "maps"].min() >= 20


def test_no_card_says_that_nothing_was_chosen_on_test_images_without_what_was():
    cards = checkpoints.unshipped() | {name: checkpoints.card(name) for name in checkpoints.names()}
    told = {name: card["selected"] for name, card in cards.items() if "test images" in card["selected"]}
    assert told
    for name, words in told.items():
        assert ("were compared by test accuracy" in words) != (name in readme.designed()), (name, words)


def test_the_figures_of_the_audit_that_are_no_rows_are_those_of_cards_tables_and_claims():
    said = plain(DOCUMENT.read_text(encoding="utf-8"))
    clean = [
        f"{100 * checkpoints.card(f'{HARDENED}/{name}')['test']['accuracy']:.2f}"
        for name in ("base", "fault")
    ]
    assert f"{' and '.join(clean)} % of 10,000, from the cards" in said
    bits = [float(line.split(" | ")[2]) for line in readme.everything() if line.startswith("| `")]
    assert f"counts {min(bits):.2f} to {max(bits):.2f}" in said
    claims = registry.load()
    judged = verdict.judge(claims["group-resnet18-4bit"], table.shipped(), claims)
    off, margin = re.search(
        r"([\d.]+) points from the figure, and the margin is ([\d.]+)", judged.why
    ).groups()
    assert f"not reproduced: {off} points off, margin {margin}" in said


def test_no_verdict_of_guards_on_too_few_images_stands_in_a_document():
    (file,) = table.SHIPPED.glob("*-guards.json")
    kept = json.loads(file.read_text(encoding="utf-8"))
    told = "\n".join(readme.believed())
    if kept["n"] < gradient_masking.ENOUGH:
        assert "too few to judge" in told
        assert not re.search(r"\b(green|amber|red)\b", told)
    else:
        assert f"first {kept['n']} test images" in told
        assert "parent" not in told or "dropped" in told
