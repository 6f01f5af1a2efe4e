"""How a place in a text names one figure in full: {kind key=value ...}. No streamlit."""

from __future__ import annotations

import re

from resq.core.errors import ResqError

NAMED = {
    "ber": ("checkpoint", "encoding", "fault", "ber"),
    "eps": ("checkpoint", "encoding", "attack", "steps", "restarts", "eps"),
}
MORE = ("weights", "seed", "top", "n")  # may be named beside
NUMBERS = ("ber", "eps", "steps", "restarts", "seed", "top", "n")
DIFFERENCES = ("drop", "more")
KINDS = ("acc", *DIFFERENCES, "of")
At = dict[str, str]


def places(text: str) -> list[tuple[str, list[At]]]:
    """(kind, the cells it names) of every place of a text.

    Raises:
        ResqError: a place of an unknown kind, or one that does not name its figure in full.
    """
    return [_place(match[1]) for match in re.finditer(r"\{([^{}]+)\}", text)]


def _place(inside: str) -> tuple[str, list[At]]:
    kind, _, rest = inside.partition(" ")
    if kind not in KINDS:
        raise ResqError(
            f"{{{inside}}} is no place: write {{acc ...}}, {{drop ...}}, {{more ... | ...}} or {{of ...}}"
        )
    figures = [_named(part, inside) for part in rest.split("|")]
    if len(figures) not in {"more": (2,), "of": (1, 2)}.get(kind, (1,)):
        wanted = "two figures, with | between them" if kind == "more" else "one figure"
        raise ResqError(f"{{{inside}}} names {len(figures)} figures; {kind} takes {wanted}")
    return kind, figures


def _named(text: str, inside: str) -> At:
    """What one figure names, checked to be all that decides it."""
    pairs = text.split()
    if not all("=" in pair for pair in pairs):
        raise ResqError(f"{{{inside}}} is no place: what is named is written key=value")
    at = dict(pair.split("=", 1) for pair in pairs)
    wanted = NAMED["eps" if "eps" in at else "ber"]
    lacking = [key for key in wanted if key not in at]
    unknown = sorted(set(at) - {*wanted, *MORE})
    if lacking or unknown:
        fault = f"does not name {', '.join(lacking)}" if lacking else f"has {', '.join(unknown)}"
        raise ResqError(
            f"{{{inside}}} {fault}; a figure names {', '.join(wanted)}, and may name {', '.join(MORE)}"
        )
    for key in set(at) & set(NUMBERS):
        _number(key, at[key], inside)
    return at


def _number(key: str, value: str, inside: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ResqError(f"{{{inside}}}: {key} is a number, got {value!r}") from None
