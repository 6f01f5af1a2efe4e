"""Harden and Replay as a visitor walks them, own pictures, a projector, the dark, the keyboard."""

import io
import re

import pytest

pytest.importorskip("playwright")
from PIL import Image
from playwright.sync_api import expect

from resq import data as images
from stress.harness import server
from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.look import VERDICT, ready, until

expect.set_options(timeout=60_000)


def picture() -> bytes:
    """A PNG that every network reads: one red square."""
    out = io.BytesIO()
    Image.new("RGB", (48, 40), "#C00000").save(out, "PNG")
    return out.getvalue()


def test_an_own_picture_is_answered_and_a_file_that_is_none_is_refused_in_words(visit):
    page = visit("/bitlab").page
    expect(page.locator(VERDICT)).to_contain_text("The picture shows")
    page.locator(".st-key-m summary").click()
    chooser = page.locator(".st-key-own input[type=file]")
    chooser.set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.get_by_alt_text("your picture")).to_be_visible()
    expect(page.locator(VERDICT)).not_to_contain_text("The picture shows")
    page.reload()
    expect(page.locator(VERDICT)).to_contain_text("The picture shows")
    page.locator(".st-key-m summary").click()
    chooser.set_input_files({"name": "bad.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_text("neither a PNG nor a JPEG picture")).to_be_visible()
    expect(page.locator(VERDICT)).to_contain_text("The picture shows")


def test_a_projector_sees_large_type_without_a_menu_until_it_is_left(visit):
    page = visit("/bitlab?present=1").page
    expect(page.locator(VERDICT)).to_be_visible()
    expect(page.locator("[data-testid=stHeader]")).to_be_hidden()
    size = "() => getComputedStyle(document.documentElement).fontSize"
    assert page.evaluate(size) == "23px"
    page.get_by_role("button", name="Leave presenter mode").click()
    expect(page).not_to_have_url(re.compile("present"))
    expect(page.locator("[data-testid=stHeader]")).to_be_visible()
    until(page, lambda: page.evaluate(size), "18px")


def test_in_the_dark_the_page_is_dark_and_its_figures_let_it_through(visit):
    page = visit("/", color_scheme="dark").page
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    colour = "node => getComputedStyle(node).backgroundColor"
    assert page.locator("[data-testid=stApp]").evaluate(colour) == "rgb(18, 22, 29)"
    paper = page.locator(".js-plotly-plot").first.evaluate("node => node._fullLayout.paper_bgcolor")
    assert paper.replace(" ", "") == "rgba(0,0,0,0)"


def test_the_tabulator_reaches_the_menu_and_the_first_control(visit):
    page = visit("/bitlab").page
    expect(page.locator(VERDICT)).to_be_visible()
    ready(page)
    inside = "node => document.activeElement !== document.body && node.contains(document.activeElement)"
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        for name in ("[data-testid=stHeader]", ".st-key-group_network"):
            if name not in reached and page.locator(name).evaluate(inside):
                reached.append(name)
    assert reached == ["[data-testid=stHeader]", ".st-key-group_network"]


def test_a_run_of_hardening_is_begun_found_again_by_its_link_and_cancelled(visit):
    page = visit("/harden?net=signs/resnet20/base&preset=quick&seed=5").page
    ready(page)
    page.get_by_role("button", name="Harden", exact=True).click()
    expect(page).to_have_url(re.compile("job=[0-9a-f]{12}"))
    expect(page.locator('[class*="st-key-step_"]')).to_have_count(3)
    other = visit("/harden?" + page.url.split("?")[1]).page
    expect(other.locator('[class*="st-key-step_"]')).to_have_count(3)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    expect(other.get_by_text("Cancelled after")).to_be_visible()
    expect(page.get_by_role("button", name="Harden", exact=True)).to_be_enabled()


def test_no_control_of_harden_is_taken_for_a_tile_of_the_bit_lab(visit):
    page = visit("/harden?net=signs/resnet20/base").page
    arrows = page.locator("[data-testid=stSelectbox] button")
    expect(arrows.nth(4)).to_be_visible()
    own = "all => all.map(arrow => arrow.offsetHeight <= arrow.parentElement.offsetHeight)"
    until(page, lambda: len(arrows.evaluate_all(own)) >= 5 and all(arrows.evaluate_all(own)), True)


def test_the_run_of_a_link_that_no_server_knows_is_a_sentence(visit):
    page = visit("/harden?job=0123456789ab").page
    expect(page.get_by_text("no longer known here")).to_be_visible()
    expect(page).not_to_have_url(re.compile("job="))


def test_replay_opens_on_a_settled_claim_and_names_its_verdict(visit):
    page = visit("/replay").page
    expect(page.locator(VERDICT).first).to_contain_text(re.compile("reproduced|exceeded"))
    expect(page.locator(".st-key-chart_readings .main-svg").first).to_be_visible()


@pytest.mark.skipif(not images.present("cifar10"), reason="all shipped claims are about CIFAR-10 images")
def test_a_claimed_point_is_run_again_to_its_end(visit):
    page = visit("/replay?claim=group-resnet18-8bit&n=100&maps=2").page
    ready(page)
    page.get_by_role("button", name="Another size").click()
    page.get_by_role("button", name=re.compile("^Run it")).click()
    expect(page).to_have_url(re.compile("job=[0-9a-f]{12}"))
    expect(page.locator(".st-key-chart_again .main-svg").first).to_be_visible(timeout=200_000)
    expect(page.locator('[class*="st-key-verdict_"][class*="_again"]')).to_be_visible()


@pytest.mark.parametrize("path", ["", "lab"])
def test_a_link_connects_without_asking_where_its_server_is_also_below_a_path(browser, tmp_path, path):
    with server.running(tmp_path, {"STREAMLIT_SERVER_BASE_URL_PATH": path}) as real:
        page = browser.new_context().new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(f"{real.url}/layers?net=signs/resnet20/base")
        ready(page)
        expect(page.locator("h1")).to_have_text("Which layers and which bits matter?")
        own = sorted(url.partition("://")[2].split("?")[0] for url in asked if "/_stcore/" in url)
        begin = real.url.partition("://")[2]
        assert own == [f"{begin}/_stcore/{what}" for what in ("health", "host-config", "stream")]
        page.context.close()
