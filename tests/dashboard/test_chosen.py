"""A network that was brought stays chosen, also where the browser tells its list as it was before."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components import chosen
from tests.views.test_app import PAGES, opened


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


def test_a_list_that_holds_the_network_of_a_link_still_tells_the_browser_so():
    """A browser draws a list of a new page with its usual choice, unless it is told another."""
    app = opened("tradeoff", net="cifar10/resnet18/base")
    app.switch_page(PAGES["layers"]).run()
    shown = app.selectbox(key="net")
    assert shown.value == "cifar10/resnet18/base"
    assert shown.proto.set_value
    assert app.query_params["net"] == "cifar10/resnet18/base"


def test_a_network_chosen_on_protect_is_chosen_on_the_sweep_too():
    app = opened("protect")
    app.selectbox(key="net").set_value("cifar10/resnet18/base").run()
    app.switch_page(PAGES["sweep"]).run()
    assert app.multiselect(key="nets").value == ["cifar10/resnet18/base"]
