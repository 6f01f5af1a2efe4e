"""The rows of cells that are stored already: shipped, or in this machine's store."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from resq.measure.store import database, rows_by_key, table


def by_key(wanted: Sequence[str], shipped: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of these content keys in their order, all columns; those that are not stored are left out.

    A row that is shipped stands before one of the store; where there is no store none is made.

    Args:
        shipped: the shipped rows, where they are at hand.
    """
    shipped = table.shipped() if shipped is None else shipped
    found = shipped[shipped["key"].isin(list(wanted))].drop_duplicates("key")
    rest = sorted(set(wanted) - set(found["key"])) if database.there() else []
    if rest:
        found = pd.concat([found, rows_by_key.by_key(rest)], ignore_index=True)
    place = {key: number for number, key in enumerate(wanted)}
    return found.sort_values("key", key=lambda keys: keys.map(place), ignore_index=True)
