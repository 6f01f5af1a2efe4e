"""The first minute: what a newcomer sees on Start and in the Bit lab before reading anything."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from dashboard.model import decisive
from tests.browser.look import VERDICT, click_bit, ready, settled, tile, until

expect.set_options(timeout=60_000)

BITLAB = "/bitlab?net=signs/resnet20/base"


def bottom(page, selector: str) -> float:
    """Where an element ends, in pixels from the top of the screen."""
    box = page.locator(selector).first.bounding_box()
    return box["y"] + box["height"]


def test_start_is_one_screen_of_cards_and_one_figure_and_the_numbers_come_behind_it(visit):
    page = visit("/").page
    ready(page)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.locator('[class*="st-key-finding_"]').first).to_be_attached()
    assert settled(page, lambda: round(bottom(page, ".js-plotly-plot"))) <= 900
    assert page.locator(".st-key-findings").bounding_box()["y"] >= 880
    expect(page.locator(".js-plotly-plot")).to_have_count(1)


@pytest.mark.parametrize("flip", decisive.every(), ids=lambda flip: flip.enc)
def test_one_click_on_the_marked_bit_changes_the_answer_above_the_fold(visit, flip):
    page = visit(f"{BITLAB}&enc={flip.enc}").page
    expect(page.locator(VERDICT)).to_contain_text(flip.before)
    ready(page)
    shadow = "tile => getComputedStyle(tile).boxShadow"
    until(page, lambda: "rgb(230, 159, 0)" in tile(page, flip.bit).evaluate(shadow), True)
    click_bit(page, flip.bit)
    expect(page.locator(f"{VERDICT} h2")).to_contain_text(flip.says)
    assert bottom(page, VERDICT) < 900
    expect(page.locator(".trace i")).to_have_count(20)


def test_the_attack_on_the_same_picture_stands_beside_the_answer_above_the_fold(visit):
    page = visit(f"{BITLAB}&enc=fp32").page
    expect(page.locator(VERDICT)).to_contain_text("roundabout")
    ready(page)
    page.locator(".st-key-pixels").get_by_text("8", exact=True).click()
    attacked = page.locator('[class*="st-key-attacked"]')
    expect(attacked).to_contain_text("roundabout → ")
    assert bottom(page, '[class*="st-key-attacked"]') < 900
    assert attacked.bounding_box()["x"] > page.locator(VERDICT).bounding_box()["x"]


def test_the_answer_breaks_while_the_slider_of_the_bit_error_rate_moves(visit):
    page = visit(f"{BITLAB}&img=3").page
    expect(page.locator(VERDICT)).to_contain_text("pedestrians")
    ready(page)
    page.locator(".st-key-rate input[type=range], .st-key-rate [role=slider]").first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(page.locator(f"{VERDICT} h2")).to_contain_text("→")
    expect(page).to_have_url(re.compile("rate=0.1"))
    expect(page.locator(".st-key-rate")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator(f"{VERDICT} h2")).to_have_text(re.compile("pedestrians$"))
    until(page, lambda: "rate=" in page.url, False)


def test_a_projector_shows_all_bits_in_one_row_and_the_answer_beside_them(visit):
    page = visit(f"{BITLAB}&enc=int8").page
    page.set_viewport_size({"width": 1280, "height": 720})
    ready(page)
    page.get_by_role("button", name="Present").click()
    expect(page).to_have_url(re.compile("present=1"))
    expect(page.locator('[data-testid="stTopNavLink"]').first).to_be_hidden()
    rows = {round(tile(page, bit).bounding_box()["y"]) for bit in range(8)}
    assert len(rows) == 1
    until(page, lambda: bottom(page, VERDICT) <= 720, True)
    page.locator(".st-key-shell_way").get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"present=1"))
    expect(page).not_to_have_url(re.compile("bitlab"))
    page.get_by_role("button", name="Leave presenter mode").click()
    expect(page.locator('[data-testid="stTopNavLink"]').first).to_be_visible()


def test_an_address_that_names_no_page_says_so(visit, address):
    seen = visit("/")
    ready(seen.page)
    seen.page.goto(f"{address}/nothing-here")
    expect(seen.page.locator(".st-key-shell_unknown")).to_contain_text("There is no page “nothing-here” here")
    expect(seen.page.locator("h1")).to_have_text("What is left of a network when its memory fails?")
    expect(seen.page.get_by_role("dialog")).to_have_count(0)  # Streamlit's own box would lie over both
