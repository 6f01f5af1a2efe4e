"""The figure of moving pictures: its regions, its frames, what is marked, what the sentences say."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard import charts
from dashboard.charts.moving.embedding import telling_step
from dashboard.model.moving import regions, sentences, tables
from dashboard.model.moving.journey import MARGIN, journey
from dashboard.report import moving, paper
from resq.core.errors import ResqError
from resq.measure.analysis import embedding

CLASSES = ["stop", "yield", "no entry"]
PLANE = [[0.0, 0.0, -1.0], [1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]


def step(axis: str, value: float, number: int, x: list, logits: list, **more) -> dict:
    return {
        "checkpoint": "signs/resnet20/base", "encoding": "int8", "fault": "random", "bers": [0.01], "eps": [],
        "steps": 20, "maps": 2, "n": 4, "seed": 0, "data": "signs", "weights": "a" * 16, "images": "b" * 16,
        "code": "c" * 16, "classes": CLASSES, "labels": [0, 1, 2, 0], "features": 5, "head": "linear",
        "shares": [0.5, 0.25], "axis": axis, "value": value, "map": number,
        "flips": 7 * number + 7 * bool(value),
        "x": x, "y": [0.0, 1.0, 2.0, 3.0], "logits": logits, "plane": PLANE, **more,
    }  # fmt: skip


A, B, C = [5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]
ROWS = [
    step("clean", 0.0, 0, [0.0, 1.0, 2.0, 3.0], [A, B, C, B]),
    step("ber", 1e-2, 0, [0.5, 90.0, None, 3.0], [A, A, [None, 0.0, 0.0], B]),
    step("ber", 1e-2, 1, [0.5, 1.0, 2.0, 3.0], [A, B, C, A]),
    step("eps", 8.0, 0, [0.5, 1.5, 2.5, 3.5], [B, C, A, B]),
]


def test_regions_are_where_the_largest_logit_is_and_fill_the_box_once():
    rng = np.random.default_rng(2)
    plane, box = rng.normal(size=(3, 6)), (-3.0, 2.0, -1.0, 4.0)
    made = regions.regions(plane, box)
    points = rng.uniform((-3, -1), (2, 4), (2000, 2))
    top = (plane[0] + points @ plane[1:]).argmax(1)
    for own, corners in made.items():
        shifted = np.roll(corners, -1, 0) - corners
        side = shifted[:, 0] * (points[:, None, 1] - corners[:, 1]) - shifted[:, 1] * (
            points[:, None, 0] - corners[:, 0]
        )
        inside = (side >= -1e-9).all(1) | (side <= 1e-9).all(1)
        np.testing.assert_array_equal(inside, top == own)
    assert set(top) <= set(made)
    assert sum(regions._area(corners) for corners in made.values()) == pytest.approx(25.0)


def test_a_head_that_gives_no_numbers_has_no_regions():
    assert regions.regions(np.array([[0.0, np.nan], [1.0, 0.0], [0.0, 0.0]]), (-1, 1, -1, 1)) == {}


def test_the_figure_has_a_frame_for_each_step_with_every_picture_in_it():
    shown = journey(ROWS, "ber")
    drawn = charts.CHARTS["embedding"].draw(shown, 1)
    assert [frame.name for frame in drawn.frames] == ["as stored", "10⁻²"]
    assert [s.label for s in drawn.layout.sliders[0].steps] == ["as stored", "10⁻²"]
    for frame, row in zip(drawn.frames, ROWS, strict=False):
        assert list(frame.traces) == list(range(len(drawn.data)))
        marks = [t for t in frame.data if t.customdata is not None]
        numbers = [c[0] for t in marks for c in t.customdata]
        assert sorted(numbers) == [0, 1, 2, 3]
        x = {c[0]: at for t in marks for c, at in zip(t.customdata, t.x, strict=True)}
        assert x[0] == row["x"][0]


def test_what_lies_beyond_is_drawn_on_the_edge_and_what_is_nowhere_is_not_drawn_and_both_are_said():
    shown = journey(ROWS, "ber")
    last = shown.steps[1]
    assert (last.beyond, last.nowhere) == (1, 1)
    assert last.shown[1, 0] == shown.box[1]
    assert shown.box[3] == pytest.approx(3 + 3 * MARGIN)
    drawn = charts.CHARTS["embedding"].draw(shown)
    text = drawn.frames[1].data[-1].text[0]
    assert "1 on the edge lie beyond it" in text
    assert "1 are nowhere" in text
    assert text.startswith("<b>1 of 4 right</b>; 2 maps: 62.5")


def test_the_wrong_ones_are_ringed_in_every_step():
    shown = journey(ROWS, "ber")
    frames = charts.CHARTS["embedding"].draw(shown).frames
    rings = [next(t for t in frame.data if t.name == "answered wrongly").x for frame in frames]
    assert rings[0] == (3.0,)
    assert rings[1] == (shown.box[1], None, 3.0)


def test_the_map_that_is_chosen_is_shown_and_the_accuracy_is_of_all_maps():
    first, second = journey(ROWS, "ber", 0), journey(ROWS, "ber", 1)
    assert first.steps[1].answers.tolist() == [0, 0, 3, 1]
    assert second.steps[1].answers.tolist() == [0, 1, 2, 0]
    assert first.accuracies[1] == second.accuracies[1]
    assert first.accuracies[1]["mean"] == (1 / 4 + 4 / 4) / 2


def test_the_figure_opens_on_a_step_in_which_much_has_changed():
    assert telling_step(journey(ROWS, "ber")) == 1
    assert telling_step(journey(ROWS[:1], "ber")) == 0


def test_sentences_say_what_became_of_the_network_its_classes_and_one_picture():
    shown = journey(ROWS, "ber")
    assert sentences.sentence(shown).startswith(
        "Of 4 pictures 3 are answered rightly as stored and 1 at BER 10⁻² (fault map 1 alone), where 2 "
        "answers have changed."
    )
    assert sentences.picture_sentence(shown, 1) == (
        "Picture 1 shows **yield**. It is answered as stored **yield**, at BER 10⁻² **stop**."
    )
    assert "in no step anything else" in sentences.picture_sentence(shown, 0)
    assert "**no number**" in sentences.picture_sentence(shown, 2)
    assert "2 fault maps and images" in sentences.network_sentence(shown)
    assert "Most is lost by **yield** (100" in sentences.class_sentence(shown)
    tied = replace(
        shown, per_class=np.linspace(1, 0, len(shown.steps))[:, None] * np.ones(len(shown.classes))
    )
    assert "as stored, 0 % at 10⁻²), as much by yield and no entry" in sentences.class_sentence(tied).replace(
        "\u202f", " "
    )
    honest = sentences.honesty(shown).replace("\u202f", " ")
    assert "5 features that the last layer, linear, reads" in honest
    assert "last layer, with its flipped weights, answers" in honest
    still = journey([{**row, "axis": "eps"} for row in ROWS], "eps")
    assert "the network's own last layer answers" in sentences.honesty(still)  # under attack no bit flips
    assert "75.0 % of their variance (50.0 % and 25.0 %)" in honest
    clean = embedding.agreeing(ROWS[0])
    assert f"for {100 * clean:.0f} % of the clean ones" in honest
    assert "4 logits (no linear" in sentences.honesty(
        journey([{**row, "head": "", "features": 4} for row in ROWS], "ber")
    )


def test_the_tables_hold_what_is_drawn():
    shown = journey(ROWS, "eps")
    every = tables.every(shown, 2)
    assert len(every["embedding"]) == 4 * 2
    assert every["embedding"]["component 1"].tolist() == [*ROWS[0]["x"], *ROWS[3]["x"]]
    assert every["picture_steps"]["answer"].tolist() == ["no entry", "stop"]
    assert every["accuracy_steps"]["right"].tolist() == [0.75, 0.0]
    assert every["class_steps"]["pictures"].tolist() == [2, 1, 1]


@pytest.mark.parametrize("name", ["accuracy_steps", "class_steps"])
def test_the_figures_beside_have_a_place_for_each_step(name):
    drawn = charts.CHARTS[name].draw(journey(ROWS, "eps"))
    assert list(drawn.data[0].x) == ["as stored", "8/255"]


def test_a_picture_on_its_way_has_its_answer_ringed_where_it_is_one():
    drawn = charts.CHARTS["picture_steps"].draw(journey(ROWS, "ber"), 2)
    assert drawn.data[-1].x == ("as stored",)
    assert drawn.data[-1].y == ("no entry",)
    assert drawn.data[0].z[0][1] is None


def test_a_file_that_moves_is_written_and_one_without_such_steps_is_refused(tmp_path, capsys):
    rows = tmp_path / "rows.json"
    embedding.write(rows, ROWS[:3])
    assert moving.main([str(rows), "--axis", "ber", "--out", str(tmp_path / "x.html")]) == 0
    page = (tmp_path / "x.html").read_text()
    assert "answered wrongly" in page
    assert '"frames"' in page
    assert moving.main([str(rows), "--axis", "eps", "--out", str(tmp_path / "y.html")]) == 2
    assert "no step of axis eps" in capsys.readouterr().err
    with pytest.raises(ResqError, match="no step of axis eps"):
        moving.write(rows, "eps", tmp_path / "y.html")


def test_on_paper_there_is_nothing_to_press_and_the_step_is_named():
    drawn = charts.CHARTS["embedding"].draw(journey(ROWS, "ber"))
    column = paper.column(drawn)
    assert not column.layout.sliders
    assert not column.layout.updatemenus
    assert drawn.layout.sliders
    assert "BER 10⁻² · 7 flipped bits" in column.data[-1].text[0]
