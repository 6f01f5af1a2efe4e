"""What deployed files take pixels for, as a report's header says it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from resq.core.errors import ResqError
from resq.deployed import network
from resq.deployed.network import Network
from resq.deployed.pixels import Asked


def lines(rows: pd.DataFrame, file: Path | None = None) -> list[str]:
    """One line for each deployed file of the rows and what was said of its input.

    Args:
        file: where the file lies that all rows are of; else it is looked for among those that are kept.
    """
    if "inputs" not in rows or rows.empty:
        return []
    pairs = rows[["checkpoint", "inputs"]].drop_duplicates().itertuples(index=False)
    return [_line(str(name), str(inputs), file) for name, inputs in pairs if network.is_file(str(name))]


def _line(name: str, inputs: str, file: Path | None) -> str:
    try:
        taken = Network(file or name, "all", Asked.parse(inputs))
        if taken.name == name:
            return f"{name} takes images in {taken.pixels}."
    except ResqError:  # removed since, or never here: the rows alone tell what was said
        pass
    return f"{name} takes images as {f'was said: {inputs}' if inputs else 'the file says'}; it is not here."
