"""Every figure of a page is saved as papers print it: whole words and legend, a name that speaks."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("playwright")
from PIL import Image
from playwright.sync_api import expect

from dashboard.report import html_report
from tests.browser.look import ready

expect.set_options(timeout=60_000)
pytestmark = pytest.mark.skipif(not html_report.browser(), reason="no Chromium to draw with")

ROOT = Path(__file__).resolve().parents[2]
NET = "signs/resnet20/base"
# page -> its address, the boxes of numbers, and what the names of the files must tell.
PAGES = {
    "bitlab": (f"/bitlab?net={NET}&enc=fp32&flip=30&pixels=8", "signs-resnet20-base-fp32"),
    "sweep": (f"/sweep?nets={NET}&encs=int8&encs=int8-symmetric-tensor", "signs-resnet20-base"),
    "layers": (f"/layers?net={NET}&enc=int8", "signs-resnet20-base-int8"),
    "tradeoff": (f"/tradeoff?net={NET}&enc=int8", "signs-resnet20-base-int8"),
    "relief": (f"/tradeoff?net={NET}&enc=int8&view=landscape", "signs-resnet20-base-int8"),
    "harden": (f"/harden?net={NET}&shown=signs/resnet20/plus", "signs-resnet20-plus"),
    "replay": ("/replay?claim=resnet18-ber-1e-2", "resnet18-ber-1e-2"),
}
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
    """The name and the bytes of what a button saves."""
    with page.expect_download(timeout=120_000) as got:
        button.click()
    return got.value.suggested_filename, Path(got.value.path()).read_bytes()


def opened(page) -> None:
    """The boxes of numbers and files, all of them open."""
    ready(page)
    boxes = page.locator('[class*="st-key-numbers"] summary')
    expect(boxes.first).to_be_visible()
    for box in boxes.all():
        box.click()
    ready(page)


def cut(page, svg: bytes) -> list[str]:
    """Words of a drawing that lie outside of it."""
    blank = page.context.new_page()
    blank.set_content(f'<body style="margin:0">{svg.decode()}</body>')
    found = blank.evaluate(OUTSIDE)
    blank.close()
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_of_a_page_is_saved_whole_under_a_name_that_says_what_it_is(visit, name):
    path, told = PAGES[name]
    page = visit(path).page
    opened(page)
    buttons = page.locator('[class*="st-key-numbers"] button', has_text=re.compile("SVG$"))
    expect(buttons.first).to_be_visible()
    for button in buttons.all():
        file, raw = saved(page, button)
        assert re.fullmatch(r"resq-[a-z_]+(-[a-z0-9.@-]+)?\.svg", file)
        assert told in file or file.endswith("-signs-resnet20.svg"), file
        assert raw.startswith(b"<svg")
        assert cut(page, raw) == [], file


def test_a_figure_is_a_png_a_pdf_and_a_page_that_needs_no_network(visit):
    page = visit(PAGES["sweep"][0]).page
    opened(page)
    for form in ("PNG", "PDF", "HTML"):
        button = page.locator('[class*="st-key-numbers"] button', has_text=re.compile(f"{form}$")).first
        file, raw = saved(page, button)
        assert (
            file
            == f"resq-ber-signs-resnet20-base-int8-signs-resnet20-base-int8-symmetric-tensor.{form.lower()}"
        )
        if form == "PNG":
            picture = Image.open(io.BytesIO(raw)).convert("L")
            assert picture.getpixel((0, 0)) == 255
            assert picture.getextrema()[0] < 128, "something is drawn"
        elif form == "PDF":
            assert raw.startswith(b"%PDF")
        else:
            assert 100_000 < len(raw) < 2_500_000
            assert b'src="http' not in raw


def resq(command: str) -> str:
    """What a command of a page prints."""
    words = command.split()
    assert words[:3] == ["python", "-m", "resq"], command
    ended = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True)
    return ended.stdout


def command(page, begins: str) -> str:
    """The first command in an opened box that begins so."""
    code = page.locator('[class*="st-key-numbers"] code', has_text=f"python -m resq {begins}").first
    expect(code).to_be_visible()
    lines = code.inner_text().splitlines()
    return next(line for line in lines if line.startswith(f"python -m resq {begins}"))


def test_the_command_of_the_bit_lab_gives_its_answer(visit):
    page = visit(PAGES["bitlab"][0]).page
    opened(page)
    answers = json.loads(resq(command(page, "flip") + " --json"))["answers"]
    flipped = [one["answer"] for one in answers if one["weights"] != "as stored"]
    said = page.locator('[class*="st-key-verdict_"] h2').first.inner_text()
    assert flipped
    assert (flipped[0] or "no answer") in said


def test_the_command_of_layers_gives_the_rows_of_its_heatmap(visit, tmp_path):
    page = visit(f"/layers?net={NET}&enc=int8&kind=estimated").page
    opened(page)
    button = page.locator('[class*="st-key-numbers"] button', has_text="Rows as CSV").first
    shown = pd.read_csv(io.BytesIO(saved(page, button)[1]))
    words = command(page, "sensitivity").replace("--measured ", "")
    assert "--n 48" in words
    # The estimate alone: the measured cells of the same command take minutes.
    out = tmp_path / "again.parquet"
    resq(re.sub(r" --maps \d+", "", words) + f" --out {out}")
    again = pd.read_parquet(out)
    stored = shown[shown["kind"] == "instant"].set_index(["layer", "bit"])["change"]
    made = again[again["kind"] == "instant"].set_index(["layer", "bit"])["change"]
    assert len(made) == len(stored) == 160
    assert (made - stored).abs().max() <= 1e-4 * stored.abs().max()
