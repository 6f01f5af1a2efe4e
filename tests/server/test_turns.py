"""Pages are computed in turn: so many at once, in the order in which they came; none waits for a slow one."""

import threading
import time

import pytest
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from dashboard.server import turns


def started(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not come to pass"
        time.sleep(0.002)


def test_no_more_work_at_once_than_there_are_places_and_the_rest_comes_in_order():
    places, order, at_work, most = turns.Turns(2, 600), [], set(), []
    end = [threading.Event() for _ in range(8)]

    def page(number):
        with places.turn():
            at_work.add(number)
            most.append(len(at_work))
            order.append(number)
            end[number].wait(60)
            at_work.discard(number)

    threads = []
    for number in range(8):
        threads.append(started(lambda number=number: page(number)))
        until(lambda number=number: len(order) + len(places._queue) == number + 1)
    assert order == [0, 1]
    for number in range(8):  # each that ends lets in the one that has waited longest
        end[number].set()
        threads[number].join(60)
        until(lambda number=number: len(order) == min(8, number + 3))
    assert order == list(range(8))
    assert max(most) == 2


def test_who_takes_longer_gives_the_place_away_and_goes_on():
    places, slow, done = turns.Turns(1, 0.02), threading.Event(), []

    def long():
        with places.turn():
            slow.wait(20)
            done.append("slow")

    def short():
        with places.turn():
            done.append("quick")

    thread = started(long)
    until(lambda: places._begun)
    started(short).join(20)
    assert done == ["quick"]
    slow.set()
    thread.join(20)
    assert done == ["quick", "slow"]
    with places.turn():  # and the place is there again, once
        assert len(places._begun) == 1
    assert not places._begun
    assert not places._queue


def test_a_page_that_fails_gives_its_place_back():
    places = turns.Turns(1, 600)
    with pytest.raises(ValueError, match="a fault of the page"), places.turn():
        raise ValueError("a fault of the page")
    with places.turn():
        pass
    assert not places._begun


def test_every_run_of_a_page_takes_its_turn(monkeypatch):
    ran = []
    monkeypatch.setattr(ScriptRunner, "_run_script", ScriptRunner._run_script)
    monkeypatch.setattr(
        turns, "_run", lambda runner, asked: ran.append((runner, asked, len(turns.turns._begun)))
    )
    turns.install()
    turns.install()
    ScriptRunner._run_script("runner", "asked")
    assert ran == [("runner", "asked", 1)]
    assert not turns.turns._begun
