"""``python -m dashboard.report TARGET --out report.html``: rows as one file that needs no network, or as PDF.

Its figures are those of the pages, interactive, all drawn by one plotly.js in the file. Knows no streamlit.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from dashboard import charts
from dashboard.charts import theme
from dashboard.format import claim_labels, sentences
from dashboard.report import bundle
from resq import __version__, data
from resq.claims import provenance, verdict
from resq.claims.registry import load
from resq.claims.verdict import Verdict
from resq.core.errors import ResqError
from resq.measure.analysis import stats

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SHARED = {
    "ber": ["data", "fault", "region", "n", "seed"],
    "eps": ["data", "attack", "steps", "restarts", "n", "seed"],
}
STYLE = """
body { font: 17px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; max-width: 1000px;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.9rem; margin-bottom: .2rem; }
h2 { margin-top: 2.2rem; border-top: 1px solid #ddd; padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #e4e4e4; }
td { font-variant-numeric: tabular-nums; }
pre { background: #f5f5f3; padding: .8rem; white-space: pre-wrap; word-break: break-word; font-size: .85rem; }
figure { margin: 1rem 0; } figcaption, .quiet { color: #5a5a5a; font-size: .9rem; }
.quoted { color: #7A4B00; } .quoted::before { content: "\\25C7\\00a0"; }
@media print { body { max-width: none; } figure, tr, pre { break-inside: avoid; } }
"""


def claim_page(v: Verdict, rows: pd.DataFrame) -> str:
    """The report of one claim: its verdict and its readings first, then the rows behind them, as HTML.

    Raises:
        ValueError: no rows.
    """
    book = load()
    said = f"<p class=quoted>{_text(v.claim.says)}</p><p><b>{_text(v.verdict)}</b>: {_text(v.why)}.</p>"
    if v.claim.value is not None and v.claim.unit != "flips" and v.readings:
        drawn = charts.CHARTS["readings"].draw(v, book.get(v.claim.baseline))
        said += f"<figure>{_picture(drawn)}</figure><p>{_text(claim_labels.reached(v))}</p>"
    return page(claim_labels.label(v, book), rows, said + f"<p class=quiet>{_text(verdict.RULE)}</p>")


def page(title: str, rows: pd.DataFrame, first: str = "") -> str:
    """The whole report of these rows, as HTML.

    Args:
        first: HTML that comes before the figures of the rows.
    Raises:
        ValueError: no rows.
    """
    if rows.empty:
        raise ResqError(f"{title} holds no rows, so there is nothing to report")
    about = provenance.claims(rows)
    judged = [v for v in verdict.judge_all(about, rows, load()) if _worth_reporting(v)]
    parts = [
        f"<h1>{_text(title)}</h1><p class=quiet>RESQ Lab {__version__}. {len(rows)} measured rows; every "
        "number below follows from them.</p>",
        first,
        *(_figure(*drawn) for drawn in figures(rows)),
        _section(
            "Quoted claims beside these rows", _claims(judged) + f"<p class=quiet>{_text(verdict.RULE)}</p>"
        )
        if judged
        else "",
        _section("How it was measured", f"<p>{_text(provenance.methods(rows))}</p>"),
        _section("Hashes", _table(provenance.hashes(rows))),
        _section("The commands", f"<pre>{_text(chr(10).join(provenance.commands(rows)))}</pre>"),
        _section("To cite", f"<pre>{_text(provenance.bibtex(about))}</pre>"),
    ]
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{_text(title)}</title>"
        f"<style>{STYLE}</style>{bundle.script()}</head>"
        f"<body>{''.join(parts)}{_data(rows)}</body></html>"
    )


def _worth_reporting(v: Verdict) -> bool:
    """Whether a report has something to say about a claim: measured beside it, or a claim of RESQ itself."""
    return v.claim.source.label in ("paper", "blog") or (
        v.decides is not None and v.decides.value is not None
    )


def figures(rows: pd.DataFrame) -> Iterator[tuple[str, str, go.Figure, pd.DataFrame]]:
    """(name, under which conditions, figure, its curves), one for all series that share their conditions."""
    chance = {name: 1 / len(s.classes) for name, s in data.DATASETS.items()}
    for name, shared in SHARED.items():
        curves = stats.curve(rows, name)
        if curves.empty:
            continue
        for _, part in curves.groupby(shared, sort=False):
            own = {d: chance[d] for d in part["data"].unique() if d in chance}
            yield name, sentences.provenance(part, "Conditions"), charts.CHARTS[name].draw(part, own), part


def _figure(name: str, where: str, drawn: go.Figure, curves: pd.DataFrame) -> str:
    chart = charts.CHARTS[name]
    return _section(
        chart.title,
        f"<figure>{_picture(drawn)}<figcaption>{_text(chart.caption)}<br>{_text(where)}</figcaption></figure>"
        + _table(numbers(curves, name)),
    )


def _picture(drawn: go.Figure) -> str:
    return bundle.division(theme.on_white(drawn))


def numbers(curves: pd.DataFrame, name: str) -> pd.DataFrame:
    """A curve's numbers for people: percent with two digits, the interval that the figure shows.

    Where nothing is random but the images, it is Wilson's over them: also of the accuracy without faults.
    """
    still = (curves["x"] == 0) | (name == "eps")
    low, high = (curves[end].where(~still, curves[f"image_{end}"]) for end in ("low", "high"))
    shown = {
        "network": curves["checkpoint"],
        "stored as": curves["encoding"],
        "eps / 255" if name == "eps" else "BER": curves["x"].map("{:g}".format),
        "accuracy %": (100 * curves["mean"]).map("{:.2f}".format),
        "95 % low": (100 * low).map("{:.2f}".format),
        "95 % high": (100 * high).map("{:.2f}".format),
        "over": still.map({True: "images (Wilson)", False: "maps and images"}),
        "maps": curves["maps"],
        "n": curves["n"],
        "seed": curves["seed"],
    }
    return pd.DataFrame(shown).replace("nan", "one map")


def _claims(judged: Sequence[Verdict]) -> str:
    """Quoted figures in their own mark and colour, never in the measured tables."""
    head = "<tr><th>quoted</th><th>source</th><th>measured, 95 %</th><th>verdict</th></tr>"
    return f"<div class=wide><table>{head}{''.join(map(_claim, judged))}</table></div>"


def _claim(v: Verdict) -> str:
    word = f"<b>{_text(v.verdict)}</b><br><span class=quiet>{_text(v.why)}</span>"
    quoted = f"<td class=quoted>{_text(v.claim.says)}</td><td>{_text(v.claim.source.label)}</td>"
    return f"<tr>{quoted}<td>{_measured(v)}</td><td>{word}</td></tr>"


def _measured(v: Verdict) -> str:
    best = v.decides
    if best is None or best.value is None or best.low is None or best.high is None:
        return "not measured"
    return v.claim.spell(best.value, best.low, best.high)


def _section(title: str, body: str) -> str:
    return f"<h2>{_text(title)}</h2>{body}"


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{_text(str(name))}</th>" for name in frame)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(str(value))}</td>' for value in row)}</tr>"
        for row in frame.to_numpy().tolist()
    )
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _data(rows: pd.DataFrame) -> str:
    """The rows themselves, for machines (pandas: orient "split"); per-image answers left out."""
    split = rows.drop(columns="right").to_dict("split", index=False)
    held = json.dumps(split, separators=(",", ":")).replace("<", "\\u003c")
    return f"<script type='application/json' id=rows>{held}</script>"


def _text(value: str) -> str:
    return html.escape(value)


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
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ResqError(f"{Path(program).name} wrote no PDF: {said}")


def write(target: str, out: Path) -> Path:
    """Writes the report of a target as ``provenance.target`` reads it; .html or .pdf.

    Raises:
        ValueError: no such target, another ending, a file that exists already, or no browser for a PDF.
    """
    if out.suffix not in (".html", ".pdf"):
        raise ResqError(f"--out takes a .html or .pdf file, got {out}")
    if out.exists():
        raise ResqError(f"{out} exists already; nothing was overwritten")
    text = page(*provenance.target(target))
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
    arguments = parser.parse_args(argv)
    try:
        sys.stdout.write(f"{write(arguments.target, arguments.out)}\n")
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
