"""A plugin for the server under test: says, when asked, the hashes of what all its visitors share.

It is given as $RESQ_PLUGINS. The question is a file ``audit.ask`` in $RESQ_WORK, the answer ``audit.json``.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

ASK, ANSWER = "audit.ask", "audit.json"


def fingerprint(network: Any, model: Any) -> str:
    """SHA-256 over the stored words and over all that the network computes with."""
    digest = hashlib.sha256()
    for name, q in model.weights.items():
        for array in (q.words, q.scale, q.zero):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    for name, value in network.state_dict().items():
        digest.update(name.encode() + np.ascontiguousarray(value.numpy()).tobytes())
    return digest.hexdigest()


def shared() -> dict[str, str]:
    """Checkpoint and encoding -> fingerprint, for every network that this process keeps for its visitors."""
    gc.unfreeze()  # the warm-up freezes what is there when it ends, a visitor's first network with it
    found = [thing for thing in gc.get_objects() if type(thing).__name__ == "LoadedNetwork"]
    return {
        f"{s.checkpoint.name} {next(iter(s.model.weights.values())).encoding}": fingerprint(
            s.network, s.model
        )
        for s in found
    }


def _listen(folder: Path) -> None:
    while True:
        if (folder / ASK).exists():
            (folder / ASK).unlink()
            part = folder / (ANSWER + ".part")
            part.write_text(json.dumps(shared()))
            part.replace(folder / ANSWER)
        time.sleep(0.2)


def ask(folder: Path, seconds: float = 60.0) -> dict[str, str]:
    """The answer of the server whose folder this is.

    Raises:
        TimeoutError: none came.
    """
    (folder / ANSWER).unlink(missing_ok=True)
    (folder / ASK).touch()
    end = time.monotonic() + seconds
    while not (folder / ANSWER).exists():
        if time.monotonic() > end:
            raise TimeoutError(f"the server did not answer within {seconds:g} s")
        time.sleep(0.1)
    answer: dict[str, str] = json.loads((folder / ANSWER).read_text())
    return answer


if __name__.startswith("resq_plugin_") and "streamlit" in sys.modules:  # in the server, not in its jobs
    threading.Thread(target=_listen, args=(Path(os.environ["RESQ_WORK"]),), daemon=True).start()
