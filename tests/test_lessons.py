"""Lessons: files that are checked whole, predictions before reveals, numbers from the rows."""

import pytest

from dashboard import lessons, state
from resq.measure import table
from tests.test_app import opened, said

GOOD = """title = "T"
minutes = 5
about = "A"
[[step]]
do = "Flip bit 7."
page = "bitlab"
query = { enc = "int8" }
hide = ["plane"]
ask = "What then?"
choices = ["a", "b"]
reveal = "{acc ber=1e-2} of them."
"""


@pytest.mark.parametrize("lesson", lessons.every(), ids=lambda lesson: lesson.name)
def test_every_shipped_lesson_asks_for_a_prediction_and_is_answered_by_rows(lesson):
    assert any(step.choices for step in lesson.steps)
    told = [lessons.reveal(step.reveal, table.shipped()) for step in lesson.steps]
    assert not any("{" in text or "not measured here" in text for text in told)
    for step in lesson.steps:
        assert len(step.do) <= state.LONGEST_TASK


def test_there_are_five_lessons():
    assert len(lessons.every()) >= 5


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"bitlab"', '"nowhere"', "page 'nowhere'; there are start"),
        ("enc =", "encoding =", "has no parameter encoding; it has net"),
        ('"plane"', '"planes"', "hides 'planes'; page bitlab has network"),
        ("{acc ber", "{accuracy ber", "{accuracy ber=1e-2} is no place"),
        ("minutes = 5\n", "", "lacks minutes"),
        ("about =", "abuot =", "has abuot"),
        ("title = ", "title ", "not a readable lesson"),
    ],
)
def test_a_lesson_that_cannot_work_is_refused_with_its_fault(tmp_path, old, new, said):
    file = tmp_path / "9-mine.toml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ValueError, match=said):
        lessons.read(file)


def test_a_reveal_is_computed_from_rows_and_says_where_there_are_none(rows):
    # Clean 98 of 100; at BER 0.01 three maps of 90, 89 and 88.
    assert lessons.reveal("{acc ber=1e-2}", rows).startswith("89.0")
    assert lessons.reveal("{drop ber=1e-2}", rows) == "9.0 points"
    assert lessons.reveal("{acc eps=8}", rows).startswith("5.0")
    assert lessons.reveal("{acc ber=0.5}", rows) == "(not measured here)"


def test_the_reveal_comes_after_the_prediction_and_the_prediction_stays():
    app = opened("lessons", lesson="bit")
    assert not app.exception
    assert "By 128" not in said(app)
    app.radio(key="said_bit_0").set_value("by 7").run()
    assert "By 128" not in said(app)
    app.button(key="commit_bit_0").click().run()
    assert "By 128" in said(app)
    assert "You said: **by 7**" in said(app)
    assert not any(radio.key == "said_bit_0" for radio in app.radio)


def test_nonsense_in_a_lesson_link_falls_back_silently():
    app = opened("lessons", lesson="nope")
    assert not app.exception
    assert "What is a bit worth?" in [h.value for h in app.header]
