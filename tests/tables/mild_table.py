"""Whether adversarial training under a smaller budget carries over to faults: beside that of the studies."""

from collections.abc import Callable, Mapping
from typing import Any

from resq.training import study as studies
from tests.tables.asymmetry_tables import SPECS, span
from tests.tables.shield_findings import PICTURES, cost
from tests.tables.shield_tables import in_a_word, milder, points, summary

HEADS = (
    "pictures", "budget of A", "cost of A, points", "D_A", "X_AF", "always right", "D_A", "X_AF", "Lambda",
)  # fmt: skip


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
        lines.append(_line(pictures, _budget(name), summary(name)))
        if not (SPECS / f"{name}-mild.toml").is_file():
            continue
        if (other := milder(name)) is None:
            lines.append(f"| {pictures} | {_budget(name + '-mild')} | not measured" + " |" * (len(HEADS) - 2))
            continue
        lines.append(_line(pictures, other[0], other[1]))
        said.append(_said(pictures, *other))
    return [*lines, *(["", " ".join(said)] if said else [])]


def _line(pictures: str, eps: float, found: Mapping[str, Any]) -> str:
    alike = found["alike"]
    areas = [span(one[area], 3) for one in (found["effects"], alike["effects"]) for area in ("D_A", "X_AF")]
    cells = [pictures, f"{eps:g}/255", f"{cost(found):.1f}", *areas[:2], f"{alike['n']:,}", *areas[2:]]
    return f"| {' | '.join([*cells, span(alike['effects']['Lambda'], 2)])} |"


def _budget(name: str) -> float:
    return float(studies.read(SPECS / f"{name}.toml").a["eps"])


def _said(pictures: str, eps: float, found: Mapping[str, Any]) -> str:
    """In words whether this A helps under faults."""
    whole, alike = found["effects"]["X_AF"], found["alike"]["effects"]["X_AF"]
    return (
        f"At {eps:g}/255 adversarial training on {pictures} {in_a_word(whole)} under faults on all images, "
        f"{points(whole)}, and {in_a_word(alike)} at one clean accuracy, {points(alike)}; each seed on "
        f"images of its own: {points(found['own']['effects']['X_AF'])}."
    )


TABLES: dict[str, Callable[[], list[str]]] = {"mild": mild}
