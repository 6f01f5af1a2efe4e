"""The dashboard in a real browser: what a visitor sees and does."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.look import VERDICT, click_bit, ready, settled, tile, until

expect.set_options(timeout=60_000)


def test_the_first_screen_shows_the_chart_of_a_trained_network(visit):
    page = visit("/").page
    ready(page)
    chart = page.locator(".js-plotly-plot .main-svg").first
    expect(chart).to_be_visible()
    expect(page.locator('[class*="st-key-card_"]')).to_have_count(4)
    # At least the chart's upper part is on the first screen.
    until(page, lambda: chart.bounding_box()["y"] < 900 - 200, True)


def test_a_card_leads_to_the_lessons_and_its_second_link_to_the_bit_lab(visit):
    page = visit("/").page
    page.locator(".st-key-card_0").get_by_role("link", name="Start the lessons").click()
    expect(page).to_have_url(re.compile("/lessons"))
    page.go_back()
    page.locator(".st-key-card_0").get_by_role("link", name="Flip a bit").click()
    expect(page).to_have_url(re.compile("/bitlab"))
    expect(page.locator(VERDICT)).to_be_visible()


def test_a_tile_of_the_surface_is_chosen_by_a_click_and_a_shared_link_frames_the_same(visit):
    page = visit("/tradeoff").page
    plot = page.locator(".st-key-surface .js-plotly-plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    # The centre of the upper left tile, the largest rate without attack.
    at = plot.evaluate("""node => {
        const axes = node._fullLayout, x = axes.xaxis, y = axes.yaxis, top = y.range[1] - 0.5;
        return {x: x._offset + x.l2p(0), y: y._offset + y.l2p(top)};
    }""")
    plot.click(position=at)
    expect(page).to_have_url(re.compile("eps=0"))
    expect(page.locator(".st-key-cell h2")).to_contain_text("eps 0/255")
    second = visit("/tradeoff?" + page.url.split("?")[1]).page
    said = page.locator(".st-key-cell h2").inner_text()
    expect(second.locator(".st-key-cell h2")).to_have_text(said)


def test_a_teachers_link_shows_the_task_and_hides_what_it_says(visit):
    page = visit("/bitlab?task=Flip+bit+7.&hide=network,plane&flip=7").page
    expect(page.locator(".st-key-shell_task_box")).to_have_text("Flip bit 7.")
    expect(page.locator(VERDICT)).to_be_visible()
    expect(page.locator(".st-key-group_network")).to_be_hidden()
    expect(page.locator(".st-key-group_plane")).to_be_hidden()
    expect(page.locator(".st-key-group_weight")).to_be_visible()


def test_a_lesson_reveals_after_a_prediction(visit):
    page = visit("/lessons?lesson=bit").page
    expect(page.get_by_text("Commit to an answer").first).to_be_visible()
    page.get_by_text("by 128", exact=True).click()
    page.get_by_role("button", name="That is my answer").first.click()
    expect(page.get_by_text("Each bit counts twice as much").first).to_be_visible()


def test_a_lesson_walked_to_its_end_keeps_its_answers_after_a_reload(visit):
    page = visit("/lessons?lesson=bit").page
    expect(page.get_by_text("Step 1 of 2.")).to_be_visible()
    expect(page.get_by_text("Open this view")).to_have_count(0)  # the prediction comes first
    page.get_by_text("by 7", exact=True).click()
    page.get_by_role("button", name="That is my answer").click()
    expect(page.get_by_text("That is wrong")).to_be_visible()
    expect(page.get_by_text("Open this view")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("eight-bit codes", exact=True).click()
    page.get_by_role("button", name="That is my answer").click()
    expect(page.get_by_text("That is right")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Step 2 of 2.")).to_be_visible()
    expect(page.get_by_text("That is right")).to_be_visible()
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.get_by_text("That is wrong")).to_be_visible()


def test_a_bit_flips_by_click_and_by_its_digit_and_esc_flips_all_back(visit):
    page = visit("/bitlab").page
    expect(page.locator(VERDICT)).to_be_visible()
    clean = settled(page, lambda: page.locator(VERDICT).inner_text())
    click_bit(page, 7)
    expect(page).to_have_url(re.compile("flip=7$"))
    expect(page.locator(VERDICT)).to_contain_text("→")
    page.keyboard.press("3")
    expect(page).to_have_url(re.compile("flip=7%2C3|flip=7,3"))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("flip"))
    expect(page.locator(VERDICT)).to_have_text(re.compile(re.escape(clean.split("\n")[-1])))


def state(page) -> dict[str, object]:
    """All that a visitor sees of the Bit lab's state."""
    return {
        "tiles": page.locator('[class*="st-key-bit_"] button').all_inner_texts(),
        "flipped": page.locator('[class*="st-key-bit_"] button[kind=primary]').count(),
        "readings": page.locator("[data-testid=stMetric]").all_inner_texts(),
        "verdict": page.locator(VERDICT).inner_text(),
        "address": page.url.split("?")[1],
    }


