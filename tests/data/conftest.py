"""Where images are read, the cache of a test begins empty."""

from pathlib import Path

import pytest


@pytest.fixture
def own_folders(own_folders: Path) -> Path:
    """As everywhere, without the pictures that other tests are lent."""
    for lent in (own_folders / "cache").iterdir():
        lent.unlink()
    return own_folders
