"""Every figure of a page is saved as papers print it: whole words and legend, a name that speaks."""

import io
import json
import re

import pandas as pd
import pytest

pytest.importorskip("playwright")
from PIL import Image
from playwright.sync_api import expect

from dashboard.report import html_report
from tests.browser.files import command, cut, opened, resq, saved

expect.set_options(timeout=60_000)
pytestmark = pytest.mark.skipif(not html_report.browser(), reason="no Chromium to draw with")

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
