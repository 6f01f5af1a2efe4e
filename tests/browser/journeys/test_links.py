"""What a link asks for is there, or one sentence says what is; what a projector and a printer get."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.files import saved
from tests.browser.look import VERDICT, ready, until

expect.set_options(timeout=60_000)
NET = "signs/resnet20/base"


def test_a_number_between_the_steps_of_a_slider_is_taken_at_its_word(visit):
    page = visit(f"/sweep?nets={NET}&encs=int8&n=37&maps=3").page
    ready(page)
    for key, number in (("n", "37"), ("maps", "3")):
        expect(page.locator(f".st-key-{key} [data-testid=stSliderThumbValue]")).to_have_text(number)
    expect(page.locator(".st-key-shell_link")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"n=37(&|$)"))


def test_what_a_page_does_not_have_is_said_until_something_else_is_chosen(visit):
    page = visit(f"/tradeoff?net={NET}&enc=int8&mode=sideways&ber=0.0234").page
    ready(page)
    note = page.locator(".st-key-shell_link")
    expect(note).to_contain_text("mode=sideways (transfer or adaptive), which this page does not have")
    expect(note).to_contain_text("it shows mode=adaptive")
    expect(note).to_contain_text("ber=0.0234")
    clean = visit(f"/tradeoff?net={NET}&enc=int8&mode=transfer").page
    ready(clean)
    expect(clean.locator(".st-key-shell_link")).to_be_hidden()


def test_the_buttons_under_32_bits_stand_in_one_row_on_a_projector(visit):
    page = visit(f"/bitlab?net={NET}&enc=fp32&present=1").page
    page.set_viewport_size({"width": 1280, "height": 720})
    ready(page)
    expect(page.locator(VERDICT)).to_be_visible()
    buttons = page.locator('[class*="st-key-group_shortcuts"] button')
    expect(buttons).to_have_count(4)
    tops = """buttons => new Set(buttons.map(one => Math.round(one.getBoundingClientRect().top))).size"""
    until(page, lambda: buttons.evaluate_all(tops), 1)  # a busy machine draws one after the other
    boxes = [button.bounding_box() for button in buttons.all()]
    column = page.locator('[class*="st-key-words_32"]').first.bounding_box()
    assert max(box["x"] + box["width"] for box in boxes) <= column["x"] + column["width"] + 1


def test_the_plan_of_a_class_is_a_paper_of_its_own(visit):
    page = visit("/lessons").page
    ready(page)
    name, raw = saved(page, page.get_by_role("button", name="Plan to print"))
    assert name == "resq-plan.html"
    paper = page.context.new_page()
    paper.set_content(raw.decode())
    expect(paper.get_by_role("heading", name="a plan for 45 minutes")).to_be_visible()
    expect(paper.locator("tr")).to_have_count(7)  # six parts and the heading
    assert paper.get_by_role("link").first.get_attribute("href").startswith(page.url.partition("/lessons")[0])
    paper.close()