def test_a_shared_link_shows_a_fresh_visitor_the_same(visit):
    first = visit("/bitlab?enc=int4-tmr2&layer=linear&w=5&img=3&share=10").page
    tile(first, 5).click()
    expect(first).to_have_url(re.compile("flip=5"))
    expect(tile(first, 5)).to_have_attribute("kind", "primary")
    expect(first.locator("[data-testid=stMetric]")).to_have_count(3)
    expect(first.locator(VERDICT)).to_be_visible()
    seen = settled(first, lambda: state(first))
    assert (len(seen["tiles"]), len(seen["readings"]), seen["flipped"]) == (8, 3, 1)
    second = visit("/bitlab?" + seen["address"]).page
    expect(second.locator(VERDICT)).to_be_visible()
    until(second, lambda: state(second), seen)


def test_a_sweep_is_measured_live_and_found_again_after_a_reload(visit):
    page = visit("/sweep?n=100&maps=2&parts=faults&encs=int8&seed=12").page
    ready(page)
    page.get_by_role("button", name=re.compile(r"^\S* ?Measure [\d,]+ ")).click()
    expect(page).to_have_url(re.compile("job=[0-9a-f]{12}"))
    page.reload()
    # One cell without faults, and two maps at four rates; the wait is for torch in the job's own process.
    expect(page.get_by_text("9 cells.")).to_be_visible(timeout=200_000)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.get_by_text("seed 12").first).to_be_visible()


def test_a_measurement_is_cancelled(visit):
    page = visit("/sweep?n=4000&maps=50&points=more&encs=int8&seed=13").page
    ready(page)
    page.get_by_role("button", name=re.compile(r"^\S* ?Measure [\d,]+ ")).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"^\S* ?Measure [\d,]+ "))).to_be_enabled()


def test_a_shortcut_of_the_bit_lab_changes_the_weight_chosen_above_it(visit):
    page = visit("/bitlab?net=signs/resnet20/base").page
    ready(page)
    number = page.locator(".st-key-w input")
    expect(number).to_have_value("316")
    page.locator(".st-key-largest button").click()
    expect(number).not_to_have_value("316")
    expect(page).to_have_url(re.compile(r"w=\d+"))


def test_a_flip_reaches_the_command_in_an_open_box_and_the_answer_to_an_attack(visit):
    page = visit("/bitlab?net=signs/resnet20/base&enc=fp32&pixels=4").page
    ready(page)
    page.locator(".st-key-numbers_bitlab summary").click()
    command = page.locator(".st-key-numbers_bitlab code", has_text="resq flip")
    expect(command).not_to_contain_text("--bits")
    columns = "document.querySelector('.st-key-four .js-plotly-plot').data.length"
    before = settled(page, lambda: page.evaluate(columns))
    click_bit(page, 30)
    expect(command).to_contain_text("--bits 30")
    until(page, lambda: page.evaluate(columns) > before, True)
    expect(page).to_have_url(re.compile("flip=30"))
