"""Which measured rows answer a spec: those measured live, or those stored. No streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dashboard.format.encodings import stored_as
from resq.measure.specs.sweep_spec import SweepSpec


def select_rows(frame: pd.DataFrame, spec: SweepSpec, axis: str, measured: bool = False) -> pd.DataFrame:
    """The rows that answer a spec, on however many images: ``choose.speaking`` says which of them speak.

    Args:
        measured: only those of the spec's n, as a measurement of it gives them.
        axis: "ber" or "eps"; an attack's rows answer whatever the fault model is, and the other way round.
    """
    same = (
        (frame["axis"] == axis)
        & (frame["checkpoint"] == spec.checkpoint)
        & (frame["data"] == spec.dataset)
        & (frame["encoding"] == spec.encoding)
        & (frame["seed"] == spec.seed)
    )
    if axis == "ber":
        same &= (frame["fault"] == spec.fault) & (frame["region"] == spec.region)
    else:
        same &= frame["attack"] == spec.attack
        if spec.attack == "pgd":
            same &= (frame["steps"] == spec.steps) & (frame["restarts"] == spec.restarts)
    return frame[same & (frame["n"] == spec.n)] if measured else frame[same]


def together(
    rows: pd.DataFrame, live: pd.DataFrame, specs: Sequence[SweepSpec], axis: str, running: bool = False
) -> tuple[pd.DataFrame, list[SweepSpec]]:
    """The rows of all specs, and the specs that have none.

    Args:
        live: rows measured on this machine. Point by point they stand before stored ones while they are
            measured, and afterwards where they are whole (a cancelled measurement does not hide one).
    """
    curves, missing = [], []
    for spec in specs:
        kept, fresh = select_rows(rows, spec, axis), select_rows(live, spec, axis, measured=True)
        best = _merged(kept, fresh, spec, axis, running)
        if best.empty:
            missing.append(spec)
        else:
            curves.append(best)
    return (pd.concat(curves, ignore_index=True) if curves else rows.iloc[:0]), missing


def _merged(
    kept: pd.DataFrame, fresh: pd.DataFrame, spec: SweepSpec, axis: str, running: bool
) -> pd.DataFrame:
    """At each point the fresh rows where they count, else the stored ones."""
    there, new = kept[axis].value_counts(), fresh[axis].value_counts()
    whole = {x: spec.maps if axis == "ber" and x else 1 for x in new.index}
    taken = [x for x, n in new.items() if running or n >= min(there.get(x, 0), whole[x])]
    return pd.concat([kept[~kept[axis].isin(taken)], fresh[fresh[axis].isin(taken)]])


def names(specs: Sequence[SweepSpec]) -> str:
    """Specs as a reader knows them."""
    return ", ".join(f"{spec.checkpoint} in {stored_as(spec.encoding)}" for spec in specs)
