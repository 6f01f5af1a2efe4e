"""What pages give away: figures and rows as files, and commands that are typed elsewhere."""

import io
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.look import calm

ROOT = Path(__file__).resolve().parents[2]

# Words and the legend's box that do not lie inside the drawing, by at least a pixel.
OUTSIDE = """() => {
    const whole = document.querySelector('svg').getBoundingClientRect();
    const parts = [...document.querySelectorAll('text, .legend .bg')];
    return parts.filter(part => {
        const box = part.getBoundingClientRect();
        return box.width && (box.left < whole.left - 1 || box.right > whole.right + 1
            || box.top < whole.top - 1 || box.bottom > whole.bottom + 1);
    }).map(part => part.textContent || 'legend');
}"""


def saved(page, button) -> tuple[str, bytes]:
    """The name and the bytes of what a button saves; fails with what the page says where it saves nothing."""
    came, refused = [], page.get_by_test_id("stDownloadButtonError")
    page.once("download", lambda file: came.append(file))  # Playwright takes no method of a list
    button.click()
    end = time.monotonic() + 120  # a browser of its own draws the file
    while not came:
        assert not (said := refused.all_inner_texts()), said  # it stands there for five seconds only
        assert time.monotonic() < end, "no file came in 120 s"
        page.wait_for_timeout(100)  # not time.sleep: the browser's events must come in
    return came[0].suggested_filename, Path(came[0].path()).read_bytes()


def opened(page) -> None:
    """The boxes of numbers and files, all of them open."""
    calm(page)
    boxes = page.locator('[class*="st-key-numbers"] summary')
    expect(boxes.first).to_be_visible()
    for box in boxes.all():
        box.click()
        calm(page)


def cut(page, svg: bytes) -> list[str]:
    """Words of a drawing that lie outside of it."""
    blank = page.context.new_page()
    blank.set_content(f'<body style="margin:0">{svg.decode()}</body>')
    found = blank.evaluate(OUTSIDE)
    blank.close()
    return found


def resq(command: str, work: Path | None = None) -> str:
    """What a command of a page prints.

    Args:
        work: the folder to work in; a new one knows no row that the page has measured.
    """
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "resq"], command
    environment = {**os.environ, **({"RESQ_WORK": str(work)} if work else {})}
    ended = subprocess.run(
        [sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert ended.returncode == 0, f"{command}\n{ended.stderr}"
    return ended.stdout


def command(page, begins: str) -> str:
    """The first command in an opened box that begins so."""
    code = page.locator('[class*="st-key-numbers"] code', has_text=f"python -m resq {begins}").first
    expect(code).to_be_visible()
    lines = code.inner_text().splitlines()
    return next(line for line in lines if line.startswith(f"python -m resq {begins}"))


def whole_on_white(page, form: str, raw: bytes) -> list[str]:
    """What is wrong with a figure's file: words cut off, a picture that is not on white, or nothing drawn."""
    if form == "svg":
        return cut(page, raw)
    if form == "pdf":
        return [] if raw.startswith(b"%PDF") and b"/Type" in raw else ["no PDF"]
    pixels = np.asarray(Image.open(io.BytesIO(raw)).convert("L"))
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return [*["an edge is not white"] * bool((edges < 255).any()), *["empty"] * bool(pixels.min() > 128)]


# The dots of a figure as Plotly holds them: without bands and rings, which say nothing.
DRAWN = """place => [...document.querySelector(place + ' .js-plotly-plot')._fullData]
    .filter(trace => (trace.mode || '').includes('markers') && Array.isArray(trace.text))
    .map(trace => ({name: trace.name, x: [...trace.x], y: [...trace.y], text: [...trace.text]}))"""


def drawn(page, place: str) -> list[dict]:
    """Name, positions and words of the dots of a figure."""
    return page.evaluate(DRAWN, place)
