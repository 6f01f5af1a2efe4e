"""What was just asked is not asked again; soon it is."""

import time

import pytest

from dashboard.cached import ttl_cache


def test_an_answer_holds_for_a_while_by_its_arguments_and_no_longer():
    asked = []

    @ttl_cache.ttl_cached
    def ask(name: str, number: int = 0) -> list[str]:
        asked.append((name, number))
        return [name]

    first = ask("a")
    assert ask("a") is first
    assert ask("b") == ["b"]
    assert ask("a", number=1) == ["a"]
    time.sleep(ttl_cache.FRESH * 1.1)
    assert ask("a") is not first
    assert asked == [("a", 0), ("b", 0), ("a", 1), ("a", 0)]


def test_a_failure_is_no_answer():
    answers = iter([None, "there"])

    @ttl_cache.ttl_cached
    def ask() -> str:
        found = next(answers)
        if found is None:
            raise ValueError("not yet")
        return found

    with pytest.raises(ValueError, match="not yet"):
        ask()
    assert ask() == "there"


def test_answers_are_not_kept_without_end(monkeypatch):
    monkeypatch.setattr(ttl_cache, "MOST", 3)
    count = []
    ask = ttl_cache.ttl_cached(lambda number: count.append(number) or number)
    assert [ask(i) for i in range(5)] == list(range(5))
    assert ask(0) == 0
    assert len(count) == 6, "the first had to go"
