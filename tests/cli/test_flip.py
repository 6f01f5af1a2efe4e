"""One picture, a few flipped bits and an attack: in the library, on the command line and in the Bit lab."""

import json

import numpy as np
import pytest
import streamlit as st
import torch

from dashboard import cached, charts
from dashboard.format import sentences
from resq.cli import main
from resq.core import BitFlips
from resq.measure.run.one_flip import single_bit
from tests.pages import fine
from tests.views.test_app import NAME, commands, figures, opened, said

NONE = BitFlips(np.empty(0, dtype=np.int64), np.empty(0))
FLIPPED = {"layer": "linear", "w": "8", "flip": "7", "img": "2"}


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def both():
    return cached.load_network(NAME, "int8")


@pytest.mark.parametrize("attack", ["pgd", "fgsm"])
def test_no_pixel_moves_further_than_the_budget_and_the_same_seed_moves_them_alike(both, attack):
    x = cached.picture(both, 2)
    state = single_bit.BitExperiment(NAME, "int8", "conv1.weight", 0, eps=4.0, attack=attack)
    once, again = (single_bit.perturbed(both.network, both.model, NONE, x, state) for _ in range(2))
    assert torch.equal(once, again)
    assert 3.9 < float((once - x).abs().max()) * 255 < 4.001
    assert 0 <= float(once.min()) <= float(once.max()) <= 1


def test_an_attack_takes_sureness_from_the_answer_that_it_leads_away_from(both):
    x = cached.picture(both, 2)
    state = single_bit.BitExperiment(NAME, "int8", "conv1.weight", 0, eps=8.0)
    clean, attacked = single_bit.four(
        both.network, both.model, NONE, x, single_bit.perturbed(both.network, both.model, NONE, x, state)
    )[0]
    answer = int(clean.argmax())
    assert attacked[answer] < clean[answer] / 2


def test_the_adaptive_attack_is_made_on_the_flipped_network(both):
    x = cached.picture(both, 2)
    state = single_bit.BitExperiment(NAME, "int8", "layer1.0.conv1.weight", 0, plane=7, share=1.0, eps=4.0)
    bits = single_bit.flips(both.model, state)
    same, other = (
        single_bit.perturbed(
            both.network, both.model, bits, x, single_bit.BitExperiment(**{**vars(state), "mode": mode})
        )
        for mode in ("transfer", "adaptive")
    )
    assert torch.equal(same, single_bit.perturbed(both.network, both.model, NONE, x, state))
    assert not torch.equal(same, other)


def test_a_network_that_gives_no_number_still_moves_pixels_no_further_than_allowed():
    broken = cached.load_network(NAME, "fp32")
    x = cached.picture(broken, 3)
    state = single_bit.BitExperiment(
        NAME, "fp32", "linear.weight", 0, plane=30, share=1.0, eps=4.0, mode="adaptive"
    )
    moved = single_bit.perturbed(
        broken.network, broken.model, single_bit.flips(broken.model, state), x, state
    )
    assert float((moved - x).abs().max()) * 255 < 4.001


def test_the_bit_lab_attacks_the_picture_and_says_what_became_of_it():
    app = opened("bitlab", pixels="8", **FLIPPED)
    fine(app)
    assert figures(app) == 4
    for part in ("moved by at most 8/255", "As stored: ", "with the flips: ", "seed 0"):
        assert part in said(app), part


def test_the_command_under_the_figures_gives_the_numbers_that_the_page_shows(capsys):
    app = opened("bitlab", pixels="8", mode="adaptive", start="3", **FLIPPED)
    app.session_state["numbers_bitlab"] = True  # its box is opened
    command = next(code for code in commands(app.run()) if "resq flip" in code)
    table = next(f.value for f in app.dataframe if "class" in f.value).set_index("class")
    assert main([*command.split()[3:], "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    columns = ("as stored %", "attacked, as stored %", "with the flips %", "attacked, with the flips %")
    for column, row in zip(columns, answers, strict=True):
        expected = [100 * row["probabilities"][name] for name in table.index]
        assert table[column].to_numpy() == pytest.approx(expected, abs=2e-3), column


def test_without_an_attack_nothing_of_it_is_shown():
    app = opened("bitlab", **FLIPPED)
    assert figures(app) == 2
    assert "moved by at most" not in said(app)


@pytest.mark.parametrize("query", [{"pixels": "3", "attack": "x", "mode": "", "start": "-1"}, {"pixels": ""}])
def test_nonsense_about_an_attack_in_a_link_falls_back(query):
    app = opened("bitlab", **query)
    fine(app)
    assert figures(app) == 2


def test_the_difference_is_grey_where_nothing_moved_and_full_where_it_moved_by_eps():
    before = np.full((3, 1, 2), 0.5)
    after = before + np.array([0, 4 / 255])
    drawn = charts.CHARTS["moved"].draw(before, after, 4.0)
    assert np.asarray(drawn.data[2].z)[0].tolist() == [[128] * 3, [255] * 3]
    assert drawn.layout.annotations[2].text == "difference, 32 times"


def test_four_answers_are_four_panels_and_two_where_no_bit_is_flipped():
    answers = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [np.nan, np.nan]]])
    drawn = charts.CHARTS["four"].draw(("stop", "yield"), answers, 0)
    assert [tuple(bars.x) for bars in drawn.data] == [(0.9, 0.1), (0.2, 0.8), (0.6, 0.4), (0.0, 0.0)]
    assert [bars.marker.pattern.shape for bars in drawn.data] == ["", "/", "", "/"]
    assert drawn.data[0].y[0] == "<b>stop</b>"
    assert len(charts.CHARTS["four"].draw(("stop", "yield"), answers[[0, 0]]).data) == 2


def test_an_attack_in_words():
    answers = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [np.nan, np.nan]]])
    told = sentences.attacked(("stop", "yield"), answers, 4.0).replace("\u202f", " ")
    assert told == (
        "Every pixel moved by at most 4/255. As stored: stop (90.0 %) → yield (80.0 %); "
        "with the flips: stop (60.0 %) → no answer."
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--bits", "9"], "bits 0..7, got 9"),
        (["--layer", "x"], "no layer 'x'"),
        (["--weight", "-1"], "weights 0..431, got -1"),
        (["--image", "4000"], "0..3999, got 4000"),
        (["--eps", "300"], "eps must lie in"),
        (["--share", "2"], "0..1, got 2"),
    ],
)
def test_what_cannot_be_flipped_is_a_sentence(options, sentence, capsys):
    assert main(["flip", NAME, *options]) == 2
    assert sentence in capsys.readouterr().err
