"""A figure says what it is of: words, sampler, maps, images, attack, seed; and like is set beside like."""

import json
import re
from dataclasses import replace
from itertools import combinations, starmap
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from dashboard.components import render
from dashboard.model import lessons
from dashboard.model.moving import sentences as moving
from dashboard.model.storage import places, rests_on
from resq import checkpoints
from resq.measure.analysis import paired
from resq.measure.store import carry, table
from tests import readme
from tests.tables import asymmetry_tables, conditions

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ["README.md", "docs/results.md", "docs/memory.md"]


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(re.sub(r"<!--.*?-->", "", text).split())


def blocks(name: str) -> list[str]:
    """The paragraphs with figures; a finding of the README is read with the sentence before all findings."""
    said = readme.TABLE.sub("", document(name))
    if name == "README.md":
        intro, items = re.search(r"## Four findings\n\n(.*?)\n\n(.*?)\n\n", said, re.DOTALL).groups()
        return [f"{intro} {item}" for item in re.split(r"\n(?=\d\. )", items)]
    return [block for block in said.split("\n\n") if readme.PLACE.search(block)]


FOUND = [(name, block) for name in FIGURES for block in blocks(name)]


def figures(block: str) -> list[tuple[str, places.At]]:
    found = places.places(" ".join(match[1] for match in readme.PLACE.finditer(block)))
    return [(kind, at) for kind, named in found for at in named]


@pytest.mark.parametrize(("name", "block"), FOUND, ids=range(len(FOUND)))
def test_a_figure_of_a_document_says_words_sampler_images_maps_and_seed_beside_it(name, block):
    rows, said = readme.shipped(), plain(block)
    assert "seed 0" in said
    for kind, at in figures(block):
        assert re.search(rf"(?<![\w-]){re.escape(at['encoding'])}(?![\w+-])", said), at
        if float(at.get("ber", 0)):
            assert {"random": "independent", "layer-uniform": "layer"}[at["fault"]] in said, at
        cells = places.lines(rows, at)
        if kind == "acc" and len(cells):
            one = cells.iloc[0]
            assert f"{one['n']:,} images" in said, at
            assert "eps" in at or not float(at["ber"]) or f"{one['maps']} fault maps" in said, at


@pytest.mark.parametrize(("name", "block"), FOUND, ids=range(len(FOUND)))
def test_an_accuracy_under_pgd_is_called_an_upper_bound_with_its_starts(name, block):
    attacked = [at for _, at in figures(block) if at.get("attack") == "pgd"]
    assert not attacked or "at most" in plain(block)
    words = {"1": "one start", "5": "five starts"}
    for at in attacked:
        assert f"PGD-{at['steps']}" in plain(block)
        assert words[at["restarts"]] in plain(block)


@pytest.mark.parametrize("block", blocks("README.md"), ids=range(3))
def test_the_figures_of_a_finding_are_of_the_same_images_and_maps(block):
    rows, told = readme.shipped(), [text for text in readme.PLACE.findall(block) if text[0].startswith("{of")]
    each = {places.fill("{of " + _named(at) + "}", rows).text for kind, at in figures(block) if kind == "acc"}
    each |= {text for _, text in told}
    assert len(told) == len(each) == 1


def _named(at: places.At) -> str:
    return " ".join(starmap("{}={}".format, at.items()))


def test_an_interval_of_differences_says_for_how_many_it_holds():
    count = readme.differences()
    assert count > 1
    for name in ("README.md", "docs/results.md"):
        assert f"hold for all {count} differences" in plain(document(name))


@pytest.mark.parametrize("name", [*FIGURES, "docs/deployed.md"])
def test_above_a_table_of_accuracies_stand_sampler_maps_images_and_seed_of_its_cells(name):
    seen = 0
    for match in readme.TABLE.finditer(document(name)):
        lines = match[0].splitlines()
        head = next((line for line in lines if line.startswith("| ")), "")
        if not re.search(r"BER 0\.|eps \d", head):
            continue
        seen += 1
        struck = r"Measured with: flips of (the words of the weights|all that is stored)\b.*: `"
        assert re.match(struck, lines[2]), match[2]
        assert re.search(r"\d fault maps, .*\d test images.*; seed \d", lines[2]), match[2]
        brackets = "In brackets: 95 %, over fault maps and images where bits flip, else over images."
        assert lines[2].endswith(brackets), match[2]
    assert seen or name == "README.md"


def test_what_a_table_was_measured_with_follows_from_its_cells():
    cells = pd.DataFrame({
        "x": [0.0, 1e-2, 1e-2], "attack": "none", "steps": 0, "restarts": 0, "mode": "none", "seed": 0,
        "n": [2000, 500, 500], "maps": [1, 4, 20], "fault": ["none", "random", "layer-uniform"],
        "data": "cifar10", "targets": "weights",
    })  # fmt: skip
    under = cells.head(1).assign(x=8.0, attack="pgd", steps=20, restarts=1, n=250)
    (said, _) = conditions.sentence([cells, under])
    assert said == (
        "Measured with: flips of the words of the weights: `random` (independent bits), `layer-uniform` (a "
        "layer first, then a bit in it), 4 to 20 fault maps, the first 500 test images; no flips: the first "
        "2,000 test images; attack PGD, 20 steps, 1 start, an upper bound, the first 250 test images; seed "
        "0. In brackets: "
        "95 %, "
        "over fault maps and images where bits flip, else over images."
    )


