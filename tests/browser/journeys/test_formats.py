"""The Bit lab's box of formats in a real browser: a bit of one format, and a flip that was seen."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import VERDICT, ready, tile, until

expect.set_options(timeout=60_000)


def test_a_bit_of_one_format_flips_there_and_a_seen_flip_in_the_word_above(visit):
    page = visit("/bitlab?net=signs/resnet20/base&enc=int8").page
    ready(page)
    page.locator(".st-key-formats summary").click()
    row = page.locator(".st-key-formats_row_fp16")
    row.locator(".st-key-format_fp16_exponent_14 button").click()
    expect(row.get_by_text("65,536 times")).to_be_visible()
    expect(page.locator(".st-key-formats_row_bf16").get_by_text("→")).to_have_count(0)
    page.locator(".st-key-hammer_D1 button").click()
    expect(page).to_have_url(re.compile("flip=14"))
    expect(tile(page, 14)).to_have_attribute("kind", "primary")
    expect(page.locator(VERDICT)).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    last = page.locator(".st-key-format_fp16_mantissa_0 button")
    last.scroll_into_view_if_needed()
    until(page, lambda: last.bounding_box()["x"] + last.bounding_box()["width"] <= 380, True)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
