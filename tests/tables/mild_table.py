"""Whether adversarial training under a smaller budget carries over to faults: beside that of the studies."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from resq.measure.analysis import asymmetry
from resq.measure.store import table
from resq.training import study as studies
from tests.tables.asymmetry_tables import SPECS, span
from tests.tables.shield_findings import PICTURES, cost
from tests.tables.shield_tables import in_a_word, points

HEADS = ("pictures", "budget of A", "cost of A, points", "D_A", "X_AF", "always right", "D_A", "X_AF")


def mild() -> list[str]:
    """A line for each study and budget; a milder one that has no rows says that it was not measured."""
    lines = [
        "On all images, then on those always right (one clean accuracy); 95 % over seeds, maps and images.",
        "",
        f"| {' | '.join(HEADS)} |",
        "|---" * len(HEADS) + "|",
    ]
    said = []
    for name, pictures in PICTURES.items():
        rows = table.read(table.SHIPPED / f"{name}-asymmetry.parquet")
        lines.append(_line(name, pictures, rows))
        if not (design := SPECS / f"{name}-mild.toml").is_file():
            continue
        if not (file := design.with_suffix(".parquet")).is_file():
            lines.append(f"| {pictures} | {_budget(design.stem)} | not measured" + " |" * (len(HEADS) - 2))
            continue
        own = pd.concat(
            [rows[~rows["checkpoint"].str.contains("/asym-a-")], table.read(file)], ignore_index=True
        )
        assert asymmetry.summary(own, {})["effects"]["seeds"] == studies.read(design).seeds, "not whole yet"
        lines.append(_line(design.stem, pictures, own))
        said.append(_said(pictures, asymmetry.summary(own, {})))
    return [*lines, "", *([f"At {_budget(design.stem)} {'; '.join(said)}."] if said else [])]


def _line(name: str, pictures: str, rows: pd.DataFrame) -> str:
    found = asymmetry.summary(rows, {})
    alike = found["alike"]
    areas = [span(one[area], 3) for one in (found["effects"], alike["effects"]) for area in ("D_A", "X_AF")]
    cells = [pictures, _budget(name), f"{cost(found):.1f}", *areas[:2], f"{alike['n']:,}", *areas[2:]]
    return f"| {' | '.join(cells)} |"


def _budget(name: str) -> str:
    return f"{studies.read(SPECS / f'{name}.toml').a['eps']:g}/255"


def _said(pictures: str, found: dict[str, Any]) -> str:
    """In words whether this A helps under faults."""
    whole, alike = found["effects"]["X_AF"], found["alike"]["effects"]["X_AF"]
    return (
        f"adversarial training on {pictures} {in_a_word(whole)} under faults on all images, {points(whole)}, "
        f"and {in_a_word(alike)} at one clean accuracy, {points(alike)}"
    )


TABLES: dict[str, Callable[[], list[str]]] = {"mild": mild}
