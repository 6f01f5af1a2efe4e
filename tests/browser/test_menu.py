"""The menu at the widths of a laptop, a small window and a telephone; what goes along from page to page."""

import re
from urllib.parse import unquote

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.browser.look import ready

expect.set_options(timeout=60_000)

TITLES = [
    "Start", "Bit lab", "Sweep", "Layers", "Trade-off", "Harden", "Protect", "Your network",
    "Lessons", "Replay", "Leaderboard",
]  # fmt: skip


@pytest.mark.parametrize("width", [1440, 1280, 1024])
def test_every_page_stands_in_the_menu_and_none_behind_more(visit, width):
    page = visit("/").page
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()
    ready(page)
    for title in TITLES:
        link = page.get_by_test_id("stTopNavLink").filter(has_text=title)
        expect(link).to_be_visible()
        box = link.bounding_box()
        assert box["x"] >= 0, title
        assert box["x"] + box["width"] <= width - 40, title
    expect(page.locator(".rc-overflow-item-rest:visible")).to_have_count(0)


def test_on_a_telephone_the_menu_is_a_drawer_with_every_page(visit):
    page = visit("/").page
    page.set_viewport_size({"width": 390, "height": 800})
    page.reload()
    ready(page)
    page.get_by_test_id("stExpandSidebarButton").click()
    links = page.get_by_test_id("stSidebarNavLink")
    expect(links).to_have_count(len(TITLES))
    links.last.click()
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_seeds_of_the_bit_lab_say_what_each_decides(visit):
    page = visit("/bitlab?share=1").page
    ready(page)
    page.get_by_role(
        "button", name="How it is attacked"
    ).click()  # the box of the flips is open: the link sets them
    for label in ("Seed of the flips", "Seed of the attack"):
        expect(page.get_by_role("spinbutton", name=label)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Seed", exact=True)).to_have_count(0)


OTHER = "cifar10/resnet18/base"


@pytest.mark.parametrize("title", ["Protect", "Layers", "Bit lab", "Harden", "Sweep"])
def test_the_network_of_a_link_goes_along_in_the_box_as_in_the_address(visit, title):
    page = visit(f"/tradeoff?net={OTHER}").page
    ready(page)
    page.get_by_test_id("stTopNavLink").filter(has_text=title).click()
    several = title == "Sweep"
    path, name = title.lower().replace(" ", ""), "nets" if several else "net"
    expect(page).to_have_url(re.compile(f"/{path}.*{name}="))
    ready(page)
    if several:
        expect(page.locator(".st-key-nets")).to_contain_text(OTHER)
    else:
        expect(page.locator(".st-key-net input")).to_have_value(OTHER)
    assert f"={OTHER}" in unquote(page.url)
