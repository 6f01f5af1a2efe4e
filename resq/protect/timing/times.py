"""What decoding was measured to add to a pass, read from rows of ``pass_time.measured``. No torch."""

from __future__ import annotations

from typing import Any

IMAGES = (1, 250)  # of a pass: one, as on a board that looks at one picture, and a batch


def ratio(row: dict[str, Any], images: int = 1) -> float | None:
    """The time of a pass of so many images with all words decoded before it, over that of the plain pass.

    Args:
        row: of ``measured``.

    >>> row = {"decode": 0.01, "pass": {"1": 0.02}, "pass_own": {"1": 0.02}}
    >>> ratio(row), ratio(row | {"decode": None})
    (1.5, None)
    """
    if row["decode"] is None:
        return None
    return float((row["decode"] + row["pass_own"][str(images)]) / row["pass"][str(images)])
