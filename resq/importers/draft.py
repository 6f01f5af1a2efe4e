"""A checkpoint that is only looked at: written as it would be kept, and removed again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resq import checkpoints
from resq.core import paths


@contextmanager
def draft(name: str, brought: Any, about: Mapping[str, Any]) -> Iterator[Path]:
    """The file of what was brought, with the rounding that keeping it brings, until it has been measured."""
    paths.work().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="import-", dir=paths.work()))
    try:
        yield checkpoints.save(name, brought.state, brought.weights, about, folder, imported=brought.codes)
    finally:
        shutil.rmtree(folder)
