"""A network of one's own, brought by a click and taken through the pages."""

import contextlib
import re
from pathlib import Path

import pytest

pytest.importorskip("playwright")
import torch
from playwright.sync_api import Error, expect

from resq import checkpoints
from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.look import ready

expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of the shipped network as a student saves hers."""
    state = {
        name: torch.from_numpy(v.copy()) for name, v in checkpoints.load("signs/resnet20/base").state.items()
    }
    path = tmp_path_factory.mktemp("own") / "My Signs Net.pth"
    torch.save(state, path)
    return path


# Tiles of the map, and how many of them are hatched.
TILES = """node => { const map = node._fullData[0].z, shapes = node.layout.shapes;
    const hatch = shapes.filter(one => one.line.width === 1).map(one => one.path.split('M').length - 1);
    return [map.length * map[0].length, (hatch[0] || 0) / 8]; }"""


def test_a_brought_file_is_a_click_away_on_a_laptop(visit, file):
    """Fields that few files need had pushed the button off the screen."""
    page = visit("/tradeoff").page
    page.set_viewport_size({"width": 1280, "height": 720})
    ready(page)
    page.get_by_role("button", name="Bring a network").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    button = dialog.get_by_role("button", name="Bring it in")
    expect(button).to_be_enabled()
    expect(button).to_be_in_viewport(ratio=1)
    button.click()
    expect(dialog.get_by_role("button", name="Go on here")).to_be_visible()
    dialog.get_by_text("What the file does not say itself").click()
    expect(dialog.get_by_role("textbox", name="Batch norm eps")).to_be_visible()


def bring(page, file: Path) -> None:
    """Brings the file in by the dialog."""
    page.get_by_role("button", name="Bring a network").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    expect(dialog.get_by_role("button", name="Bring it in")).to_be_enabled()
    dialog.get_by_role("button", name="Bring it in").click()
    expect(dialog.get_by_text("is kept and chosen")).to_be_visible()


def test_an_own_network_gets_its_map_and_stays_chosen_from_page_to_page(visit, file):
    page = visit("/tradeoff").page
    ready(page)
    bring(page, file)
    dialog = page.get_by_role("dialog")
    for name in ("Sweep", "Layers", "Harden"):
        expect(dialog.get_by_role("button", name=name, exact=False).first).to_be_visible()
    dialog.get_by_role("button", name="Go on here").click()
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(re.compile(r"net=signs(%2F|/)resnet20(%2F|/)own-my-signs-net-[0-9a-f]{8}"))
    ready(page)
    # The map is there before its first cell, hatched, and says what it costs.
    expect(page.get_by_text("No tile of this map is measured yet")).to_be_visible()
    button = page.get_by_role("button", name=re.compile(r"Measure this map: \d+ cells, about"))
    expect(button).to_be_visible()
    button.click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(
        page.locator(".st-key-surface .js-plotly-plot, .st-key-surface_empty .js-plotly-plot").first
    ).to_be_visible()
    expect(page.locator(".st-key-surface .js-plotly-plot")).to_be_visible(timeout=200_000)  # a first cell
    tiles, lacking = page.locator(".st-key-surface .js-plotly-plot").evaluate(TILES)
    assert tiles == 12  # the whole map, the rest of it hatched
    if page.get_by_role("button", name="Cancel").count():
        assert 0 < lacking < 12
    with contextlib.suppress(Error, AssertionError):  # it may have ended meanwhile
        page.get_by_role("button", name="Cancel").first.click(timeout=5_000)
    # By the menu to other pages: it is chosen there.
    for title, key in (("Layers", "net"), ("Harden", "net"), ("Bit lab", "net")):
        page.locator('[data-testid="stTopNavLink"]').filter(has_text=title).first.click()
        ready(page)
        field = page.locator(f".st-key-{key} input").first
        expect(field).to_have_value(re.compile("own-my-signs-net"))
    page.locator('[data-testid="stTopNavLink"]').filter(has_text="Sweep").first.click()
    expect(page.locator(".st-key-nets")).to_contain_text("own-my-signs-net")


def test_the_address_names_a_brought_network_on_every_page_and_back_keeps_it(visit, file):
    page = visit("/layers").page
    ready(page)
    bring(page, file)
    expect(page).to_have_url(re.compile("clean=[0-9a-f]{12}"))  # its accuracy is being measured
    before = page.evaluate("history.length")
    assert before == 2  # the empty page and this one: a measurement that is followed is no act
    page.get_by_role("dialog").get_by_text(
        "is kept and chosen"
    ).click()  # changes no address, so no entry waits for it
    page.get_by_role("dialog").get_by_role("button", name="Trade-off").first.click()
    named = r"net=signs(%2F|/)resnet20(%2F|/)own-my-signs-net-[0-9a-f]{8}"
    expect(page).to_have_url(re.compile(f"tradeoff.{named}"))
    for number, title in enumerate(("Harden", "Bit lab"), 1):
        ready(page)
        page.locator("h1").first.click()  # changes no address, so no entry waits for it
        page.locator('[data-testid="stTopNavLink"]').filter(has_text=title).first.click()
        expect(page).to_have_url(re.compile(f"{title.lower().replace(' ', '')}.{named}"))
        expect(page.locator(".st-key-net input").first).to_have_value(re.compile("own-my-signs-net"))
        ready(page)
        assert page.evaluate("history.length") == before + 1 + number  # one entry a page
    for path in ("harden", "tradeoff"):
        page.go_back()
        expect(page).to_have_url(re.compile(f"{path}.{named}"))
        ready(page)
        expect(page.locator(".st-key-net input").first).to_have_value(re.compile("own-my-signs-net"))


def test_an_own_network_is_renamed_and_deleted(visit, file):
    page = visit("/layers").page
    ready(page)
    bring(page, file)
    dialog = page.get_by_role("dialog")
    dialog.locator(".st-key-own_called input").fill("Second Name")
    dialog.locator(".st-key-own_called input").press("Enter")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_text(re.compile("is now .*own-second-name-[0-9a-f]{8}"))).to_be_visible()
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_text("is deleted")).to_be_visible()
    expect(dialog.get_by_text("Brought before")).to_have_count(0)


def test_a_file_of_another_network_is_refused_by_its_own_name(visit, tmp_path):
    path = tmp_path / "thesis-net.pth"
    torch.save({"fc.weight": torch.zeros(3, 3)}, path)
    page = visit("/sweep").page
    ready(page)
    page.get_by_role("button", name="Bring a network").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(path)
    expect(dialog.get_by_role("button", name="Bring it in")).to_be_enabled()
    dialog.get_by_role("button", name="Bring it in").click()
    expect(dialog.get_by_text(re.compile("This file is not used: .*thesis"))).to_be_visible()
