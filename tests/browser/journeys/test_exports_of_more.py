"""Protect, Your network and Leaderboard: every figure as SVG, PDF and PNG on white, its legend inside."""

import io
import re

import pandas as pd
import pytest

pytest.importorskip("playwright")
pytest.importorskip("onnxruntime")
from playwright.sync_api import expect

from dashboard.report import html_report
from tests.browser.conftest import own_address as address  # noqa: F401 - a fixture
from tests.browser.files import OUTSIDE, command, drawn, opened, resq, saved, whole_on_white
from tests.browser.look import click_bit, ready
from tests.small_file import made

expect.set_options(timeout=120_000)
pytestmark = pytest.mark.skipif(not html_report.browser(), reason="no Chromium to draw with")
NET = "signs/resnet20/base"
FORMS = ("svg", "pdf", "png")


def every_figure(page) -> dict[str, list[str]]:
    """Chart -> what is wrong with its files, for all that the opened boxes offer."""
    wrong: dict[str, list[str]] = {}
    for form in FORMS:
        found = page.locator('[class*="st-key-numbers"] button', has_text=re.compile(f"{form.upper()}$"))
        expect(found.first).to_be_visible()
        for button in found.all():
            file, raw = saved(page, button)
            name = re.fullmatch(rf"resq-([a-z_]+)-[a-z0-9.@-]+\.{form}", file)
            assert name, f"the name {file} does not say what it is of"
            wrong.setdefault(name[1], []).extend(whole_on_white(page, form, raw))
    return wrong


def test_the_plane_of_protect_is_saved_in_every_form(visit):
    page = visit(f"/protect?net={NET}&sampler=layer-uniform&ber=0.01&keep=95").page
    opened(page)
    assert every_figure(page) == {"protection": []}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return made(tmp_path_factory.mktemp("file"))


def test_every_figure_of_a_deployed_file_is_saved_and_its_commands_give_its_numbers(visit, file, tmp_path):
    page = visit("/yournetwork?range=0..1&data=signs&maps=2&n=100&bers=0.01,0.1").page
    ready(page)
    page.locator(".st-key-drop input[type=file]").set_input_files(str(file))
    page.get_by_role("button", name="Run it").click()
    expect(page.get_by_text(re.compile("test images of signs are right without faults"))).to_be_visible()
    page.get_by_role("button", name="Sweep it").click()
    expect(page.get_by_text(re.compile("Made here in .*: 5 cells")).first).to_be_visible()
    page.get_by_role("button", name="Measure tensors and bits").click()
    expect(page.locator(".st-key-file_heat .main-svg").first).to_be_visible()
    click_bit(page, 7)
    expect(page).to_have_url(re.compile("flip=7"))
    opened(page)
    assert every_figure(page) == {"targets": [], "ber": [], "layers": [], "probabilities": []}
    the_sweep_is_drawn_as_measured_again(page, file, tmp_path)


def the_sweep_is_drawn_as_measured_again(page, file, tmp_path) -> None:
    """The command under the curve, where nothing of the file is stored but the file itself."""
    out, words = tmp_path / "again.csv", command(page, "sweep")
    name = re.search(r"small@[0-9a-f]{8}\.onnx", words)[0]
    (tmp_path / "deployed").mkdir()
    (tmp_path / "deployed" / name).write_bytes(file.read_bytes())
    resq(f"{words} --out {out}", tmp_path)
    again = pd.read_csv(out, comment="#").groupby("ber")[["correct", "n"]].sum()
    measured = {round(y, 12) for trace in drawn(page, ".st-key-chart_file_ber") for y in trace["y"]}
    assert measured == set((again["correct"] / again["n"]).round(12))


def test_the_leaderboard_gives_its_lines_and_a_report_whose_figures_are_whole(visit):
    page = visit("/leaderboard?data=signs").page
    ready(page)
    name, raw = saved(page, page.get_by_role("button", name="These lines as CSV"))
    assert name == "resq-leaderboard-signs.csv"
    lines = pd.read_csv(io.BytesIO(raw), comment="#")
    assert set(lines["checkpoint"].str.split("/").str[0]) == {"signs"}
    expect(page.get_by_text(re.compile(f"^{len(lines)} of"))).to_be_visible()
    name, raw = saved(page, page.get_by_role("button", name="Report as HTML"))
    assert re.fullmatch(r"resq-signs-[a-z0-9-]+\.html", name)
    report = page.context.new_page()
    report.set_content(raw.decode())
    expect(report.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    for number in range(report.locator(".js-plotly-plot").count()):
        inside = OUTSIDE.replace("document", f"document.querySelectorAll('.js-plotly-plot')[{number}]")
        assert report.evaluate(inside) == []
        colour = "node => getComputedStyle(node.querySelector('.main-svg')).backgroundColor"
        assert report.locator(".js-plotly-plot").nth(number).evaluate(colour) == "rgb(255, 255, 255)"
    report.close()