@pytest.mark.parametrize("name", FIGURES)
def test_no_number_of_maps_stands_in_a_sentence_by_hand(name):
    said = readme.PLACE.sub("", readme.TABLE.sub("", document(name)))
    said = " ".join(re.sub(r"`[^`]*`|```.*?```", "", said, flags=re.DOTALL).split())
    said = said.replace("A study that can tell takes at least 2,000 images, 20 maps", "")
    said = (
        said[: said.find("## In Python")] + said[said.find("## Five commands") :] if "## In" in said else said
    )
    assert not re.findall(r".{20}\d (?:fault )?maps\b", said)


def test_the_empty_marks_of_a_table_are_filled_and_take_nothing_of_the_next():
    first, second = (f"<!-- table commands -->\n\n{old}<!-- /table -->\n" for old in ("", "stale\n\n"))
    given = f"{first}\nBetween.\n\n{second}"
    new = readme.written(given)
    assert new.count("| command | what it does |") == 2
    assert "\n\nBetween.\n\n" in new
    assert "stale" not in new
    assert readme.written(new) == new


def texts() -> list[str]:
    """The texts of the pages that set figures side by side: every reveal, every finding of Start."""
    reveals = [step.reveal for lesson in lessons.every() for step in lesson.steps]
    return [*reveals, *render.text("findings").splitlines()]


def test_figures_that_a_text_compares_are_of_the_same_images_or_it_says_of_which():
    rows, compared = table.shipped(), 0
    for text in texts():
        found, of = places.places(text), {}
        for at in (named[0] for kind, named in found if kind == "acc"):
            cells = places.lines(rows, at)
            of.setdefault(at["checkpoint"].split("/")[0], set()).update(cells["n"].head(1))
        compared += sum(kind == "acc" for kind, _ in found) > 1
        told = any(kind == "of" for kind, _ in found)
        assert told or all(len(sizes) == 1 for sizes in of.values()), (text, of)
    assert compared > 10


def test_figures_of_a_text_whose_intervals_overlap_stand_beside_their_difference():
    rows, overlapping = table.shipped(), 0
    for text in texts():
        named = places.places(text)
        told = [at for kind, at in named if kind == "more"]
        for a, b in combinations([at[0] for kind, at in named if kind == "acc"], 2):
            one, other = (places.lines(rows, at).iloc[0] for at in (a, b))
            like = a.keys() == b.keys() and len(a.items() - b.items()) == 1  # else they answer two questions
            if like and one["low"] <= other["high"] and other["low"] <= one["high"]:
                overlapping += 1
                assert [a, b] in told or [b, a] in told or "are not tested" in text, (text, a, b)
    assert overlapping > 5


def test_a_difference_says_seed_weights_and_the_rate_that_its_maps_were_drawn_at():
    rows, differences = table.shipped(), []
    for text in texts():
        differences += [line for line in places.fill(text, rows).sources if " less " in line]
    assert len(differences) > 8
    for line in differences:
        assert re.search(r"seed \d+, weights [0-9a-f]{8}", line), line
        assert "fault maps" not in line or re.search(r"maps drawn at [\d.]+", line), line
        assert "95 % of its own" in line or re.search(r"for all \d+ comparisons of this text", line), line


def test_beside_a_text_stand_images_maps_and_seed_of_its_figures():
    rows, seen = table.shipped(), 0
    for text in texts():
        filled = places.fill(text, rows)
        beside = filled.full.removeprefix(filled.text)
        for kind, named in places.places(text):
            cells = places.lines(rows, named[0])
            if kind != "acc" or cells.empty:
                continue
            seen += 1
            one = cells.iloc[0]
            struck = "eps" not in named[0] and one["x"] > 0
            maps = f", {one['maps']} fault maps" if struck else ""
            assert f"{one['n']:,} images{maps}" in beside, (text, beside)
            assert f"seed {one['seed']}" in beside
    assert seen > 40


def test_the_readme_and_the_results_say_that_recipes_were_compared_by_test_accuracy():
    cards = checkpoints.unshipped() | {name: checkpoints.card(name) for name in checkpoints.names()}
    found = {name: readme.SELECTED.search(card["selected"]) for name, card in cards.items()}
    # The README says it of all but those of designs from before their runs.
    assert {name for name, match in found.items() if not match} <= readme.designed()
    (bias,) = {match[1] for match in found.values() if match}
    assert f"were compared by test accuracy: a bias of up to {bias} points" in plain(document("README.md"))
    for name in cards:
        assert f"`{name}`" in readme.selected()[0]


