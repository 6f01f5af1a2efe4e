"""Pages are tested in one process: what is cached is kept while it is true."""

from collections.abc import Iterator

import pytest
import streamlit as st


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_kept_from_other_modules() -> None:
    _forget()


@pytest.fixture(autouse=True)
def _nothing_is_kept_of_what_a_test_changes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Before and after a test with rows, checkpoints or folders of its own, all of which patch something."""
    changes = "monkeypatch" in request.fixturenames
    if changes:
        _forget()
    yield
    if changes:
        _forget()
