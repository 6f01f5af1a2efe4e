"""A network that was brought stays chosen, also where the browser tells its list as it was before."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components import chosen


def page() -> None:
    import streamlit as st

    from dashboard.components import chosen

    chosen.carry(["a", "b", "own"])
    st.selectbox("Network", ["a", "b", "own"], key="net")


@pytest.fixture
def brought() -> AppTest:
    """A page on which "own" was just brought while the list showed "a"."""
    app = AppTest.from_function(page).run()
    state = {"net": "a"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chosen.st, "session_state", state)
        chosen.choose("own")
        chosen.choose("own")  # once when the file is taken and once when its dialog closes
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def test_a_stale_list_does_not_undo_the_choice(brought):
    assert brought.selectbox(key="net").value == "own"
    assert brought.selectbox(key="net").set_value("a").run().selectbox(key="net").value == "own"


def test_another_choice_counts_at_once(brought):
    assert brought.selectbox(key="net").set_value("b").run().selectbox(key="net").value == "b"


def test_the_earlier_choice_counts_again_when_nothing_can_be_stale(brought, monkeypatch):
    later = chosen.time.monotonic() + chosen.STALE
    monkeypatch.setattr(chosen.time, "monotonic", lambda: later)
    assert brought.selectbox(key="net").set_value("a").run().selectbox(key="net").value == "a"
