"""A projector and a telephone: what they must show at once lies inside the screen."""

from functools import partial

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (requirements-dev.txt)")
from playwright.sync_api import expect

from tests.browser.look import VERDICT, click_bit, until

PROJECTOR, TELEPHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


@pytest.mark.parametrize("path", ["/", "/sweep"])
def test_a_projector_shows_the_whole_figure(visit, path):
    page = visit(f"{path}?present=1").page
    page.set_viewport_size(PROJECTOR)
    axis = page.locator(".xtitle").filter(has_text="bit error rate").first
    expect(axis).to_be_in_viewport(ratio=1)
    expect(page.locator("h1")).to_be_in_viewport(ratio=1)


def test_a_laptop_cuts_no_reading_of_the_bit_lab_and_keeps_its_buttons_in_rows(visit):
    """At 1280 pixels "was 0x87" was cut to "was 0:", and the budget 16 stood alone in a second row."""
    page = visit("/bitlab?net=signs/resnet20/base").page
    page.set_viewport_size(PROJECTOR)
    expect(page.locator(VERDICT)).to_be_visible()
    click_bit(page, 7)
    expect(page.locator("[data-testid=stMetricDelta]").first).to_contain_text("was")
    inside = """all => all.every(one => { const box = one.getBoundingClientRect(),
        card = one.closest('[data-testid=stMetric]').getBoundingClientRect(), text = document.createRange();
        text.selectNodeContents(one);
        return box.right <= card.right && text.getBoundingClientRect().right <= card.right; })"""
    assert page.locator("[data-testid=stMetricDelta]").evaluate_all(inside)
    tops = "all => [all.length >= 4, new Set(all.map(one => Math.round(one.getBoundingClientRect().y))).size]"
    for row in (".st-key-pixels button", '[class*="st-key-group_shortcuts"] button'):
        until(page, partial(page.locator(row).evaluate_all, tops), [True, 1])


def test_a_telephone_shows_eight_bits_in_one_row_and_the_answer_whatever_is_scrolled(visit):
    page = visit("/bitlab").page
    page.set_viewport_size(TELEPHONE)
    bits = page.locator(".st-key-words_8 button")
    expect(bits).to_have_count(8)
    bits.first.scroll_into_view_if_needed()
    rows = "all => new Set(all.map(one => Math.round(one.getBoundingClientRect().y))).size"
    until(page, partial(bits.evaluate_all, rows), 1)  # in one look: the page may still move
    ends = bits.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert max(ends) <= TELEPHONE["width"]
    expect(page.locator(".st-key-answer_picture h2")).to_be_in_viewport(ratio=1)
    page.locator("h1").scroll_into_view_if_needed()
    expect(page.locator(".st-key-answer_picture h2")).to_be_in_viewport(ratio=1)
