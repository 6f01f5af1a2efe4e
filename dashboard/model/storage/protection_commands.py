"""The commands that measure the points of Protect's plane again. No streamlit."""

from __future__ import annotations

import pandas as pd

from resq.measure.specs.sweep_spec import SweepSpec

# Points that one sweep measures: the same images, and the same number of maps drawn alike.
SERIES = ["encoding", "fault", "n", "maps", "seed", "sample", "top", "inputs"]


def measuring(net: str, points: pd.DataFrame) -> list[str]:
    """One command for each way to store the weights, the cheapest first, the fault-free point among them.

    What is kept is a share of the accuracy without faults of the network as it is stored, so that all
    commands together give the figure, and each its own accuracies.

    Args:
        points: of ``protection.points``.
    """
    ordered = points.sort_values(["bits", "encoding", "ber"])
    specs = [_spec(net, part) for _, part in ordered.groupby(SERIES, sort=False)]
    return [spec.command for spec in specs]


def _spec(net: str, part: pd.DataFrame) -> SweepSpec:
    first = part.iloc[0]
    bers, top = tuple(map(float, part["ber"])), float(first["top"])
    data = str(first["data"])
    return SweepSpec(
        net, data="" if net.startswith(f"{data}/") else data, encoding=str(first["encoding"]),
        fault=str(first["fault"]), bers=(0.0, *bers), maps=int(first["maps"]), n=int(first["n"]),
        seed=int(first["seed"]), sample=str(first["sample"]), top=top if top > max(bers) else 0.0,
        inputs=str(first["inputs"]),
    )  # fmt: skip
