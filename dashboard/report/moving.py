"""``python -m dashboard.report.moving ROWS.json --axis ber --out FILE``: pictures that move, as one file.

An .html file moves and needs no network; .svg, .pdf and .png show a step in which many answers have changed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard import charts
from dashboard.model.moving.journey import journey
from dashboard.report import bundle, ending, paper
from resq.core import files
from resq.core.errors import ResqError
from resq.measure.analysis import embedding


def write(rows: Path, axis: str, out: Path) -> Path:
    """The figure of these rows.

    Args:
        axis: what grows, "ber" or "eps".

    Raises:
        ResqError: no such rows, none of this axis, or nothing that draws such a file.
    """
    shown = journey(embedding.read(rows), axis)
    if len(shown.steps) < 2:
        raise ResqError(f"no step of axis {axis} is among these rows; give --{axis} or the other --axis")
    drawn = charts.CHARTS["embedding"].draw(shown)
    form = out.suffix[1:]
    files.write_bytes(out, bundle.page(drawn).encode() if form == "html" else paper.drawn(drawn, form))
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Writes one figure; 2 with a sentence where it cannot."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.report.moving", description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--axis", choices=("ber", "eps"), default="ber")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(argv)
    return ending.ended(lambda: write(given.rows, given.axis, given.out))


if __name__ == "__main__":
    sys.exit(main())
