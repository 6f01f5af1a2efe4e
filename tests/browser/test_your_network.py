"""A deployed file from its drop to a flipped bit, as a visitor does it; and a file that is none."""

import re

import pytest

pytest.importorskip("playwright")
pytest.importorskip("onnxruntime")
from playwright.sync_api import expect

from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.look import VERDICT, click_bit, ready, tile
from tests.small_file import made

expect.set_options(timeout=120_000)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return made(tmp_path_factory.mktemp("file"))


def drop(page, file) -> None:
    page.locator(".st-key-drop input[type=file]").set_input_files(str(file))


def test_a_file_of_onnxruntime_is_seen_inside_run_swept_and_flipped(visit, file):
    page = visit("/yournetwork?range=0..1&data=signs&maps=2&n=100&bers=0.01").page
    ready(page)
    drop(page, file)
    expect(page.get_by_text("2 weight tensors, 344 weights").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"file=small%40[0-9a-f]{8}\.onnx"))
    page.get_by_role("button", name="Run it").click()
    expect(page.get_by_text(re.compile("test images of signs are right without faults"))).to_be_visible()
    expect(page.get_by_text(re.compile("3 rows, about")).first).to_be_visible()
    page.get_by_role("button", name="Sweep it").click()
    expect(page.locator(".st-key-chart_file_ber .main-svg").first).to_be_visible()
    expect(page.get_by_text(re.compile("Made here in .*: 3 cells")).first).to_be_visible()
    click_bit(page, 7)
    expect(tile(page, 7)).to_have_attribute("kind", "primary")
    expect(page.locator(VERDICT)).to_be_visible()
    expect(page.locator(".st-key-file_probabilities .main-svg").first).to_be_visible()
    expect(page).to_have_url(re.compile("flip=7"))


def test_a_damaged_file_gives_its_sentence_and_the_server_goes_on(visit, file, tmp_path):
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(file.read_bytes()[:300])
    page = visit("/yournetwork").page
    ready(page)
    drop(page, cut)
    expect(page.get_by_text(re.compile(r"cut@[0-9a-f]{8}\.onnx")).first).to_be_visible()
    expect(page.get_by_text(re.compile("damaged|ends before|says more bytes|cut off")).first).to_be_visible()
    expect(page.get_by_text("fault of the lab")).to_have_count(0)
    other = visit("/yournetwork").page
    ready(other)
    drop(other, file)
    expect(other.get_by_text("2 weight tensors, 344 weights").first).to_be_visible()
