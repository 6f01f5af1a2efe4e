"""Rooms: codes, keys, locks, reveals, and what is left of them after a day."""

import json
import threading

import pytest

from dashboard.model import lessons
from dashboard.model.classroom import ledger, predictions, rooms
from dashboard.model.storage import places
from dashboard.report import handout
from resq.core.errors import ResqError
from resq.measure.store import table

BIT = next(lesson for lesson in lessons.every() if lesson.name == "bit")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A store of its own for each test."""
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.delenv("RESQ_STORE", raising=False)


@pytest.fixture
def opened() -> tuple[str, str]:
    return rooms.open_room("bit")


def test_a_room_is_joined_by_its_code_in_small_letters_too(opened):
    code, _ = opened
    assert rooms.room(f" {code.lower()} ") == rooms.Room(code, rooms.room(code).opened, "bit", 0, False)
    learner = rooms.join(code)
    assert rooms.join(code, learner) == learner
    assert rooms.join(code) != learner
    assert rooms.joined(code) == 2


def test_who_brings_another_rooms_name_is_somebody_new(opened):
    other, _ = rooms.open_room("bit")
    learner = rooms.join(other)
    assert rooms.join(opened[0], learner) != learner


def test_the_first_prediction_counts_and_none_after_the_reveal(opened):
    code, key = opened
    first, second = rooms.join(code), rooms.join(code)
    predictions.predict(code, first, BIT, 0, "by 7")
    predictions.predict(code, first, BIT, 0, "by 128")
    assert predictions.predictions(code, first) == {("bit", 0): 1}
    assert predictions.votes(code, BIT, 0) == [0, 1, 0, 0]
    rooms.reveal(code, key, "bit", 0)
    rooms.reveal(code, key, "bit", 0)
    with pytest.raises(ResqError, match="shown already"):
        predictions.predict(code, second, BIT, 0, "by 128")
    assert predictions.votes(code, BIT, 0) == [0, 1, 0, 0]
    assert rooms.room(code).revealed
    rooms.go(code, key, "bit", 1)
    assert not rooms.room(code).revealed


def test_a_choice_of_another_step_and_a_stranger_are_refused(opened):
    code, _ = opened
    with pytest.raises(ResqError, match="no choice of this step; there are by 1, by 7"):
        predictions.predict(code, rooms.join(code), BIT, 0, "no difference")
    with pytest.raises(ResqError, match="has not joined"):
        predictions.predict(code, "stranger", BIT, 0, "by 1")


def test_only_the_key_teaches(opened):
    code, key = opened
    assert rooms.teaches(code, key)
    for wrong in ("", "x", rooms.open_room("bit")[1]):
        assert not rooms.teaches(code, wrong)
        for act in (rooms.go, rooms.reveal):
            with pytest.raises(ResqError, match="does not teach this room"):
                act(code, wrong, "bit", 1)
        with pytest.raises(ResqError, match="does not teach this room"):
            rooms.end(code, wrong)
    assert rooms.room(code).step == 0


def test_an_ended_room_and_one_of_yesterday_leave_nothing(opened, monkeypatch):
    code, key = opened
    learner = rooms.join(code)
    predictions.predict(code, learner, BIT, 0, "by 7")
    yesterday, _ = rooms.open_room("bit")
    predictions.predict(yesterday, rooms.join(yesterday), BIT, 0, "by 7")
    rooms.end(code, key)
    with pytest.raises(ResqError, match="there is no room"):
        rooms.room(code)
    assert predictions.predictions(code, learner) == {}
    now = rooms.time.time()
    monkeypatch.setattr(rooms.time, "time", lambda: now + rooms.LIFE + 1)
    with pytest.raises(ResqError, match="a room ends after a day"):
        rooms.room(yesterday)
    rooms.open_room("bit")
    assert predictions.votes(yesterday, BIT, 0) == [0, 0, 0, 0]


def test_a_full_room_and_a_full_server_say_so(opened, monkeypatch):
    monkeypatch.setattr(rooms, "MOST_LEARNERS", 1)
    monkeypatch.setattr(rooms, "MOST_ROOMS", 1)
    rooms.join(opened[0])
    with pytest.raises(ResqError, match="1 have joined room"):
        rooms.join(opened[0])
    with pytest.raises(ResqError, match="as many as this server takes"):
        rooms.open_room("bit")


def test_predictions_that_come_at_once_are_all_there(opened):
    code, _ = opened
    learners = [rooms.join(code) for _ in range(24)]
    barrier = threading.Barrier(len(learners))

    def one(number: int, learner: str) -> None:
        barrier.wait()
        predictions.predict(code, learner, BIT, 0, BIT.steps[0].choices[number % 4])

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(learners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert predictions.votes(code, BIT, 0) == [6, 6, 6, 6]


@pytest.fixture
def handed_in(opened) -> tuple[str, bytes]:
    """A room and a learner's ledger of one wrong prediction, with a conclusion."""
    code, key = opened
    learner = rooms.join(code)
    predictions.predict(code, learner, BIT, 0, "by 7")
    predictions.predict(code, learner, BIT, 1, "eight-bit codes")
    rooms.reveal(code, key, "bit", 0)
    shown = {("bit", 0): places.fill(BIT.steps[0].reveal, table.shipped())}
    text = ledger.written(code, learner, lessons.every(), shown, {("bit", 0): "It doubles <each> time."})
    return code, text.encode()


