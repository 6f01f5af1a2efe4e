"""From a rate and a budget to the files to deploy, as a visitor clicks it."""

import re
import zipfile

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import ready

expect.set_options(timeout=60_000)
LINK = "/protect?net=signs/resnet20/base&sampler=layer-uniform&ber=0.01&keep=95"


def test_a_link_shows_the_answer_its_plane_and_gives_the_files(visit, tmp_path):
    page = visit(LINK).page
    expect(page.locator(".st-key-protection_chart .main-svg").first).to_be_visible()
    expect(page.locator(".st-key-protect_says")).to_contain_text("int4-tmr2+int4-tmr2-x5@0")
    ready(page)
    with page.expect_download() as download:
        page.locator(".st-key-deploy_answer button").first.click()
    file = tmp_path / "files.zip"
    download.value.save_as(file)
    assert {"words.bin", "layout.json", "decoder.c"} < set(zipfile.ZipFile(file).namelist())


def test_the_budget_is_moved_and_the_answer_follows(visit):
    page = visit(LINK).page
    ready(page)
    slider = page.locator(".st-key-bits input[type=range]")
    slider.focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("bits=8(&|$)"))
    expect(page.locator(".st-key-protect_says")).to_contain_text("Nothing measured reaches 95")
