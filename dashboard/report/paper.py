"""Figures as papers print them: on white, at column width, as SVG, PDF or PNG, drawn by the Chromium here."""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
import threading
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dashboard.charts import theme
from dashboard.report import html_report
from resq.core.errors import ResqError

FORMS = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
COLUMN = 3.5  # inches: one column of a page of two, as IEEE and ACM print it
DOTS = 96  # pixels of an inch, as browsers count them
SMALL = 9.0  # pixels of the words, 6.75 points
DENSE = 6  # PNG pixels of one of a screen's: 576 dots an inch
LONGEST = 120  # s
_one = threading.Semaphore(1)  # a browser takes 200 MB: one at a time

PAGE = """<!doctype html><meta charset=utf-8><style>@page {{ size: {width}px {height}px; margin: 0 }}
html, body {{ margin: 0; height: {height}px; overflow: hidden }}</style><script>{plotly}</script>
<div id=figure></div><pre id=made hidden></pre><script>
const given = {figure};
Plotly.newPlot('figure', given.data, given.layout, {{staticPlot: true}}).then(figure =>
  Plotly.toImage(figure, {{format: '{form}', width: {width}, height: {height}, scale: {scale}}})
).then(made => {{ document.getElementById('made').textContent = made; }});
</script>"""


def file_name(chart: str, of: str = "") -> str:
    """A name that says what the figure is of.

    >>> file_name("ber", "signs/resnet20/base int8 fp32"), file_name("readings")
    ('resq-ber-signs-resnet20-base-int8-fp32', 'resq-readings')
    """
    slug = re.sub(r"[^a-z0-9.@]+", "-", of.lower()).strip("-.")[:80].rstrip("-.")
    return f"resq-{chart}{f'-{slug}' if slug else ''}"


def column(figure: go.Figure) -> go.Figure:
    """The figure on white, scaled so that it is one column wide and its words can be read in print.

    Everything that is counted in pixels, words, lines, marks and margins, shrinks alike.
    """
    white = theme.on_white(figure)
    # Paper has nothing to press: what stands over a plane, which names its step, leaves its room to it.
    if white.layout.sliders and white.layout.sliders[0].yanchor == "bottom":
        top = min(theme.SIZE, white.layout.margin.t or theme.SIZE)
        white.layout.sliders, white.layout.updatemenus = (), ()
        white.update_layout(margin={"t": top})
    factor = SMALL / theme.SIZE
    small = go.Figure(scaled(white.to_dict(), factor))
    width, height = COLUMN * DOTS, (figure.layout.height or 420) * factor
    legend = {"font": {"size": SMALL}, "itemwidth": 30, "entrywidthmode": "pixels"}
    small.update_xaxes(gridwidth=0.5).update_yaxes(gridwidth=0.5)
    return small.update_layout(width=width, height=max(height, 0.6 * width), legend=legend, autosize=False)


PIXELS = {"size", "width", "l", "r", "t", "b", "standoff", "ticklen", "thickness", "xshift", "yshift",
          "tickwidth", "linewidth", "gridwidth", "borderwidth", "borderpad", "xgap", "ygap"}  # fmt: skip


def scaled(part: object, factor: float, inside: str = "") -> object:
    """A part of a figure with all that is counted in pixels multiplied; bars and shapes keep their data."""
    if isinstance(part, list | tuple):
        return [scaled(child, factor, inside) for child in part]
    if not isinstance(part, dict):
        return part
    scaled_part: dict[str, object] = {}
    for name, child in part.items():
        data = name == "width" and part.get("type") == "bar"  # of a bar it is in units of the axis
        if name in PIXELS and isinstance(child, int | float) and not isinstance(child, bool) and not data:
            scaled_part[name] = child * factor
        else:
            scaled_part[name] = scaled(child, factor, name)
    return scaled_part


def drawn(figure: go.Figure, form: str) -> bytes:
    """The figure as a file.

    Args:
        form: svg, pdf or png.

    Raises:
        ValueError: no browser on this machine, or it drew nothing.
    """
    fitted = column(figure)
    width, height = round(fitted.layout.width), round(fitted.layout.height)
    page = PAGE.format(
        width=width, height=height, plotly=get_plotlyjs(), form="png" if form == "png" else "svg",
        figure=fitted.to_json().replace("<", "\\u003c"), scale=DENSE if form == "png" else 1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "figure.html"
        source.write_text(page, encoding="utf-8")
        if form == "pdf":
            out = Path(folder) / "figure.pdf"
            with _one:
                html_report.pdf(source, out)
            return out.read_bytes()
        return _image(_made(source))


def _made(source: Path) -> str:
    """The address of data that the page's own drawing gave."""
    program = html_report.browser()
    if not program:
        raise ResqError("a figure on white needs Chromium or Chrome on the path (or RESQ_CHROMIUM)")
    with tempfile.TemporaryDirectory() as profile, _one:
        command = [*html_report.headless(program, profile), "--dump-dom", source.resolve().as_uri()]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    match = re.search(r'<pre id="made" hidden="">([^<]+)</pre>', ended.stdout)
    if match is None:
        last_line = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ResqError(f"{Path(program).name} drew no figure: {last_line[:200]}")
    return match[1]


def _image(address: str) -> bytes:
    """The bytes of an address of data: percent-encoded text, or base64."""
    from urllib.parse import unquote_to_bytes

    head, _, body = address.partition(",")
    if head.endswith("base64"):
        return base64.b64decode(body)
    return unquote_to_bytes(body.replace("&amp;", "&"))
