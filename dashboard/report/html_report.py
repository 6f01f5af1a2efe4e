"""``python -m dashboard.report TARGET --out report.html``: rows as one file that needs no network, or as PDF.

Its figures are those of the pages, interactive, all drawn by one plotly.js in the file. Knows no streamlit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from dashboard import charts
from dashboard.format import claim_labels, claim_sentences
from dashboard.report import bundle, ending, measured, taken
from resq import __version__, checkpoints
from resq.claims import methods, points, provenance, verdict
from resq.claims.judged import Verdict
from resq.claims.registry import load
from resq.core.errors import ResqError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


def claim_page(v: Verdict, rows: pd.DataFrame, again: str = "") -> str:
    """The report of one claim: its verdict, its readings as figure and table, what made their rows, as HTML.

    Args:
        rows: those of its readings' cells, see ``of_claim``.
        again: what came of measuring the deciding cell again here, in a sentence; empty: it was not.

    Raises:
        ValueError: no rows.
    """
    book = load()
    drawn = None
    if v.claim.value is not None and v.claim.unit != "flips" and v.readings:
        drawn = measured.picture(charts.CHARTS["readings"].draw(v, book.get(v.claim.baseline)))
    reached = claim_labels.reached(v) if drawn is not None else ""
    first = {**_claim(v), "picture": drawn, "reached": reached, "again": again}
    return page(claim_labels.label(v, book), rows, {**first, "readings": claim_sentences.table(v)})


def of_claim(v: Verdict, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a claim's readings: of the hardened networks and of the unhardened ones beside them."""
    cells = [cell for r in v.readings for cell in (r.cell, r.base) if cell is not None]
    return points.rows_of_all(cells, rows)


def page(
    title: str,
    rows: pd.DataFrame,
    first: Mapping[str, object] | None = None,
    file: Path | None = None,
    half: float = 0.0,
) -> str:
    """The whole report of these rows, as HTML.

    Args:
        first: a claim, as ``claim_page`` tells it: instead of curves of the rows and other claims.
        file: the deployed file that the rows are of, where it lies elsewhere than those that are kept.
        half: at which half-width, 0..1, a rule stopped the maps of these rows; 0: none did.

    Raises:
        ValueError: no rows.
    """
    if rows.empty:
        raise ResqError(f"{title} holds no rows, so there is nothing to report")
    about = provenance.claims(rows)
    drawn = [] if first else list(measured.figures(rows, half))
    judged = [v for v in verdict.judge_all(about, rows, load()) if _worth_reporting(v)]
    return TEMPLATES.get_template("report.html.j2").render(
        title=title,
        version=__version__,
        count=len(rows),
        taken=taken.lines(rows, file),
        plotly=Markup(bundle.script()),
        claim=first,
        figures=[measured.shown(*each) for each in drawn],
        left_out="" if first else measured.left_out(rows, [(axis, lines) for axis, *_, lines in drawn]),
        claims=[] if first else [_claim(v) for v in judged],
        rule=verdict.RULE,
        methods=methods.paragraph(rows, half),
        hashes=provenance.hashes(rows),
        commands="\n".join([*_makers(rows), *provenance.commands(rows, file)]),
        without=provenance.without_command(rows, file),
        bibtex=provenance.bibtex(about),
        rows_json=Markup(_data(rows)),
    )


def _worth_reporting(v: Verdict) -> bool:
    """Whether a report has something to say about a claim: measured beside it, or a claim of RESQ itself."""
    return v.claim.source.label in ("paper", "blog") or (
        v.decides is not None and v.decides.value is not None
    )


def _makers(rows: pd.DataFrame) -> list[str]:
    """What makes the networks of these rows whose weights are not shipped; each list once."""
    absent, named = checkpoints.unshipped(), set(rows["checkpoint"])
    return list(dict.fromkeys(checkpoints.making(card) for name, card in absent.items() if name in named))


def _claim(v: Verdict) -> dict[str, str]:
    """A quoted figure and its verdict; never in the measured tables."""
    return {"says": v.claim.says, "source": v.claim.source.label, "measured": claim_sentences.measured(v),
            "verdict": v.verdict, "why": v.reason}  # fmt: skip


def _data(rows: pd.DataFrame) -> str:
    """The rows themselves, for machines (pandas: orient "split"); per-image answers left out."""
    split = rows.drop(columns="right").to_dict("split", index=False)
    return json.dumps(split, separators=(",", ":")).replace("<", "\\u003c")


def browser() -> str:
    """The Chromium of this machine; empty where there is none."""
    named = os.environ.get("RESQ_CHROMIUM", "")
    return named or next(filter(None, map(shutil.which, BROWSERS)), "")


def headless(program: str, profile: str) -> list[str]:
    """The words that start this browser without a window, in a profile of its own."""
    return [
        program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--virtual-time-budget=20000", f"--user-data-dir={profile}",
        *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]  # fmt: skip


def pdf(source: Path, out: Path) -> None:
    """Prints an HTML file as PDF with the Chromium of this machine.

    Raises:
        ValueError: there is none, or it did not write the file.
    """
    program = browser()
    if not program:
        raise ResqError(
            "a PDF needs Chromium or Chrome on the path (or RESQ_CHROMIUM); write .html and print it"
        )
    with tempfile.TemporaryDirectory() as profile:
        printed = ["--no-pdf-header-footer", f"--print-to-pdf={out.resolve()}", source.resolve().as_uri()]
        command = [*headless(program, profile), *printed]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if not out.is_file():
        last_line = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ResqError(f"{Path(program).name} wrote no PDF: {last_line}")


def write(target: str, out: Path, file: Path | None = None) -> Path:
    """Writes the report of a target as ``provenance.target`` reads it, .html or .pdf; ``file``: see ``page``.

    Raises:
        ValueError: no such target, another ending, a file that exists already, or no browser for a PDF.
    """
    if out.suffix not in (".html", ".pdf"):
        raise ResqError(f"--out takes a .html or .pdf file, got {out}")
    if out.exists():
        raise ResqError(f"{out} exists already; nothing was overwritten")
    text = page(*provenance.target(target), file=file, half=provenance.half(target))
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".html":
        out.write_text(text, encoding="utf-8")
        return out
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "report.html"
        source.write_text(text, encoding="utf-8")
        pdf(source, out)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Writes one report; 2 with a sentence where it cannot."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.report", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--file", type=Path, help="the deployed file that the rows are of")
    arguments = parser.parse_args(argv)
    return ending.ended(lambda: write(arguments.target, arguments.out, arguments.file))


if __name__ == "__main__":
    sys.exit(main())