def test_a_ledger_says_what_was_predicted_seen_and_concluded(handed_in):
    code, data = handed_in
    first, second = ledger.read(data, code)["steps"]
    assert (first["predicted"], first["right"], first["concluded"]) == (
        "by 7",
        False,
        "It doubles <each> time.",
    )
    assert first["class"] == {"by 1": 0, "by 7": 1, "by 64": 0, "by 128": 0}
    assert first["revealed"].startswith("By 128.")
    assert second["revealed"] is None  # what was not shown to the class is not told by its file
    assert "right" not in second
    printed = ledger.page(ledger.read(data, code), handout.LOOK)
    assert "It doubles &lt;each&gt; time." in printed
    assert "By 128." in printed


def test_a_ledger_has_the_distance_of_a_predicted_number_to_what_was_measured(opened):
    code, key = opened
    lesson = next(lesson for lesson in lessons.every() if lesson.name == "epsilon")
    learner, step = rooms.join(code), lesson.steps[0]
    rooms.go(code, key, "epsilon", 0)
    predictions.predict(code, learner, lesson, 0, "60 %")
    rooms.reveal(code, key, "epsilon", 0)
    value = places.value(step.truth, table.shipped())
    shown = {("epsilon", 0): places.Filled("Fewer.", (), True)}
    text = ledger.written(code, learner, lessons.every(), shown, {}, {("epsilon", 0): value})
    (entry,) = ledger.read(text.encode(), code)["steps"]
    assert (entry["measured"], entry["unit"]) == (value, "%")
    assert entry["distance"] == abs(60 - value)
    printed = ledger.page(ledger.read(text.encode(), code), handout.LOOK)
    assert f"Off by <b>{60 - value:.1f} points</b>: measured {value:.1f} %" in printed
    unknown = ledger.written(code, learner, lessons.every(), shown, {})
    (entry,) = ledger.read(unknown.encode(), code)["steps"]
    assert (entry["measured"], entry["distance"]) == (None, None)
    assert "Off by" not in ledger.page(ledger.read(unknown.encode(), code), handout.LOOK)
    hidden = ledger.written(code, learner, lessons.every(), {}, {}, {("epsilon", 0): value})
    assert "distance" not in ledger.read(hidden.encode(), code)["steps"][0]


@pytest.mark.parametrize("change", [("by 7", "by 128"), ('"right": false', '"right": true')])
def test_a_changed_ledger_is_noticed(handed_in, change):
    code, data = handed_in
    changed = data.decode().replace(*change, 1).encode()
    assert changed != data
    with pytest.raises(ResqError, match="changed after the lab wrote it"):
        ledger.read(changed, code)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"\xff", b'{"kind": "x"}', b"[" * 5000, b" " * (2 << 20)]
)
def test_what_is_no_ledger_is_said_to_be_none(opened, data):
    with pytest.raises(ResqError, match="is no ledger"):
        ledger.read(data, opened[0])


def test_a_ledger_of_another_room_or_without_signature_is_refused(handed_in):
    code, data = handed_in
    other, _ = rooms.open_room("bit")
    with pytest.raises(ResqError, match=f"is of room '{code}', and this is room {other}"):
        ledger.read(data, other)
    unsigned = {name: value for name, value in json.loads(data).items() if name != "signature"}
    with pytest.raises(ResqError, match="changed after"):
        ledger.read(json.dumps(unsigned).encode(), code)
