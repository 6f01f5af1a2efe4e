"""Options are read without Streamlit's lock, and are those that Streamlit reads."""

import threading

import pytest
import streamlit as st
from streamlit import config

from dashboard.server import options


@pytest.fixture
def installed(monkeypatch):
    for name in ("get_option", "get_options_for_section"):
        monkeypatch.setattr(config, name, getattr(config, name))
    monkeypatch.setattr(st, "get_option", st.get_option)
    options.install()


def test_every_option_and_every_section_is_the_one_that_streamlit_reads(installed):
    known = config.get_config_options()
    assert len(known) > 50
    assert {key: config.get_option(key) for key in known} == {key: options._option(key) for key in known}
    for section in {option.section for option in known.values()}:
        assert config.get_options_for_section(section) == options._section(section)
    with pytest.raises(RuntimeError, match="not defined"):
        st.get_option("server.nothing")


def test_an_option_is_read_while_somebody_holds_the_lock(installed):
    known = []
    with config._config_lock:
        thread = threading.Thread(
            target=lambda: known.append(
                (st.get_option("server.port"), config.get_options_for_section("theme"))
            ),
            daemon=True,
        )
        thread.start()
        thread.join(20)
        assert known, "it waits for the lock"


def test_what_is_set_later_is_read(installed):
    before = config.get_option("client.toolbarMode")
    try:
        config._set_option("client.toolbarMode", "minimal", "here")
        assert config.get_option("client.toolbarMode") == "minimal"
    finally:
        config._set_option("client.toolbarMode", before, "here")
