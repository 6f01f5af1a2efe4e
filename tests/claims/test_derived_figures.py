"""Numbers and comparisons that no row fills follow from laws, cards, sums and intervals: derived again."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from dashboard.components import render
from dashboard.model import lessons
from dashboard.model.parts import challenge
from dashboard.model.storage import place_cells, places
from resq import checkpoints
from resq.core import Encoding
from resq.data import signs
from resq.measure.analysis import paired
from resq.measure.analysis.stats import wilson
from resq.measure.engine import faulty_network
from resq.measure.run.mystery import cases, suspect
from resq.measure.store import table
from resq.memory.guards import hamming
from tests import readme
from tests.tables import defence_tables, shield_tables, training_tables

ROOT = Path(__file__).resolve().parents[2]


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(re.sub(r"<!--.*?-->", "", text).split())


def lesson(name: str) -> str:
    """All that a lesson says."""
    return (lessons.FOLDER / f"{name}.toml").read_text(encoding="utf-8")


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


def test_the_flips_of_a_checked_block_are_binomial():
    none, one = 0.99**72, 72 * 0.01 * 0.99**71
    said = lesson("7-checks")
    assert f"0.99^{{72}} = {none:.3f}$" in said
    assert f"0.99^{{71}} = {one:.3f}$, two or more {1 - none - one:.3f}" in said
    assert 0.5 < 1 - none < 0.53  # "about every second time"
    assert 1 - none - one == pytest.approx(1 / 6, abs=0.006)


def test_of_a_hundred_checked_blocks_as_many_are_zeroed_as_the_lesson_says():
    """Three flips look like one, so it is fewer than those with two flips or more."""
    code, rng = hamming.Hamming(64), np.random.default_rng(0)
    bits = rng.random((200_000, 72)) < 0.01
    struck = np.packbits(bits, axis=1, bitorder="little").view(np.uint8)
    data = np.ascontiguousarray(struck[:, :8]).view(np.uint64)[:, 0]
    _, state = code.decode(data, struck[:, 8].astype(np.uint64))
    assert f"some {100 * (state == hamming.FOUND).mean():.0f} are found to be wrong" in lesson("7-checks")


def test_what_zeroing_and_cutting_cost_is_said_only_where_a_difference_says_so():
    rows, said = table.shipped(), plain(document("docs/defences.md"))

    def gain(name: str, encoding: str, fault: str, ber: float) -> paired.Difference:
        own = rows[(rows["checkpoint"] == f"cifar10/resnet18/{name}") & (rows["fault"] == fault)]
        own = own[(own["ber"] == ber) & (own["region"] == "all") & (own["n"] == 500) & (own["top"] == 0.05)]
        return paired.difference(*(own[own["encoding"] == one] for one in (encoding, "int8")), comparisons=6)

    assert gain("plus", "int8-radar32", "random", 1e-3).high < 0
    assert "signatures (`int8-radar32`) of `plus` already at 0.001" in said
    for zeroed in ("int8-radar32", "int8-secded0"):
        assert gain("plus", zeroed, "layer-uniform", 1e-3).high < -0.4
    assert "cost `plus` more than forty points there at 0.001" in said
    cut = [gain("base", "int8-symmetric-inplace", "random", ber) for ber in (1e-3, 1e-2, 5e-2)]
    assert cut[0].high < 0
    assert cut[1].high < 0 < cut[2].low
    assert "costs `base` more than the faults do up to 0.01 of bits that fail alike, and less at 0.05" in said


def test_what_checksums_cost_on_average_is_that_of_twenty_layers():
    assert len(checkpoints.sizes("signs/resnet20/base")) == 20
    assert f"{3 * (20 + 1) / 2:g} points, against 25" in lesson("10-mystery")


def test_the_answers_of_the_case_go_where_the_lesson_says():
    checkpoint = checkpoints.load("signs/resnet20/base")
    model = checkpoint.quantized(Encoding.parse("int8"))
    x, y = signs.render("test", 96)  # what the page shows
    pictures = suspect.Pictures(torch.from_numpy(x).float() / 255, torch.from_numpy(y))
    hidden = suspect.suspect(faulty_network.network_of(checkpoint, model), model, pictures, cases.read("F7"))
    counts = suspect.flow(hidden.clean, hidden.answers, 16)
    into = counts.sum(axis=0)
    into[:16] -= counts.diagonal()
    most = sorted(into.tolist(), reverse=True)
    assert f"three of the 16 classes receive {sum(most[:3])} of the {sum(most)} answers" in lesson("9-silent")


def test_where_none_of_sixteen_flips_told_a_share_may_still_be_what_the_help_says():
    assert f"up to\n  {100 * wilson(0.0, 16)[1]:.0f} % may still" in render.text("layers_help")


def test_no_text_tells_what_a_class_said_as_if_it_had_been_counted():
    notes = [step.notes for each in lessons.every() for step in each.steps]
    assert not [
        note for note in notes if re.search(r"[Gg]uesses (of|lie|are)\b.*usual|Guesses lie|Guesses are", note)
    ]
    assert "neither was measured in a class" in plain(document("docs/lessons.md"))


RATIO = re.compile(
    r"(?<!/ )(?<![\d.])(\d[\d.]*)(?: x)? \((?:\d: )?(\d[\d.,]*)(?: m?s)?(?: planned)?(?: in bf16)? "
    r"(?:against|of) (\d[\d.,]*)"
)


def _half(number: str) -> float:
    """Half of the last digit that a number is written with."""
    return 0.5 * 10 ** -len(number.replace(",", "").partition(".")[2])


def test_a_ratio_of_the_benchmarks_is_that_of_the_two_times_beside_it():
    said, held = plain(document("docs/benchmarks.md")), 0
    for ratio, one, other in RATIO.findall(said):
        a, b = (float(value.replace(",", "")) for value in (one, other))
        da, db = _half(one), _half(other)
        spans = [((a - da) / (b + db), (a + da) / (b - db)), ((b - db) / (a + da), (b + db) / (a - da))]
        near = _half(ratio)
        assert any(low - near <= float(ratio) <= high + near for low, high in spans), (ratio, one, other)
        held += 1
    assert held > 15


def test_the_smallest_memory_of_a_lesson_is_decided_by_whole_intervals():
    """Six maps left it open; now what takes a byte falls short, and a little more does not."""
    (asked,) = (
        s.challenge
        for lesson in lessons.every()
        for s in lesson.steps
        if s.challenge and lesson.name == "msb"
    )
    rows, sizes = table.shipped(), checkpoints.sizes(asked.checkpoint)
    tried = [
        challenge.trial(asked, [int(at) for at in key.split(",")], rows, sizes) for key in asked.encodings
    ]
    assert max(one.high for one in tried if one.bits <= 8) < asked.keep
    assert 8 < min(one.bits for one in tried if one.low >= asked.keep) < 9
    near = next(one for one in tried if one.encoding == "int4-tmr2+int4-tmr2-x9@0.19")
    assert near.low < asked.keep < near.high
    said = lesson("2-msb")
    assert "keep nine of ten pictures" in said
    assert asked.keep == 0.9
    assert f"{100 * sum(sizes[at] for at in (0, 5, 19)) / sum(sizes):.1f} % of the weights" in said
    assert "cost 0.45 bits a weight" in said
    assert round(Encoding.parse("int4-tmr2+int4-tmr2-x5@0.5.19").memory(sizes) - 8, 2) == 0.45


def test_a_lesson_says_of_a_difference_whose_interval_holds_0_that_it_does():
    """Attack training was said to help under flips: 18.8 points, 0.1 to 37.5 with too many degrees."""
    rows, said = table.shipped(), lesson("5-shield")
    (text,) = (
        s.reveal for one in lessons.every() for s in one.steps if "whether attack training" in s.reveal
    )
    compared = [part for kind, part in places.places(text) if kind == "more"]
    joint = [place_cells.compared(rows, *pair, len(compared))[0] for pair in compared]
    assert [gain.low > 0 for gain in joint] == [True, False, True, False]
    (step,) = (s for one in lessons.every() for s in one.steps if "whether attack training" in s.reveal)
    assert step.right == "yes, by ten points or more"
    assert joint[0].low > 0.1
    assert "whether attack training helps against flips is open" in said
    drawn, photographed, things = (
        json.loads((table.SHIPPED / f"{name}-resnet20-asymmetry.json").read_text())["alike"]["effects"]
        for name in ("signs", "gtsrb", "cifar10")
    )
    assert "rendered signs and on two sets of photographs fault training helps under attack" in said
    assert min(one["X_FA"]["low"] for one in (drawn, photographed, things)) > 0
    assert (
        "Attack training helps under faults on the rendered signs; on photographs of things it harms" in said
    )
    assert things["X_AF"]["high"] < 0
    eps, milder = shield_tables.milder("gtsrb-resnet20")
    assert f"at {eps:g}/255, helps under faults on photographs of signs" in said
    assert min(milder[where]["effects"]["X_AF"]["low"] for where in ("alike", "own")) > 0
    assert "can tell: there attack training helps against flips too." in said
    assert drawn["X_AF"]["low"] > 0
    assert photographed["X_AF"]["low"] < 0 < photographed["X_AF"]["high"]


def test_a_text_speaks_of_the_same_maps_only_where_they_are_common():
    rows, told = table.shipped(), 0
    for step in (step for one in lessons.every() for step in one.steps):
        if "the same images and maps" not in step.reveal and "each on maps of its own" not in step.reveal:
            continue
        told += 1
        pairs = [pair for kind, pair in places.places(step.reveal) if kind == "more"]
        common = [bool(place_cells.compared(rows, *pair, 1)[0].maps) for pair in pairs]
        assert all(common) == ("the same images and maps" in step.reveal), step.reveal
    assert told
