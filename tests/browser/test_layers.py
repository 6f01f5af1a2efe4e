"""From the heatmap to a single flipped bit, as a visitor clicks it."""

import re

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import ready, tile

expect.set_options(timeout=60_000)

HEATMAP = '.st-key-layer_heat .nsewdrag[data-subplot="xy"]'
LAYERS, BITS = 20, 8  # of the shipped network in int8


def click(page, row: int, bit: int) -> None:
    """A click near a corner of a cell, scrolled to: every pixel of it counts."""
    cells = page.locator(HEATMAP)
    box = cells.bounding_box()
    x, y = box["width"] * (BITS - 1 - bit + 0.75) / BITS, box["height"] * (row + 0.25) / LAYERS
    cells.click(position={"x": x, "y": y})


def test_a_click_on_a_cell_leads_to_its_weights_and_on_to_a_flipped_bit(visit):
    page = visit("/layers").page
    expect(page.locator(HEATMAP)).to_be_visible()
    ready(page)
    click(page, 19, 6)
    expect(page).to_have_url(re.compile("layer=linear"))
    expect(page).to_have_url(re.compile("bit=6"))
    expect(page.get_by_text("linear, bit 6").first).to_be_visible()
    page.get_by_role("link", name=re.compile("in the Bit lab, bit 6 flipped")).click()
    expect(page).to_have_url(re.compile(r"/bitlab\?.*flip=6"))
    expect(tile(page, 6)).to_have_attribute("kind", "primary")
    expect(page).to_have_url(re.compile("layer=linear"))


def test_a_link_to_a_cell_shows_a_fresh_visitor_the_same(visit):
    page = visit("/layers?layer=layer2.0.conv1&bit=5&kind=estimated").page
    expect(page.locator(HEATMAP)).to_be_visible()
    ready(page)
    expect(page.get_by_text("layer2.0.conv1, bit 5").first).to_be_visible()
    expect(page.get_by_text("estimated to second order").first).to_be_visible()
