"""Room for what visitors bring: the oldest brought checkpoint that nobody uses makes way. No streamlit."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from resq import checkpoints
from resq.core import paths
from resq.core.errors import ResqError
from resq.measure.store import rows_by_key

RECENT = 3600.0  # s; what a page showed within it is in use
OFTEN = 60.0  # s between two notes of one checkpoint
SERVERS = "RESQ_SERVERS"  # set where several share a work folder
CLEAN = 1  # rows that every brought checkpoint has: its accuracy without faults

_shown: dict[str, float] = {}


def touch(name: str) -> None:
    """Notes that a page has just computed with a checkpoint; of several servers, for all of them."""
    now, before = time.time(), _shown.get(name, 0.0)
    _shown[name] = now
    if os.environ.get(SERVERS, "1") not in ("", "1") and now - before > OFTEN:
        with suppress(OSError):  # a full disk: the others then know less
            _note(name).parent.mkdir(parents=True, exist_ok=True)
            _note(name).touch()


def _note(name: str) -> Path:
    """The file whose time says when a checkpoint was last shown by any server."""
    return paths.work() / "shown" / name.replace("/", "+")


def room(brought: Sequence[str]) -> str:
    """Removes the oldest brought checkpoint that is not in use, and says which; it may be brought again.

    In use: shown within the last hour, or measured beyond its accuracy, since stored rows name it.

    Raises:
        ValueError: all are in use; the sentence says what to do.
    """
    series = rows_by_key.series()
    rows = series.groupby("checkpoint")["rows"].sum().to_dict() if len(series) else {}
    free = {name: when for name in brought if rows.get(name, 0) <= CLEAN and not _recent(when := _when(name))}
    if not free:
        raise ResqError(
            f"{len(brought)} brought checkpoints are kept here already, as many as may, and all are in use; "
            f"whoever runs this server can remove one from {paths.work() / 'weights'}"
        )
    oldest = min(free, key=lambda name: free[name])
    file = paths.work() / "weights" / f"{oldest}.safetensors"
    for there in (file.with_name(file.name.removesuffix(".safetensors") + ".json"), file):
        there.unlink(missing_ok=True)
    day = time.strftime("%Y-%m-%d", time.localtime(free[oldest]))
    return f"{oldest}, last used {day}, was removed to make room: {len(brought)} brought ones are kept"


def _when(name: str) -> float:
    """When a checkpoint was last brought or shown, in seconds since 1970."""
    try:
        brought = checkpoints.find(name).stat().st_mtime
    except (OSError, ValueError):  # gone in between
        brought = time.time()
    try:
        by_any = _note(name).stat().st_mtime
    except OSError:
        by_any = 0.0
    return max(brought, _shown.get(name, 0.0), by_any)


def _recent(when: float) -> bool:
    return when > time.time() - RECENT
