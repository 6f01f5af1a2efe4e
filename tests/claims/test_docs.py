"""The documents tell what stands: their commands parse, their files exist, their numbers are measured rows.

``python -m tests.readme`` writes their tables and figures as they follow from the rows.
"""

import re
import shlex
from pathlib import Path

import pytest

from resq import checkpoints
from resq.cli import parser
from resq.measure.engine.storage import storage
from resq.measure.store import table
from tests import readme

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = readme.text()  # README.md and docs/, one after another


def named_commands() -> list[str]:
    return sorted(set(re.findall(r"`python -m resq ([^`]+)`", DOCUMENTS)))


@pytest.mark.parametrize("command", named_commands())
def test_every_command_of_the_documents_is_one_that_the_program_takes(command):
    parser().parse_args(shlex.split(re.sub(r"\[|\]", "", command)))


def test_the_documents_name_every_command():
    told = {command.split()[0] for command in named_commands()}
    assert told == set(parser()._subparsers._group_actions[0].choices)


def test_every_file_of_the_architecture_exists():
    tree = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[3]
    names = set(re.findall(r"[\w.]+\.(?:py|toml)\b", tree))
    there = {path.name for path in ROOT.rglob("*") if ".venv" not in path.parts}
    assert names
    assert names <= there


def files() -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in readme.FILES]


def _headings(path: Path) -> set[str]:
    """The anchors of a document: those of its headings, as GitHub makes them, and those that it sets."""
    said = path.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", said, re.MULTILINE)
    made = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return made | set(re.findall(r'<a id="([^"]+)">', said))


@pytest.mark.parametrize("name", files())
def test_every_link_and_picture_of_a_document_exists(name):
    for target, anchor in re.findall(
        r"\]\(([^)#:\s]*)(?:#([^)]+))?\)", (ROOT / name).read_text(encoding="utf-8")
    ):
        to = (ROOT / name).parent / target if target else ROOT / name
        assert to.exists(), target
        assert not anchor or anchor in _headings(to), f"{target}#{anchor}"


# The headings of the README before its parts moved to docs/: links from elsewhere still land there.
OLD = ["two-commands", "what-each-page-answers", "the-command-line", "campaigns-past-one-machine", "data",
       "what-was-measured", "speed", "more"]  # fmt: skip


@pytest.mark.parametrize("anchor", OLD)
def test_an_old_address_of_the_readme_still_leads_somewhere(anchor):
    assert anchor in _headings(ROOT / "README.md")


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_the_python_of_the_readme_runs_and_prints_a_line_for_each_rate(capsys):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    exec(code.replace("maps=10", "maps=2").replace("n=500", "n=20"), {})  # the same on fewer maps and images
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["ber", "mean", "low", "high"]
    assert [float(line.split()[1]) for line in printed[1:]] == [0, 1e-3, 1e-2]


def test_the_memory_in_the_documents_is_that_of_the_soak_in_security():
    security = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    said = r"memory went from (\d+) MB with all pages open once to ([\d,]+) in seven minutes and ([\d,]+)"
    told = re.search(said, " ".join(DOCUMENTS.split()))
    first, seven, last = told.groups()
    assert (
        f"{first} MB with all pages open once, {seven} MB after seven minutes, {last} MB after twenty-five"
        in security
    )


def test_the_accuracies_in_the_documents_are_those_of_the_cards():
    assert "\n".join(readme.cards()) in DOCUMENTS


@pytest.mark.parametrize("name", files())
def test_every_table_and_every_marked_figure_of_a_document_follows_from_the_shipped_rows(name):
    said = (ROOT / name).read_text(encoding="utf-8")
    assert readme.written(said) == said, "python -m tests.readme writes it anew"


@pytest.mark.parametrize("name", ["README.md", "docs/results.md"])
def test_a_document_of_figures_has_tables_and_figures_to_hold(name):
    said = (ROOT / name).read_text(encoding="utf-8")
    assert readme.TABLE.search(said)
    assert readme.PLACE.search(said)


def test_every_table_that_can_be_made_from_rows_is_marked_in_one_document():
    assert sorted(re.findall(r"<!-- table ([^>]+?) -->", DOCUMENTS)) == sorted(readme.TABLES)
    assert sorted(name for _, name, _ in readme.TABLE.findall(DOCUMENTS)) == sorted(readme.TABLES)


def test_no_table_shows_half_an_interval():
    assert "±" not in "".join(match[0] for match in readme.TABLE.finditer(DOCUMENTS))


def test_every_robust_figure_of_the_tables_is_of_a_strong_attack_on_enough_images_or_an_upper_bound():
    rows = table.shipped()
    names = rows.loc[rows["eps"] == 8, ["checkpoint", "encoding"]].drop_duplicates().to_numpy().tolist()
    for checkpoint, encoding in names:
        said = readme.robust(rows, checkpoint, encoding)
        own = rows[(rows["checkpoint"] == checkpoint) & (rows["encoding"] == encoding) & (rows["eps"] == 8)]
        strong = own[
            own["attack"].isin(["apgd", "autoattack"]) & (own["n"] >= 1000) & (own["mode"] == "none")
        ]
        assert said == "not measured" or said.startswith("≤") == strong.empty


def test_what_is_stored_beside_the_words_costs_what_the_document_says():
    said = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")
    of = checkpoints.load("cifar10/resnet18/base")
    for form, row in (("", "stored once"), ("9", "stored nine times"), ("15", "stored fifteen times")):
        names = [f"int4-tmr2+floats{form}" if form else "int4-tmr2", f"int4-tmr2+folded{form}"]
        single, folded = (line["beside"] for line in storage(of, names))
        assert f"{row} | {single:.3f} | {folded:.3f} |" in said.replace("bits a weight, ", "")
