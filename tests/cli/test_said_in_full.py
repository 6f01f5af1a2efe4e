"""What a command prints names what a figure rests on: sampler, attack, images, maps, seed, interval."""

import re

import pytest

from resq import checkpoints
from resq.claims import registry, verdict
from resq.claims.judged import NONE
from resq.cli import guards, main, options
from resq.core import paths
from resq.measure.analysis.stats import wilson
from resq.measure.specs.sdc_rates import leveugle
from resq.measure.store import table

NAME = "signs/resnet20/base"


def printed(capsys, *argv: str) -> str:
    assert main(list(argv)) == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_list_of_claims_shows_no_single_figure_where_no_reading_decides_and_names_the_cells(capsys):
    assert main(["claims"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    claims = registry.load()
    undecided = 0
    for v in verdict.judge_all(claims.values(), table.shipped(), claims):
        values = {r.value for r in v.readings if r.value is not None and not r.reading.aside}
        if v.verdict == NONE and len(values) > 1:
            undecided += 1
            assert "readings, of which none decides" in lines[v.claim.id], v.claim.id
        elif v.decides and v.decides.cell:
            cell = v.decides.cell
            assert f"{cell.checkpoint} as {cell.encoding}" in lines[v.claim.id]
            assert f"n {cell.n}" in lines[v.claim.id]
            assert "fault map" in lines[v.claim.id] if cell.ber else "no flips" in lines[v.claim.id]
    assert undecided >= 4


def test_an_unhardened_figure_of_a_claim_has_its_interval_maps_and_images(capsys):
    text = printed(capsys, "claims", "swin_t-ber-5e-3")
    told = r"cifar10/swin_t/base as int8, BER 0\.005, layer-uniform: [\d.]+ % \([\d.]+ to [\d.]+ %; "
    assert re.search(told + r"\d+ fault maps, \d+ images, seed 0\)", text)
    assert "measured, 95 % for all its readings together" in text


def test_show_prints_each_accuracy_with_its_words_and_interval(capsys):
    text = printed(capsys, "show")
    test = checkpoints.card(NAME)["test"]
    told = (options.percent(test[key]) for key in ("accuracy", "low", "high"))
    assert f"{NAME} {test['encoding']} {' '.join(told)} {test['n']}" in text
    assert "95 % interval over images (Wilson)" in text


def test_what_a_network_keeps_at_a_place_says_on_what(capsys):
    text = printed(capsys, "ber", "voltage", "0.56", "--network", NAME)
    told = r"95 % over the band, maps and images: .* \(independent bits, the first [\d,]+ test images, "
    assert re.search(told + r"\d+ fault maps, seed 0\)", text)


def test_a_sweep_says_its_sampler_and_without_flips_none(capsys, own_folders):
    struck = printed(capsys, "sweep", NAME, "--ber", "0,1e-2", "--maps", "2", "--n", "10", "--fault", "count")
    assert "sampler count, seed 0" in struck
    assert "sampler" not in printed(capsys, "evaluate", NAME, "--n", "10")


def test_one_flip_says_how_the_picture_was_attacked(capsys):
    asked = ["flip", NAME, "--image", "2", "--eps", "4", "--bits", "7", "--mode", "adaptive"]
    assert "attacked by pgd, eps 4/255, made on the network with the flips, seed 0" in printed(capsys, *asked)


def test_single_flips_say_words_weights_and_how_wide_an_interval_may_be(capsys):
    text = printed(capsys, "singles", NAME, "--error", "0.45", "--n", "1")
    assert f"{NAME} as int8" in text
    told = (
        r"95 % interval \(Wilson for a finite number of bits, over flips\) has a half-width of at most 0\.45"
    )
    assert re.search(told, text)
    assert "may lie to one side of the share" in text


def test_the_flips_that_bound_a_cell_are_those_of_all_its_copies(capsys):
    asked = ["--metric", "pvf", "--maps", "1", "--n", "1"]
    told = "takes {} of the smallest layer's"
    once, copied = (
        printed(capsys, "sensitivity", NAME, "--encoding", name, *asked)
        for name in ("int2", "int2+int2-x3@0")
    )
    assert told.format(leveugle(432, 0.05)) in once
    assert told.format(leveugle(1024, 0.05)) in copied  # conv1's 432 words are stored three times


@pytest.mark.parametrize("n", [5, 64])
def test_no_interval_of_a_share_of_the_guards_reaches_further_than_said(n):
    reached = [abs(end - right / n) for right in range(n + 1) for end in wilson(right / n, n)]
    assert guards.reach(n) == pytest.approx(max(reached))
    assert guards.reach(n) > wilson(0.5, n)[1] - 0.5


def test_a_study_says_what_it_was_measured_with(capsys):
    rows = paths.ASSETS / "specs" / "asymmetry" / "signs-resnet20-pilot.parquet"
    text = printed(capsys, "asymmetry", str(rows))
    pilot = "int8 on the first 1,400 held-out training images, 10 fault maps of independent bits, PGD of 10"
    assert f"measured in {pilot}" in text


@pytest.mark.parametrize("argv", [["bfa", NAME, "--flips", "1", "--n", "8", "--test", "20"]])
def test_a_search_of_bits_says_over_what_its_intervals_are(capsys, argv):
    assert "in brackets 95 % over images; one search, so no interval over searches" in printed(capsys, *argv)
