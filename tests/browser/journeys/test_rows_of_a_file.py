"""The deployed file at hand through the page: the rows that it makes are those of the command.

With RESQ_LONG all 10,000 test images and 20 maps a rate; else 250 images and 2 maps.
"""

import io
import os
import re

import pandas as pd
import pytest

pytest.importorskip("playwright")
pytest.importorskip("ai_edge_litert")
from playwright.sync_api import expect

from resq import data
from resq.measure.run.sweep import Measurer
from resq.measure.specs.sweep_spec import SweepSpec
from tests import deployed_files
from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.look import ready

expect.set_options(timeout=240_000)
LONG = bool(os.environ.get("RESQ_LONG"))
IMAGES, MAPS = (10_000, 20) if LONG else (250, 2)
BERS = (0.0, 1e-4, 1e-3, 1e-2)
SAME = ["ber", "map", "key", "flips", "correct", "n", "weights", "images", "code", "bits", "targets"]
NUMBERS = "Numbers, files, and the command that made them"


@pytest.mark.timeout(3600 if LONG else 600)
def test_the_rows_of_the_page_are_those_of_the_command(visit, tmp_path, monkeypatch):
    file = deployed_files.shared("ic01_int8.tflite")
    if file is None or not data.present("cifar10"):
        pytest.skip("the deployed file or the images of CIFAR-10 are not on this machine (set RESQ_DATA)")
    page = visit(f"/yournetwork?data=cifar10&maps={MAPS}&n={IMAGES}&bers=0,0.0001,0.001,0.01").page
    ready(page)
    page.locator(".st-key-drop input[type=file]").set_input_files(str(file))
    expect(page.get_by_text("10 weight tensors, 77,360 weights").first).to_be_visible(timeout=240_000)
    page.get_by_role("button", name="Run it").click()
    whole = page.get_by_text(re.compile("test images of cifar10 are right without faults"))
    expect(whole).to_be_visible(timeout=600_000)
    page.get_by_role("button", name="Sweep it").click()
    total = 1 + MAPS * (len(BERS) - 1)
    done = page.get_by_text(re.compile(f"Made here in .*: {total} cells")).first
    expect(done).to_be_visible(timeout=3_000_000)
    page.locator(".st-key-group_more__sweep").get_by_text(NUMBERS).first.click()
    with page.expect_download(timeout=240_000) as download:
        page.get_by_role("button", name="Rows as CSV").first.click()
    shown = pd.read_csv(io.BytesIO(download.value.path().read_bytes()), comment="#")
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    made = Measurer()
    spec = SweepSpec(str(file), data="cifar10", bers=BERS, maps=MAPS, n=IMAGES)
    own = pd.DataFrame([made.row(cell) for cell in spec.cells()])
    assert len(shown) == len(own) == total
    clean = shown.loc[shown["ber"] == 0, "correct"].item() / IMAGES
    assert abs(clean - 0.8699) < (1e-9 if LONG else 0.06)  # LiteRT's own on all images
    pd.testing.assert_frame_equal(*(
        t.sort_values(["ber", "map"])[SAME].reset_index(drop=True) for t in (shown, own)
    ), check_dtype=False)  # fmt: skip