@pytest.mark.parametrize("mixture", readme.MIXED)
def test_what_copies_of_few_layers_are_said_to_be_worth_is_what_paired_differences_say(mixture):
    said = plain(document("docs/memory.md"))
    plainly, thrice = readme.ALIKE
    layered = [readme.mixture_gain(mixture, other, "layer-uniform", 1e-2) for other in (plainly, thrice)]
    alike = [readme.mixture_gain(mixture, other, "random", 5e-2) for other in (plainly, thrice)]
    assert layered[0].low > 0.1
    assert layered[1].low < 0 < layered[1].high
    assert alike[0].low < 0 < alike[0].high
    assert alike[1].high < 0
    assert "cannot be told from three copies of everything, in 24 bits" in said
    assert "no gain over the words without copies can be told from 0" in said
    assert "any code over all" not in said + render.text("protect_help")


def test_a_share_is_more_than_a_figure_only_where_its_interval_says_so():
    rows = table.read(table.SHIPPED / readme.EVERYTHING)
    low = {}
    for (name, encoding), part in rows[rows["region"] == "weights and floats"].groupby(
        ["checkpoint", "encoding"]
    ):
        own = carry.current(part)
        struck, clean = own[own["ber"] == 1e-2], own[own["ber"] == 0].head(1)
        low[name.split("/")[-1], encoding.partition("+")[2]] = paired.retained(struck, clean)[1]
    above = [low[key] - 0.99 for key in (("fault", "folded5"), ("fault", "folded9"), ("plus", "folded9"))]
    assert min(above) > 0
    assert max(above) < 0.0015  # "by about a thousandth"
    assert low["plus", "folded5"] < 0.99
    said = plain(document("docs/memory.md"))
    assert (
        "above 0.99 for `fault` (five and nine copies) and for `plus` with nine, by about a thousandth"
        in said
    )
    assert "that of `plus` with five reaches below" in said


def test_two_networks_are_said_to_fall_alike_only_where_their_intervals_meet():
    at = "checkpoint=cifar10/{} encoding=int8-symmetric-tensor fault=random ber={}"
    ends = {}
    for ber in ("5e-3", "1e-2"):
        for net in ("swin_t/base", "efficientnet_b0/base"):
            ((_, (named,)),) = places.places("{acc " + at.format(net, ber) + "}")
            ends[net[:4], ber] = places.lines(readme.shipped(), named).iloc[0]
    assert ends["swin", "5e-3"]["low"] < ends["effi", "5e-3"]["high"]
    assert ends["effi", "5e-3"]["low"] < ends["swin", "5e-3"]["high"]
    assert ends["swin", "1e-2"]["low"] > ends["effi", "1e-2"]["high"]
    said = plain(document("docs/results.md"))
    assert "cannot be told from EfficientNet-B0 at a BER of 0.005" in said
    assert "and is above it at 0.01" in said


def test_the_study_of_one_seed_sets_what_faults_cost_beside_clean_accuracy():
    study = json.loads((table.SHIPPED / "cifar10-resnet18-asymmetry.json").read_text(encoding="utf-8"))
    plainly, attacked = study["means"]["00"], study["means"]["a"]
    changes = [f"{attacked[of] - plainly[of]:.3f}".replace("-", "−") for of in ("R_F", "clean")]
    said = plain(document("docs/results.md"))
    assert re.search(
        rf"A moves R_F by {changes[0]} \(F itself by \S+\) and clean accuracy by {changes[1]}, from", said
    )
    assert f"PGD, {study['study']['steps']} steps, 1 start" in "\n".join(asymmetry_tables.described())


HIDDEN = re.compile(r"<!--.*?-->", re.S)


@pytest.mark.parametrize("name", ["docs/results.md"])
def test_the_network_of_a_table_is_named_where_people_read(name):
    """The name stood in a comment alone, which no page shows."""
    text = document(name)
    for match in re.finditer(r"<!-- table (?:faults|apart|copies) (\S+) -->", text):
        data, network, variant = match[1].split("/")
        above = HIDDEN.sub("", text[: match.start()])[-1500:]
        heading = above.rpartition("\n<!--")[0][-900:] or above[-900:]
        words = {"resnet18": "ResNet18", "resnet20": "ResNet-20", "vgg16": "VGG16", "swin_t": "Swin",
                 "efficientnet_b0": "EfficientNet-B0"}  # fmt: skip
        assert match[1] in heading or words[network] in heading, match[1]
        assert data in heading or {"cifar10": "CIFAR-10", "gtsrb": "GTSRB", "signs": "signs"}[data] in heading
        assert variant == "base" or variant in heading


def test_where_few_maps_were_drawn_a_text_says_what_their_intervals_hold():
    """Lessons and moving pictures showed intervals over three and six maps without the caution."""
    behind = rests_on.Behind("", 300, 6, (), (0,))
    assert "t intervals over so few hold less often than 95 %" in rests_on.sentence([behind])
    assert "so few" not in rests_on.sentence([replace(behind, maps=10)])
    shown = SimpleNamespace(
        axis="ber", labels=[0] * 200, steps=[SimpleNamespace(value=0.0), SimpleNamespace(value=0.03)],
        accuracies=[{"mean": 0.9, "low": 0.8, "high": 1.0, "maps": m} for m in (1, 3)],
    )  # fmt: skip
    assert "3 maps: where accuracy is near its ceiling" in moving.network_sentence(shown)
