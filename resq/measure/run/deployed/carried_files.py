"""Deployed files for the workers of a Dask cluster: sent once to each, and kept there by their hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import Client, WorkerPlugin

from resq.core.files import write_bytes
from resq.core.paths import work
from resq.deployed import network
from resq.measure.specs.cells import Cell


class Carried(WorkerPlugin):
    """Writes files into a worker's work folder when it begins, also where it joins later.

    Args:
        files: name with the beginning of its hash -> bytes.
    """

    idempotent = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.name = f"deployed files {' '.join(sorted(files))}"

    def setup(self, worker: Any) -> None:
        """Keeps what is not kept there yet."""
        for name, raw in self.files.items():
            keep(name, raw)


def keep(name: str, raw: bytes) -> Path:
    """A file in the work folder, under the name that commands find it by; written in one step."""
    file = work() / "deployed" / name
    with suppress(OSError):
        if file.read_bytes() == raw:
            return file
    write_bytes(file, raw)
    return file


def sent(client: Client, cells: Iterable[Cell]) -> list[Cell]:
    """The cells with their files under names that every worker knows; the files themselves sent.

    Raises:
        ValueError: a file that is not here.
    """
    wanted = list(cells)
    paths = dict.fromkeys(cell.checkpoint for cell in wanted if network.is_file(cell.checkpoint))
    names = {path: network.named(network.find(path), network.file_hash(path)) for path in paths}
    if names:
        client.register_plugin(
            Carried({name: network.find(path).read_bytes() for path, name in names.items()})
        )
    return [replace(cell, checkpoint=names.get(cell.checkpoint, cell.checkpoint)) for cell in wanted]
