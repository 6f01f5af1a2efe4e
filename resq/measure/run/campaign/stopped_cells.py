"""Which cells a campaign that stops by a rule asks for, read from the rows that are there. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from resq.measure.run.campaign import until_narrow
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.specs.cells import Cell


def asked(spec: CampaignSpec, keys: Mapping[str, Cell], rows: pd.DataFrame) -> tuple[list[str], bool]:
    """The keys of the cells that the rule asks for, and whether it may ask for more.

    As long as a row of what is asked for is not there, what comes after it is not known.

    Args:
        keys: all cells of the campaign, up to its most maps, by their keys.
        rows: those of them that are measured, each once; others are not looked at.
    """
    key_of = {cell: key for key, cell in keys.items()}
    right = dict(zip(rows["key"], rows["correct"] / rows["n"], strict=True))

    def accuracy(series: Sequence[Cell]) -> list[float]:
        return [right[key_of[cell]] for cell in series]

    wanted: list[str] = []
    for wave in until_narrow.batches(list(key_of), spec.half, accuracy):
        wanted += [key_of[cell] for cell in wave]
        if not all(key in right for key in wanted):
            return wanted, True
    return wanted, False
