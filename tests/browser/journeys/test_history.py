"""Back undoes one act at a time, and the page follows; a lesson's view opens as it says."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import VERDICT, click_bit, ready, settled, until

expect.set_options(timeout=60_000)
NET = "signs/resnet20/base"


def shown(page) -> dict[str, object]:
    """What three acts of the Bit lab change."""
    return {
        "address": page.url.partition("?")[2],
        "flipped": page.locator('[class*="st-key-bit_"] button[kind=primary]').count(),
        "weight": page.locator(".st-key-w input").input_value(),
        "verdict": page.locator(f"{VERDICT} h2").first.inner_text(),
    }


def test_back_undoes_one_act_at_a_time_and_the_page_follows(visit):
    page = visit("/bitlab").page
    ready(page)
    expect(page.locator(VERDICT)).to_be_visible()
    seen = [settled(page, lambda: shown(page))]
    acts = (
        (lambda: click_bit(page, 7), "flip=7"),
        (lambda: click_bit(page, 6), r"flip=7(,|%2C)6"),
        (lambda: page.locator(".st-key-largest button").click(), r"w=\d+"),
    )
    for act, address in acts:
        act()
        expect(page).to_have_url(re.compile(address))
        seen.append(settled(page, lambda: shown(page)))
    assert len({str(one) for one in seen}) == 4
    for before in reversed(seen[:-1]):
        page.go_back()
        until(page, lambda: shown(page), before)


def test_the_view_of_a_lesson_opens_as_it_says_and_leads_back_to_its_step(visit):
    page = visit("/bitlab").page
    ready(page)
    click_bit(page, 7)
    expect(page).to_have_url(re.compile("flip=7"))
    page.locator('[data-testid="stTopNavLink"]').filter(has_text="Lessons").first.click()
    page.get_by_text("by 128", exact=True).click()
    page.get_by_role("button", name="That is my answer").click()
    expect(page.get_by_text("That is right")).to_be_visible()
    ready(page)
    page.get_by_role("link", name="Open this view").click()
    expect(page).to_have_url(re.compile("bitlab.*task="))
    ready(page)
    expect(page.locator(VERDICT)).to_be_visible()
    assert "flip=" not in page.url  # the lesson flips nothing: the flip of before is of another weight
    assert page.locator('[class*="st-key-bit_"] button[kind=primary]').count() == 0
    page.get_by_role("link", name="Back to the lesson").click()
    expect(page.get_by_text("That is right")).to_be_visible()
