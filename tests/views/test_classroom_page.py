"""The page of a class's room: both sides, and what it says to wrong codes and keys."""

import pytest

from dashboard.model import lessons
from dashboard.model.classroom import predictions, rooms
from tests.views.test_app import choice, figures, opened, said


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A store of its own for each test."""
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))


def of_address(app, name: str) -> str:
    """A parameter of the address, which AppTest holds as a list or as a text."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def test_a_room_is_opened_and_its_teacher_goes_on_and_reveals():
    app = opened("classroom")
    choice(app, "button", "room_open").click().run()
    code = of_address(app, "code")
    assert [h.value for h in app.header if h.value == code] == [code]
    assert rooms.teaches(code, of_address(app, "teach"))
    assert "What is a bit worth?" in said(app)
    assert "Each bit counts twice as much" not in said(app)
    app.button(key="room_reveal").click().run()
    assert "Each bit counts twice as much" in said(app)
    app.button(key="room_next").click().run()
    assert rooms.room(code).step == 1
    assert "Step 2 of 2" in said(app)
    assert app.button(key="room_next").disabled
    app.selectbox(key="room_lesson").select("epsilon").run()
    app.button(key="room_begin").click().run()
    assert (rooms.room(code).lesson, rooms.room(code).step) == ("epsilon", 0)
    app.button(key="room_end").click().run()
    assert "code" not in app.query_params
    assert app.button(key="room_open")


def test_a_learner_joins_by_the_code_predicts_once_and_sees_the_reveal():
    code, key = rooms.open_room("bit")
    app = opened("classroom")
    app.text_input(key="room_code").set_value(code.lower()).run()
    app.button(key="room_join").click().run()
    me = of_address(app, "me")
    app.radio(key="room_choice_bit_0").set_value("by 7").run()
    app.button(key="room_commit_bit_0").click().run()
    assert predictions.predictions(code, me) == {("bit", 0): 1}
    assert "The answer comes when your teacher shows it" in said(app)
    assert not app.radio
    again = opened("classroom", code=code, me=me)  # a reload
    assert "You predicted: **by 7**" in said(again)
    rooms.reveal(code, key, "bit", 0)
    again.run()
    assert "Right is **by 128**" in said(again)
    assert "1 of 1 in the class predicted what you did" in said(again)
    assert rooms.joined(code) == 1


@pytest.mark.parametrize(("lesson", "place"), [("bit", "by 7"), ("epsilon", "85 %")])
def test_the_projector_says_how_many_have_answered_and_what_only_with_the_reveal(lesson, place):
    code, key = rooms.open_room(lesson)
    of = next(one for one in lessons.every() if one.name == lesson)
    for choice_made in (place, of.steps[0].choices[0]):
        predictions.predict(code, rooms.join(code, ""), of, 0, choice_made)
    rooms.join(code, "")
    app = opened("classroom", code=code, teach=key)
    assert "2 of 3 have answered" in said(app)
    assert figures(app) == 0
    app.button(key="room_reveal").click().run()
    assert "have answered" not in said(app)
    assert figures(app) == 1


def test_who_comes_after_the_reveal_is_told_that_there_was_no_prediction():
    code, key = rooms.open_room("bit")
    rooms.reveal(code, key, "bit", 0)
    app = opened("classroom", code=code)
    assert "You made no prediction" in said(app)
    assert [radio.key for radio in app.radio] == ["reflect_on_room_bit_0"]


def test_a_wrong_code_stays_on_the_page_with_a_sentence():
    app = opened("classroom")
    app.text_input(key="room_code").set_value("QQQQQ").run()
    app.button(key="room_join").click().run()
    assert "there is no room 'QQQQQ'" in said(app)
    assert app.button(key="room_open")


@pytest.mark.sorry("there is no room")
def test_a_link_to_a_room_that_has_ended_says_so_and_leads_back():
    code, key = rooms.open_room("bit")
    rooms.end(code, key)
    app = opened("classroom", code=code)
    assert f"there is no room '{code}'" in said(app)
    app.button(key="room_leave").click().run()
    assert app.button(key="room_open")


@pytest.mark.sorry("is not this room's")
def test_a_wrong_key_makes_a_learner():
    code, _ = rooms.open_room("bit")
    app = opened("classroom", code=code, teach="wrong")
    assert "This link's key is not this room's" in said(app)
    assert app.radio(key="room_choice_bit_0")
    assert not [button for button in app.button if button.key == "room_reveal"]


def test_the_lessons_lead_to_it():
    assert any("classroom" in str(link.proto) for link in opened("lessons").get("page_link"))
    assert len(lessons.every()) >= 5
